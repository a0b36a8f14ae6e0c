"""What a pass found, as CloudWatch metrics."""

from attachments import metrics
from functions.sweep.sweep import Swept


def publish(swept: Swept) -> None:
    """One line of figures, also where all are zero: that a pass ended is worth knowing."""
    counts = {
        "UploadsExpired": swept.expired,
        "InspectionsGivenUp": swept.failed,
        "LeftoversRemoved": swept.uploads_removed + swept.thumbnails_removed,
        "BytesMissing": swept.bytes_missing,
        "ThumbnailsMissing": swept.thumbnails_missing,
        "CountsCorrected": swept.counts_corrected,
        "StuckPending": swept.stuck,
        "UsageDrift": swept.usage_drift,
        "SweepErrors": swept.errors,
    }
    metrics.publish("sweep", counts=counts)
