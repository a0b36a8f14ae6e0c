"""What inspections come to and what they cost, as CloudWatch metrics."""

from datetime import datetime

from attachments import metrics
from functions.inspect_upload.findings import Refused
from functions.inspect_upload.inspect import Inspected

SERVICE = "inspect_upload"


def publish(inspected: Inspected, *, now: datetime) -> None:
    """One decision; a refusal is counted once more by its cause."""
    finding = inspected.finding
    refused = isinstance(finding, Refused)
    undrawn = not isinstance(finding, Refused) and finding.note is not None
    waited = (now - inspected.uploaded_at).total_seconds()
    metrics.publish(
        SERVICE,
        counts={
            "FilesReady": int(not refused),
            "FilesRejected": int(refused),
            "ThumbnailFailures": int(undrawn),
            "InspectionErrors": 0,
        },
        milliseconds={
            "InspectionTime": round(inspected.took_s * 1000),
            **({} if refused else {"UploadToReady": max(round(waited * 1000), 0)}),
        },
        sizes={
            "BytesRead": inspected.bytes_read,
            "BytesStored": 0 if refused else inspected.size,
        },
        notes={"attachment_id": inspected.attachment_id},
    )
    if isinstance(finding, Refused):
        metrics.publish(
            SERVICE,
            counts={"Rejects": 1},
            dimensions={"cause": finding.cause},
            notes={"attachment_id": inspected.attachment_id, "reason": finding.reason},
        )


def publish_error(error: Exception, *, attachment_id: str) -> None:
    """An inspection that did not come to an end; the queue brings it again."""
    metrics.publish(
        SERVICE,
        counts={"InspectionErrors": 1},
        notes={"attachment_id": attachment_id, "error": type(error).__name__},
    )
