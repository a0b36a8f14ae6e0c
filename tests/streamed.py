"""Changes of records as the table's stream tells them to its function."""

from datetime import datetime
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from attachments.catalog import item_of
from attachments.model import Attachment
from tests.builders import NOON

_VALUES = TypeSerializer()
Record = dict[str, Any]


def image(attachment: Attachment) -> dict[str, Any]:
    """A record's item as the stream writes it."""
    return {name: _VALUES.serialize(value) for name, value in item_of(attachment).items()}


def record(
    old: Attachment | None, new: Attachment | None, *, number: int = 1, at: datetime = NOON
) -> Record:
    """One record of the stream."""
    attachment = new or old
    assert attachment
    told: dict[str, Any] = {
        "ApproximateCreationDateTime": int(at.timestamp()),
        "Keys": {"id": {"S": attachment.id}},
        "SequenceNumber": str(number),
        "SizeBytes": 1,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if old is not None:
        told["OldImage"] = image(old)
    if new is not None:
        told["NewImage"] = image(new)
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    return {
        "eventID": f"event-{number}",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": told,
    }
