"""Who was erased, and where a user is named in the `Chat` table.

    pk           sk    what
    user#<id>    meta  erased: since when, and the name that stands for the user since then

The rows of `chat` that name a user (memberships, messages sent) are found by the index `by_user`.
It lags behind, so an erasure looks again until it has found nothing for a while.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from attachments import dynamo
from attachments.chat import HEAD_START, META
from attachments.dynamo import Item, Write
from attachments.ids import new_id, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class ErasedUser:
    """The mark of an erasure; `pseudonym` stands for the user in what stays."""

    user_id: str
    pseudonym: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Named:
    """Where a user is named: as a participant of a conversation, or as the sender of a message."""

    kind: Literal["conversation", "message"]
    id: str


class Users:
    """The users in the `Chat` table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def must_not_be_erased(self, user_id: str) -> Write:
        """Fails the transaction if the user was erased."""
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _key(user_id),
                "ConditionExpression": "attribute_not_exists(erased_at)",
            }
        }

    def erased(self, user_id: str) -> ErasedUser | None:
        """The mark of the user's erasure, None if there is none; strongly consistent."""
        item: Item | None = self._client.get_item(
            TableName=self._table, Key=_key(user_id), ConsistentRead=True
        ).get("Item")
        if item is None:
            return None
        since = datetime.fromisoformat(item["erased_at"])
        return ErasedUser(user_id, str(item["pseudonym"]), since)

    def all_erased(self) -> Iterator[str]:
        """Every user who was erased and whose mark has not expired; reads the whole table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :user)",
            ExpressionAttributeValues={":user": "user#"},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield str(item["pk"]).removeprefix("user#")

    def erase(self, user_id: str, now: datetime) -> ErasedUser:
        """Mark the user erased; the sweep works on it soon. Marking again begins it again.

        The name that stands for the user is chosen once.
        """
        update = {
            "TableName": self._table,
            "Key": _key(user_id),
            "UpdateExpression": (
                "SET erased_at = :now, pseudonym = if_not_exists(pseudonym, :pseudonym),"
                " due_shard = :shard, due_at = :due_at REMOVE #ttl"
            ),
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {
                ":now": rfc3339(now),
                ":pseudonym": f"erased-{new_id()}",
                ":shard": str(dynamo.shard(f"user#{user_id}")),
                ":due_at": rfc3339(now + HEAD_START),
            },
        }
        dynamo.transact(self._client, {"user": {"Update": update}})
        marked = self.erased(user_id)
        assert marked is not None
        return marked

    def finish(self, erased: ErasedUser, *, expires_at: datetime) -> bool:
        """Nothing names the user any more: only the mark stays, until `expires_at`.

        False if the user was marked again meanwhile.
        """
        return self._update(
            _key(erased.user_id),
            "SET #ttl = :ttl REMOVE due_shard, due_at",
            "erased_at = :since",
            {":ttl": dynamo.epoch(expires_at), ":since": rfc3339(erased.since)},
            names={"#ttl": "ttl"},
        )

    def named(self, user_id: str, *, after: str | None = None) -> Iterator[Named]:
        """Conversations that a user is in, then messages that they sent, each in order of ids.

        `after` is `conversation#<id>` or `message#<id>`.
        """
        begin = {}
        if after is not None:
            sk = META if after.startswith("message#") else f"participant#{user_id}"
            begin["ExclusiveStartKey"] = {"user_id": user_id, "pk": after, "sk": sk}
        for row in dynamo.query(
            self._client,
            TableName=self._table,
            IndexName="by_user",
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": user_id},
            Limit=dynamo.ITEMS_OF_A_QUERY,
            **begin,
        ):
            kind, _, identifier = str(row["pk"]).partition("#")
            yield Named("conversation" if kind == "conversation" else "message", identifier)

    def forget(self, named: Named, erased: ErasedUser) -> bool:
        """Take a user out of a conversation, or put the pseudonym in a message; whether it was
        still necessary."""
        if named.kind == "conversation":
            key = {"pk": f"conversation#{named.id}", "sk": f"participant#{erased.user_id}"}
            delete = {"TableName": self._table, "Key": key}
            conditional = {"Delete": {**delete, "ConditionExpression": _EXISTS}}
            return dynamo.transact_one(self._client, conditional)
        return self._update(
            {"pk": f"message#{named.id}", "sk": META},
            "SET sender_id = :pseudonym REMOVE user_id",
            "user_id = :user",
            {":pseudonym": erased.pseudonym, ":user": erased.user_id},
        )

    def _update(
        self,
        key: Item,
        change: str,
        condition: str,
        values: dict[str, Any],
        *,
        names: dict[str, str] | None = None,
    ) -> bool:
        update = dynamo.update_of(self._table, key, change, condition, values, names)
        return dynamo.transact_one(self._client, update)


_EXISTS = "attribute_exists(pk)"


def _key(user_id: str) -> Item:
    return {"pk": f"user#{user_id}", "sk": META}
