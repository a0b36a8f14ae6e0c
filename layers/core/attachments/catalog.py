"""The records of all attachments. A record changes only by conditional write, and every change is
one transaction with its activity entry."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from attachments import dynamo
from attachments.activity import ActivityLog
from attachments.chat import Chat
from attachments.dynamo import ConditionFailedError, Item, Write
from attachments.errors import (
    LimitExceededError,
    MessageGoneError,
    NotFoundError,
    StaleRecordError,
    UserErasedError,
)
from attachments.guards import Guards, IdempotencyKey
from attachments.ids import rfc3339
from attachments.limits import held_too_much
from attachments.model import Activity, Attachment, FileType, Status, Usage
from attachments.users import Users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RECORD = TypeAdapter(Attachment)
BATCH = 100  # the most that one BatchGetItem takes
HYDRATE = 25  # records read at once behind an index
MAX_EXAMINED = 400  # records that one page may pass over before it ends early


@dataclass(frozen=True, slots=True)
class Page:
    """Attachments, and the position after which the next page begins (None: this was the last)."""

    items: list[Attachment]
    next: str | None


class IdempotencyKeyTakenError(Exception):
    """Another request used the key meanwhile."""


class Catalog:
    """The `Attachments` table; writes that concern its siblings go into the same transaction."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        chat: Chat,
        users: Users,
        activity: ActivityLog,
        guards: Guards,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._table = table
        self._chat = chat
        self._users = users
        self._activity = activity
        self._guards = guards
        self._clock = clock

    # ------------------------------------------------------------ one record

    def get(self, attachment_id: str) -> Attachment:
        """The record as it is at this moment. Raises NotFoundError, also past its TTL."""
        item = self._client.get_item(
            TableName=self._table, Key={"id": attachment_id}, ConsistentRead=True
        ).get("Item")
        if item is None or dynamo.outlived(item, self._clock()):
            raise NotFoundError
        return record_of(item)

    def get_many(self, attachment_ids: Sequence[str]) -> dict[str, Attachment]:
        """Records by id, strongly consistent; what is absent or past its TTL is left out."""
        now = self._clock()
        found: dict[str, Attachment] = {}
        for start in range(0, len(attachment_ids), BATCH):
            keys: list[Item] = [{"id": each} for each in attachment_ids[start : start + BATCH]]
            for item in dynamo.get_items(self._client, self._table, keys):
                if not dynamo.outlived(item, now):
                    found[str(item["id"])] = record_of(item)
        return found

    def walk(self, *, after: str | None, limit: int) -> tuple[list[Attachment], str | None]:
        """Records in an order of the table's own, at most `limit`, and the position behind them.

        The position is None at the end of the table.
        """
        start: dict[str, Any] = {"ExclusiveStartKey": {"id": after}} if after else {}
        answer = self._client.scan(TableName=self._table, Limit=limit, ConsistentRead=True, **start)
        now = self._clock()
        records = [record_of(item) for item in answer["Items"] if not dynamo.outlived(item, now)]
        last = answer.get("LastEvaluatedKey")
        return records, str(last["id"]) if last else None

    def create(
        self,
        attachment: Attachment,
        entry: Activity,
        key: IdempotencyKey | None = None,
        *,
        also: Activity | None = None,
        most: Usage | None = None,
    ) -> None:
        """A new record, linked to its message, if the message and its uploader still live.

        `also` is an entry about the attachment that it was made from, `most` what the uploader may
        hold with it (None: as much as they like).

        Raises MessageGoneError, UserErasedError, IdempotencyKeyTakenError and LimitExceededError.
        """
        user_id = attachment.uploaded_by
        if most is not None and attachment.usage.stored_bytes > most.stored_bytes:
            raise held_too_much(Usage(), attachment.usage, most)
        parts: dict[str, Write] = {
            "record": {
                "Put": {
                    "TableName": self._table,
                    "Item": item_of(attachment),
                    "ConditionExpression": "attribute_not_exists(id)",
                }
            },
            "message": self._chat.must_live(attachment.message_id),
            "uploader": self._users.must_not_be_erased(user_id),
            "usage": self._guards.hold(user_id, attachment.usage, attachment.created_at, most=most),
            "link": self._chat.link(attachment),
            "activity": self._activity.write_of(entry),
        }
        if also is not None:
            parts["source activity"] = self._activity.write_of(also)
        if key is not None:
            parts["key"] = self._guards.write_of(key, attachment.created_at)
        try:
            dynamo.transact(self._client, parts)
        except ConditionFailedError as error:
            if "key" in error.failed:
                raise IdempotencyKeyTakenError from error
            if "message" in error.failed:
                raise MessageGoneError from error
            if "uploader" in error.failed:
                raise UserErasedError from error
            if "usage" in error.failed and most is not None:
                raise self._refusal(attachment, most) from error
            raise StaleRecordError(attachment.id) from error

    def _refusal(self, attachment: Attachment, most: Usage) -> LimitExceededError:
        """Why the uploader may not hold more; the sweep looks whether the count is true."""
        held = self._guards.held(attachment.uploaded_by)
        self._guards.recount_at(attachment.uploaded_by, self._clock())
        return held_too_much(held.usage if held else Usage(), attachment.usage, most)

    def change(self, attachment: Attachment, entry: Activity | None) -> None:
        """Write the next revision of a record, with its activity entry.

        A record becomes ready only while its message and its uploader live. A deleted one leaves
        the lists and its message. What its uploader holds changes with it. Raises StaleRecordError
        if another change was first, MessageGoneError and UserErasedError.
        """
        parts: dict[str, Write] = {
            "record": {
                "Put": {
                    "TableName": self._table,
                    "Item": item_of(attachment),
                    "ConditionExpression": "revision = :read",
                    "ExpressionAttributeValues": {":read": attachment.revision - 1},
                }
            }
        }
        if attachment.status is Status.READY:
            parts["message"] = self._chat.must_live(attachment.message_id)
            parts["uploader"] = self._users.must_not_be_erased(attachment.uploaded_by)
        elif attachment.status is Status.DELETED:
            parts["link"] = self._chat.unlink(attachment)
        difference = attachment.usage - attachment.usage_before
        if difference != Usage():
            user_id = attachment.uploaded_by
            parts["usage"] = self._guards.hold(user_id, difference, self._clock(), most=None)
        if entry is not None:
            parts["activity"] = self._activity.write_of(entry)
        try:
            dynamo.transact(self._client, parts)
        except ConditionFailedError as error:
            if "record" in error.failed:
                raise StaleRecordError(attachment.id) from error
            if "message" in error.failed:
                raise MessageGoneError from error
            raise UserErasedError from error

    def of_uploader(self, user_id: str, *, after: str | None = None) -> Iterator[Attachment]:
        """All records that name a user as uploader, by id; deleted and outlived ones too.

        Found by an index, read from the table: none is shown as it no longer is, and one may be
        missing that is only just there.
        """
        begin = {"ExclusiveStartKey": {"uploaded_by": user_id, "id": after}} if after else {}
        found = dynamo.query(
            self._client,
            TableName=self._table,
            IndexName="by_uploader",
            KeyConditionExpression="uploaded_by = :user",
            ExpressionAttributeValues={":user": user_id},
            Limit=dynamo.ITEMS_OF_A_QUERY,
            **begin,
        )
        while ids := [str(item["id"]) for item in islice(found, HYDRATE)]:
            for record in self.get_all(ids):
                if record.uploaded_by == user_id:
                    yield record

    def get_all(self, ids: Sequence[str]) -> list[Attachment]:
        """At most 100 records by id, as they are, outlived ones too; absent ones are left out."""
        keys: list[Item] = [{"id": each} for each in ids]
        items = dynamo.get_items(self._client, self._table, keys)
        return [record_of(item) for item in items]

    # ------------------------------------------------------------ lists, newest first

    def of_message(
        self, message_id: str, *, keep: Callable[[Attachment], bool], limit: int, after: str | None
    ) -> Page:
        """Attachments of a message."""
        return self._page(self._chat.attachments_of(message_id, before=after), keep, limit)

    def of_conversation(
        self,
        conversation_id: str,
        file_type: FileType | None,
        *,
        keep: Callable[[Attachment], bool],
        limit: int,
        after: str | None,
    ) -> Page:
        """Attachments of a conversation, of one type or all."""
        if file_type is None:
            index, key = "by_conversation", ("conversation_id", conversation_id)
        else:
            index = "by_conversation_type"
            key = ("conversation_type", f"{conversation_id}#{file_type}")
        stream = dynamo.newest_first(self._client, self._table, index=index, key=key, before=after)
        return self._page(stream, _of_type(file_type, keep), limit)

    def of_days(
        self,
        first: date,
        last: date,
        file_type: FileType | None,
        *,
        keep: Callable[[Attachment], bool],
        limit: int,
        after: str | None,
    ) -> Page:
        """Attachments of all conversations requested on these days (UTC)."""
        days = dynamo.Window.of(first, last, after)
        stream = (
            item
            for day in days
            for item in self._day(day, after)
            if file_type is None or item["file_type"] == file_type
        )
        page = self._page(stream, _of_type(file_type, keep), limit)
        return page if page.next else Page(page.items, days.resume)

    def _day(self, day: date, before: str | None) -> Iterator[Item]:
        return dynamo.merge_newest(
            dynamo.newest_first(
                self._client,
                self._table,
                index="by_day",
                key=("day_shard", dynamo.day_shard(day, number)),
                before=before,
            )
            for number in range(dynamo.SHARDS)
        )

    def due(self, now: datetime, shard: int) -> Iterator[str]:
        """Ids of the records of one shard that the sweep must look at by now."""
        for item in dynamo.due(self._client, self._table, now, shard):
            yield str(item["id"])

    def _page(self, stream: Iterator[Item], keep: Callable[[Attachment], bool], limit: int) -> Page:
        """The first `limit` records worth keeping.

        An index may lag behind, so each record is read from the table itself. A page ends early
        after `MAX_EXAMINED` records; only then may its position name one that was not kept.
        """
        found: list[Attachment] = []
        examined = 0
        position = last_shown = ""
        while examined < MAX_EXAMINED:
            chunk = list(islice(stream, HYDRATE))
            if not chunk:
                return Page(found, None)
            records = self.get_many([str(item["id"]) for item in chunk])
            for item in chunk:
                record = records.get(item["id"])
                if record is not None and keep(record):
                    if len(found) == limit:
                        return Page(found, last_shown)
                    found.append(record)
                    last_shown = str(item["sort"])
                position = str(item["sort"])
            examined += len(chunk)
        return Page(found, position)


