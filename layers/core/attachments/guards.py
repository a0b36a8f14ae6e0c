"""Idempotency keys: a retried upload request finds the attachment of the first one."""

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
class Claim:
    """One caller's idempotency key, with what it was used for."""

    user_id: str
    key: str
    body_hash: str
    attachment_id: str

    @property
    def pk(self) -> str:
        """Caller and key by hash: neither the length nor the characters of a key matter."""
        return claim_pk(self.user_id, self.key)


def claim_pk(user_id: str, key: str) -> str:
    return "idempotency#" + hashlib.sha256(f"{user_id}\0{key}".encode()).hexdigest()


class Guards:
    """The `Guards` table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, user_id: str, key: str, now: datetime) -> tuple[str, str] | None:
        """(body hash, attachment id) of an earlier use of the key, None if there was none.

        DynamoDB removes what has expired within days only, so a claim past its life is passed over.
        """
        item: Item | None = self._client.get_item(
            TableName=self._table, Key={"pk": claim_pk(user_id, key)}, ConsistentRead=True
        ).get("Item")
        if item is None or int(item["ttl"]) <= dynamo.epoch(now):
            return None
        return str(item["body_hash"]), str(item["attachment_id"])

    def write_of(self, claim: Claim, now: datetime) -> Write:
        """The claim as a part of the upload's transaction; fails it if the key is in use."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "pk": claim.pk,
                    "body_hash": claim.body_hash,
                    "attachment_id": claim.attachment_id,
                    "ttl": dynamo.epoch(now + KEY_LIFE),
                },
                "ConditionExpression": "attribute_not_exists(pk) OR #ttl <= :now",
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {":now": dynamo.epoch(now)},
            }
        }
