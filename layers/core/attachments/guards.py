"""Idempotency keys: a retried upload request finds the attachment of the first one. And how far the
walks of the sweep have come."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attachments import dynamo
from attachments.dynamo import Item, Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """One caller's key, with what it was used for."""

    user_id: str
    value: str
    body_hash: str
    attachment_id: str

    @property
    def pk(self) -> str:
        """Caller and key by hash: neither the length nor the characters of a key matter."""
        return pk_of(self.user_id, self.value)


def pk_of(user_id: str, value: str) -> str:
    return "idempotency#" + hashlib.sha256(f"{user_id}\0{value}".encode()).hexdigest()


class Guards:
    """The `Guards` table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, user_id: str, value: str, now: datetime) -> tuple[str, str] | None:
        """(body hash, attachment id) of an earlier use of the key, None if there was none.

        One past its life is passed over.
        """
        item: Item | None = self._client.get_item(
            TableName=self._table, Key={"pk": pk_of(user_id, value)}, ConsistentRead=True
        ).get("Item")
        if item is None or dynamo.outlived(item, now):
            return None
        return str(item["body_hash"]), str(item["attachment_id"])

    def position(self, walk: str) -> str | None:
        """How far a walk of the sweep has come, None at its beginning."""
        item: Item | None = self._client.get_item(
            TableName=self._table, Key={"pk": f"walk#{walk}"}, ConsistentRead=True
        ).get("Item")
        return str(item["position"]) if item and item["position"] else None

    def remember(self, walk: str, position: str | None) -> None:
        """Of two sweeps at once the last word counts: at worst, something is looked at twice."""
        item = {"pk": f"walk#{walk}", "position": position or ""}
        self._client.put_item(TableName=self._table, Item=item)

    def write_of(self, key: IdempotencyKey, now: datetime) -> Write:
        """The key as a part of the upload's transaction; fails it if it is in use."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "pk": key.pk,
                    "body_hash": key.body_hash,
                    "attachment_id": key.attachment_id,
                    "ttl": dynamo.epoch(now + KEY_LIFE),
                },
                "ConditionExpression": "attribute_not_exists(pk) OR #ttl <= :now",
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {":now": dynamo.epoch(now)},
            }
        }
