"""What guards the service: idempotency keys, counters of calls, and what each user holds.

Items of the `Guards` table:

    pk                  what
    idempotency#<hash>  a retried upload request finds the attachment of the first one
    calls#<hash>        calls of one user in one minute
    usage#<user>        pending uploads, stored files and their bytes of one user
    walk#<name>         how far a walk of the sweep has come

What a user holds changes in the transaction that changes the record, so no crash can come between.
The sweep counts anew from time to time all the same: `due_at` says when.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attachments import dynamo
from attachments.dynamo import Item, Write
from attachments.ids import rfc3339
from attachments.model import Usage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY_LIFE = timedelta(hours=24)
RECOUNT_EVERY = timedelta(days=1)


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


@dataclass(frozen=True, slots=True)
class Held:
    """What a user holds by count; `revision` grows with each change of it."""

    usage: Usage
    revision: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """A user with what they hold by count, `files` those whose bytes are there or promised."""

    user_id: str
    usage: Usage
    files: int


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

    # ------------------------------------------------------------ calls

    def count(self, counter: str, *, limit: int, expires_at: datetime) -> int | None:
        """One more on a counter that may reach `limit`; how many it is then, None if it was full.

        One conditional write, on an item of this counter alone.
        """
        digest = hashlib.sha256(counter.encode()).hexdigest()
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": f"calls#{digest}"},
                UpdateExpression="ADD calls :one SET #ttl = :ttl",
                ConditionExpression="attribute_not_exists(calls) OR calls < :limit",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues={
                    ":one": 1,
                    ":limit": limit,
                    ":ttl": dynamo.epoch(expires_at),
                },
                ReturnValues="UPDATED_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return int(str(answer["Attributes"]["calls"]))

    # ------------------------------------------------------------ what users hold

    def held(self, user_id: str) -> Held | None:
        """What a user holds, None for one who never held anything; strongly consistent."""
        item: Item | None = self._client.get_item(
            TableName=self._table, Key={"pk": f"usage#{user_id}"}, ConsistentRead=True
        ).get("Item")
        if item is None:
            return None
        usage = Usage(int(item["pending_uploads"]), int(item["stored_bytes"]))
        changed_at = datetime.fromisoformat(item["changed_at"])
        return Held(usage, int(item["revision"]), changed_at)

    def hold(self, user_id: str, change: Usage, now: datetime, *, most: Usage | None) -> Write:
        """The change of one attachment, as a part of the transaction that makes it.

        Fails the transaction where it would lead beyond `most` (None: wherever it leads). A change
        that is more than `most` by itself is the caller's to refuse.
        """
        values: dict[str, Any] = {
            ":pending": change.pending_uploads,
            ":bytes": change.stored_bytes,
            ":files": (change.stored_bytes > 0) - (change.stored_bytes < 0),
            ":one": 1,
            ":now": rfc3339(now),
            ":due_at": rfc3339(now + RECOUNT_EVERY),
            ":shard": str(dynamo.shard(user_id)),
        }
        condition: dict[str, Any] = {}
        if most is not None:
            room = most - change
            values |= {":room": room.pending_uploads, ":room_bytes": room.stored_bytes}
            condition["ConditionExpression"] = (
                "attribute_not_exists(pk)"
                " OR (pending_uploads <= :room AND stored_bytes <= :room_bytes)"
            )
        return {
            "Update": {
                "TableName": self._table,
                "Key": {"pk": f"usage#{user_id}"},
                "UpdateExpression": (
                    "ADD pending_uploads :pending, stored_bytes :bytes, stored_files :files,"
                    " revision :one"
                    " SET changed_at = :now, due_shard = :shard, holder_shard = :shard,"
                    " due_at = if_not_exists(due_at, :due_at)"
                ),
                "ExpressionAttributeValues": values,
                **condition,
            }
        }

    def recount_at(self, user_id: str, when: datetime) -> None:
        """Let the sweep count anew what a user holds, from this time on."""
        self._update(
            user_id,
            "SET due_at = :due_at, due_shard = :shard",
            "attribute_exists(pk)",
            due_at=rfc3339(when),
            shard=str(dynamo.shard(user_id)),
        )

    def recounted(self, user_id: str, usage: Usage, *, files: int, revision: int) -> bool:
        """Write what was counted, if nothing changed since `revision`; whether it was so."""
        return self._update(
            user_id,
            "SET pending_uploads = :pending, stored_bytes = :bytes, stored_files = :files,"
            " holder_shard = :shard REMOVE due_at, due_shard",
            "revision = :revision",
            files=files,
            shard=str(dynamo.shard(user_id)),
            pending=usage.pending_uploads,
            bytes=usage.stored_bytes,
            revision=revision,
        )

    def top(self, limit: int) -> list[Holder]:
        """Who stores most, first; an index that lags a little says so."""

        def largest(shard: int) -> list[Item]:
            return self._client.query(
                TableName=self._table,
                IndexName="by_stored_bytes",
                KeyConditionExpression="holder_shard = :shard AND stored_bytes > :nothing",
                ExpressionAttributeValues={":shard": str(shard), ":nothing": 0},
                ScanIndexForward=False,
                Limit=limit,
            )["Items"]

        with ThreadPoolExecutor(dynamo.SHARDS) as threads:
            items = [item for found in threads.map(largest, range(dynamo.SHARDS)) for item in found]
        items.sort(key=lambda item: (-int(item["stored_bytes"]), str(item["pk"])))
        return [_holder(item) for item in items[:limit]]

    def to_recount(self, now: datetime, shard: int) -> Iterator[str]:
        """The users of one shard whose usage should be counted anew by now."""
        for item in dynamo.due(self._client, self._table, now, shard):
            yield str(item["pk"]).removeprefix("usage#")

    def forget(self, user_id: str) -> None:
        """Remove what a user holds by count; harmless if there is nothing."""
        key = {"pk": f"usage#{user_id}"}
        dynamo.transact(self._client, {"usage": {"Delete": {"TableName": self._table, "Key": key}}})

    def _update(self, user_id: str, change: str, condition: str, **values: Any) -> bool:
        named = {f":{name}": value for name, value in values.items()}
        update = dynamo.update_of(self._table, {"pk": f"usage#{user_id}"}, change, condition, named)
        return dynamo.transact_one(self._client, update)


def _holder(item: Item) -> Holder:
    usage = Usage(int(item["pending_uploads"]), int(item["stored_bytes"]))
    user_id = str(item["pk"]).removeprefix("usage#")
    return Holder(user_id, usage, int(item.get("stored_files", 0)))