def record_of(item: Item) -> Attachment:
    """The record that an item of the table holds. Raises pydantic.ValidationError."""
    return _RECORD.validate_python(item)


def _of_type(
    file_type: FileType | None, keep: Callable[[Attachment], bool]
) -> Callable[[Attachment], bool]:
    """`keep`, and of this type: an index that lags may still say what it was before."""
    return lambda attachment: file_type in (None, attachment.file_type) and keep(attachment)


def item_of(attachment: Attachment) -> Item:
    """The record with its index keys. A key that is absent keeps it out of that index."""
    record: Item = _RECORD.dump_python(attachment, mode="json", exclude={"usage_before"})
    record["created_at"] = rfc3339(attachment.created_at)
    if attachment.status is not Status.DELETED:
        record["sort"] = f"{rfc3339(attachment.created_at)}#{attachment.id}"
        record["conversation_type"] = f"{attachment.conversation_id}#{attachment.file_type}"
        record["day_shard"] = dynamo.day_shard(
            attachment.created_at.date(), dynamo.shard(attachment.id)
        )
    if attachment.due_at is not None:
        record["due_at"] = rfc3339(attachment.due_at)
        record["due_shard"] = str(dynamo.shard(attachment.id))
    if attachment.expires_at is not None:
        record["ttl"] = dynamo.epoch(attachment.expires_at)
    item: Item = dynamo.to_item(record)
    return item
