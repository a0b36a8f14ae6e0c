"""The table's stream: what each record was, and what it became (DynamoDB guide, "Change data
capture for DynamoDB Streams"; Lambda guide, "Using AWS Lambda with Amazon DynamoDB")."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from attachments import catalog
from attachments.model import Attachment

_VALUES = TypeDeserializer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write to a record: `old` is None where it began, `new` where it is gone for good.

    `at` is when it was written, to the second. The same change may come more than once, and then is
    equal; changes of one record come in their order.
    """

    sequence_number: str
    at: datetime
    old: Attachment | None
    new: Attachment | None


def change_of(record: dict[str, Any]) -> Change:
    """From one record of the stream, with new and old images.

    Raises KeyError and ValueError for what is none.
    """
    told = record["dynamodb"]
    old, new = _attachment(told.get("OldImage")), _attachment(told.get("NewImage"))
    if old is None and new is None:
        raise ValueError("the stream tells neither what the record was nor what it became")
    return Change(
        sequence_number=told["SequenceNumber"],
        at=datetime.fromtimestamp(int(told["ApproximateCreationDateTime"]), UTC),
        old=old,
        new=new,
    )


def _attachment(image: dict[str, Any] | None) -> Attachment | None:
    if not image:
        return None
    return catalog.record_of({name: _VALUES.deserialize(value) for name, value in image.items()})
