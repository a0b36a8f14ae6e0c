"""What a pass found, as CloudWatch metrics (embedded metric format)."""

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from functions.sweep.sweep import Swept

NAMESPACE = "OffChatAttachments"


def publish(swept: Swept) -> None:
    """One line on stdout, from which CloudWatch makes the metrics."""
    metrics = Metrics(namespace=NAMESPACE, service="sweep")
    counts = {
        "UploadsExpired": swept.expired,
        "InspectionsGivenUp": swept.failed,
        "LeftoversRemoved": swept.uploads_removed + swept.thumbnails_removed,
        "BytesMissing": swept.bytes_missing,
        "ThumbnailsMissing": swept.thumbnails_missing,
        "SweepErrors": swept.errors,
    }
    for name, value in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()
