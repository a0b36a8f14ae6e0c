"""What the chat backend told us: conversations with their participants, and messages.

Items of the `Chat` table; all of one conversation, or of one message, share a partition:

    pk                 sk                      what
    conversation#<id>  meta                    version, digest of the participants, deleted
    conversation#<id>  participant#<user>      a participant
    conversation#<id>  message#<id>            a message, so that deletion finds every one
    message#<id>       meta                    conversation, sender, version, deleted
    message#<id>       attachment#<time>#<id>  an attachment, written together with its record

Participants and messages also carry the `user_id` that they name (see `users`).

Every write is a transaction, if only of one item: a plain one would fail whenever a transaction of
somebody else holds its item, and is not tried again.

A write with an older version changes nothing. Participants change only in transactions that also
check the conversation's version, so of two writes at once the newer one has the last word.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from attachments import dynamo
from attachments.dynamo import ConditionFailedError, Item, Write
from attachments.errors import ConflictError
from attachments.ids import rfc3339
from attachments.model import Attachment, Message

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

META = "meta"
TRANSACTION_LIMIT = 100
HEAD_START = timedelta(minutes=2)  # the request that deletes works alone for this long


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's place in a conversation; `known` is False for one that is unknown or deleted."""

    known: bool
    participant: bool


class Chat:
    """The `Chat` table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    # ------------------------------------------------------------ reading

    def message(self, message_id: str) -> Message | None:
        """The message, None if it is unknown or deleted."""
        item = self._get(f"message#{message_id}", META)
        if item is None or item.get("deleted"):
            return None
        return Message(
            id=message_id,
            conversation_id=str(item["conversation_id"]),
            sender_id=str(item["sender_id"]),
            version=int(item["version"]),
        )

    def membership(self, conversation_id: str, user_id: str) -> Membership:
        """Whether the conversation lives and the user is in it, at this moment."""
        pk = f"conversation#{conversation_id}"
        keys: list[Item] = [{"pk": pk, "sk": META}, {"pk": pk, "sk": f"participant#{user_id}"}]
        items = {item["sk"]: item for item in dynamo.get_items(self._client, self._table, keys)}
        meta = items.get(META)
        alive = meta is not None and not meta.get("deleted")
        return Membership(known=alive, participant=alive and len(items) == len(keys))

    def attachments_of(self, message_id: str, *, before: str | None = None) -> Iterator[Item]:
        """`{id, sort}` of the message's attachments, newest first; strongly consistent."""
        for row in self._rows(f"message#{message_id}", "attachment#", before=before):
            sort = str(row["sk"]).removeprefix("attachment#")
            yield {"id": sort.partition("#")[2], "sort": sort}

    def messages_of(self, conversation_id: str) -> Iterator[str]:
        """Ids of the conversation's messages that are not yet deleted with all their files."""
        for row in self._rows(f"conversation#{conversation_id}", "message#"):
            yield str(row["sk"]).removeprefix("message#")

    def unfinished(self, now: datetime, shard: int) -> Iterator[tuple[str, str]]:
        """(`conversation`, `message` or `user`, id) of what should be deleted by now."""
        for item in dynamo.due(self._client, self._table, now, shard):
            kind, _, identifier = str(item["pk"]).partition("#")
            yield kind, identifier

    # ------------------------------------------------------------ parts of others' transactions

    def must_live(self, message_id: str) -> Write:
        """Fails the transaction if the message was deleted."""
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": {"pk": f"message#{message_id}", "sk": META},
                "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(deleted)",
            }
        }

    def link(self, attachment: Attachment) -> Write:
        return {"Put": {"TableName": self._table, "Item": _link_key(attachment)}}

    def unlink(self, attachment: Attachment) -> Write:
        return {"Delete": {"TableName": self._table, "Key": _link_key(attachment)}}

    # ------------------------------------------------------------ conversations

    def put_conversation(
        self, conversation_id: str, participants: Sequence[str], version: int
    ) -> bool:
        """Make these the participants; whether this version is the one in force.

        Raises ConflictError if the conversation was deleted, or if other participants came with
        the same version. A call that was cut off is completed by calling again.
        """
        pk = f"conversation#{conversation_id}"
        wanted = set(participants)
        digest = _digest(wanted)
        if not self._raise_version(pk, version, digest):
            return self._same_conversation(pk, version, digest)
        present = {
            str(row["sk"]).removeprefix("participant#") for row in self._rows(pk, "participant#")
        }
        writes: dict[str, Write] = {
            user: {"Delete": {"TableName": self._table, "Key": _participant(pk, user)}}
            for user in sorted(present - wanted)
        }
        writes |= {
            user: {
                "Put": {
                    "TableName": self._table,
                    "Item": {**_participant(pk, user), "user_id": user},
                }
            }
            for user in sorted(wanted - present)
        }
        return self._write_participants(pk, version, writes)

    def delete_conversation(self, conversation_id: str, version: int, now: datetime) -> bool:
        """Mark it deleted for good: from here on nobody is in it; whether it is deleted now."""
        return self._mark_deleted(f"conversation#{conversation_id}", version, now)

    def finish_conversation(self, conversation_id: str, *, expires_at: datetime) -> None:
        """Its messages are deleted: only the tombstone stays, until `expires_at`."""
        pk = f"conversation#{conversation_id}"
        rows = [str(row["sk"]) for row in self._rows(pk, "participant#")]
        for start in range(0, len(rows), TRANSACTION_LIMIT):
            deletes: dict[str, Write] = {
                sk: {"Delete": {"TableName": self._table, "Key": {"pk": pk, "sk": sk}}}
                for sk in rows[start : start + TRANSACTION_LIMIT]
            }
            dynamo.transact(self._client, deletes)
        self._finish(pk, expires_at)

    # ------------------------------------------------------------ messages

    def put_message(self, message: Message) -> bool:
        """Take the message over; whether this version is the one in force.

        Raises ConflictError if it (or its conversation) was deleted, or if it would change its
        conversation or sender.
        """
        conversation = f"conversation#{message.conversation_id}"
        row = {"pk": conversation, "sk": f"message#{message.id}"}
        parts: dict[str, Write] = {
            "message": self._newer_message(message),
            "conversation": {
                "ConditionCheck": {
                    "TableName": self._table,
                    "Key": {"pk": conversation, "sk": META},
                    "ConditionExpression": "attribute_not_exists(deleted)",
                }
            },
            "row": {"Put": {"TableName": self._table, "Item": row}},
        }
        try:
            dynamo.transact(self._client, parts)
        except ConditionFailedError as error:
            if "message" not in error.failed:
                raise ConflictError("The conversation was deleted.") from error
            return self._same_message(message)
        return True

    def delete_message(self, message_id: str, version: int, now: datetime) -> bool:
        """Mark it deleted for good, known or not; whether it is deleted now."""
        return self._mark_deleted(f"message#{message_id}", version, now)

    def finish_message(self, message_id: str, *, expires_at: datetime) -> None:
        """Its attachments are deleted: only the tombstone stays, until `expires_at`."""
        item = self._get(f"message#{message_id}", META)
        if item and "conversation_id" in item:
            self._delete(f"conversation#{item['conversation_id']}", f"message#{message_id}")
        self._finish(f"message#{message_id}", expires_at)

    # ------------------------------------------------------------ shared steps

    def _raise_version(self, pk: str, version: int, digest: str) -> bool:
        return self._update(
            pk,
            "SET version = :version, digest = :digest",
            "attribute_not_exists(deleted) AND (attribute_not_exists(version) OR version < :version"
            " OR (version = :version AND digest = :digest))",
            {":version": version, ":digest": digest},
        )

    def _same_conversation(self, pk: str, version: int, digest: str) -> bool:
        item = self._get(pk, META) or {}
        newest = int(item.get("version", 0))
        if version > newest and item.get("deleted"):
            raise ConflictError("The conversation was deleted.")
        if version == newest and not item.get("deleted") and item.get("digest") != digest:
            raise ConflictError("Other participants were given with this version before.")
        return False

    def _newer_message(self, message: Message) -> Write:
        """The `meta` item of a message that is new, or known with an older version."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "pk": f"message#{message.id}",
                    "sk": META,
                    "conversation_id": message.conversation_id,
                    "sender_id": message.sender_id,
                    "user_id": message.sender_id,
                    "version": message.version,
                },
                "ConditionExpression": (
                    "attribute_not_exists(pk) OR (version < :version"
                    " AND conversation_id = :conversation AND sender_id = :sender"
                    " AND attribute_not_exists(deleted))"
                ),
                "ExpressionAttributeValues": {
                    ":version": message.version,
                    ":conversation": message.conversation_id,
                    ":sender": message.sender_id,
                },
            }
        }

    def _same_message(self, message: Message) -> bool:
        item = self._get(f"message#{message.id}", META) or {}
        if item.get("deleted"):
            if message.version > int(item["version"]):
                raise ConflictError("The message was deleted.")
            return False
        if (item.get("conversation_id"), item.get("sender_id")) != (
            message.conversation_id,
            message.sender_id,
        ):
            raise ConflictError("A message keeps its conversation and its sender.")
        return int(item["version"]) == message.version

    def _write_participants(self, pk: str, version: int, writes: dict[str, Write]) -> bool:
        """By user, in transactions that each check that no newer version has begun."""
        check: Write = {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": {"pk": pk, "sk": META},
                "ConditionExpression": "version = :version AND attribute_not_exists(deleted)",
                "ExpressionAttributeValues": {":version": version},
            }
        }
        users = iter(writes)
        while batch := list(islice(users, TRANSACTION_LIMIT - 1)):
            rows = {f"participant {user}": writes[user] for user in batch}
            try:
                dynamo.transact(self._client, {"conversation": check, **rows})
            except ConditionFailedError:
                return False
        return True

    def _mark_deleted(self, pk: str, version: int, now: datetime) -> bool:
        due = {"due_shard": str(dynamo.shard(pk)), "due_at": rfc3339(now + HEAD_START)}
        return self._update(
            pk,
            "SET deleted = :yes, version = :version, due_shard = :shard, due_at = :due_at",
            "attribute_not_exists(version) OR version <= :version",
            {
                ":yes": True,
                ":version": version,
                ":shard": due["due_shard"],
                ":due_at": due["due_at"],
            },
        )

    def _finish(self, pk: str, expires_at: datetime) -> None:
        self._update(
            pk,
            "SET #ttl = :ttl REMOVE due_shard, due_at",
            "deleted = :yes",
            {":ttl": dynamo.epoch(expires_at), ":yes": True},
            names={"#ttl": "ttl"},
        )

    def _update(
        self,
        pk: str,
        change: str,
        condition: str,
        values: dict[str, Any],
        *,
        names: dict[str, str] | None = None,
    ) -> bool:
        """Change a `meta` item if the condition holds; whether it did."""
        key = {"pk": pk, "sk": META}
        update = dynamo.update_of(self._table, key, change, condition, values, names)
        return dynamo.transact_one(self._client, update)

    def _get(self, pk: str, sk: str) -> Item | None:
        answer = self._client.get_item(
            TableName=self._table, Key={"pk": pk, "sk": sk}, ConsistentRead=True
        )
        return answer.get("Item")

    def _delete(self, pk: str, sk: str) -> None:
        key = {"pk": pk, "sk": sk}
        delete = {"Delete": {"TableName": self._table, "Key": key}}
        dynamo.transact(self._client, {"delete": delete})

    def _rows(self, pk: str, prefix: str, *, before: str | None = None) -> Iterator[Item]:
        """Rows whose sort key begins with the prefix, last first, strongly consistent."""
        condition, values = "begins_with(sk, :prefix)", {":pk": pk, ":prefix": prefix}
        if before:
            condition, values[":before"] = "sk BETWEEN :prefix AND :before", f"{prefix}{before}"
        for row in dynamo.query(
            self._client,
            TableName=self._table,
            KeyConditionExpression=f"pk = :pk AND {condition}",
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            ConsistentRead=True,
        ):
            if row["sk"] != values.get(":before"):
                yield row


def _participant(pk: str, user_id: str) -> Item:
    return {"pk": pk, "sk": f"participant#{user_id}"}


def _link_key(attachment: Attachment) -> Item:
    return {
        "pk": f"message#{attachment.message_id}",
        "sk": f"attachment#{rfc3339(attachment.created_at)}#{attachment.id}",
    }


def _digest(participants: set[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(participants)).encode()).hexdigest()
