"""The catalog in memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime

from attachments import catalog as real_catalog
from attachments import dynamo
from attachments.catalog import Catalog, IdempotencyKeyTakenError, Page
from attachments.dynamo import ConditionFailedError, Item, Window, Write
from attachments.errors import MessageGoneError, NotFoundError, StaleRecordError, UserErasedError
from attachments.guards import IdempotencyKey
from attachments.limits import held_too_much
from attachments.model import Activity, Attachment, FileType, Status, Usage
from tests.fakes.activity import MemoryActivity
from tests.fakes.chat import MemoryChat
from tests.fakes.guards import MemoryGuards
from tests.fakes.items import newest_first, outlived, sort_of
from tests.fakes.transactions import Fuse, conditional, transact
from tests.fakes.users import MemoryUsers


class MemoryCatalog(Catalog):
    def __init__(
        self,
        chat: MemoryChat,
        activity: MemoryActivity,
        guards: MemoryGuards,
        clock: Callable[[], datetime],
        fuse: Fuse | None = None,
    ) -> None:
        self._clock = clock
        self._fuse = fuse or Fuse()
        self._chat, self._activity, self._guards = chat, activity, guards
        self._users = MemoryUsers(chat)
        self.records: dict[str, Attachment] = {}

    def get(self, attachment_id: str) -> Attachment:
        record = self.records.get(attachment_id)
        if record is None or outlived(record.expires_at, self._clock()):
            raise NotFoundError
        return record

    def get_many(self, attachment_ids: Sequence[str]) -> dict[str, Attachment]:
        found = {}
        for attachment_id in attachment_ids:
            with suppress(NotFoundError):
                found[attachment_id] = self.get(attachment_id)
        return found

    def walk(self, *, after: str | None, limit: int) -> tuple[list[Attachment], str | None]:
        ids = sorted(each for each in self.records if after is None or each > after)
        records = list(self.get_many(ids[:limit]).values())
        return records, ids[limit - 1] if len(ids) > limit else None

    def create(
        self,
        attachment: Attachment,
        entry: Activity,
        key: IdempotencyKey | None = None,
        *,
        also: Activity | None = None,
        most: Usage | None = None,
    ) -> None:
        user_id, usage, now = attachment.uploaded_by, attachment.usage, attachment.created_at
        if most is not None and usage.stored_bytes > most.stored_bytes:
            raise held_too_much(Usage(), usage, most)
        parts = {
            "record": self._put(attachment, lambda: attachment.id not in self.records),
            "message": self._chat.must_live(attachment.message_id),
            "uploader": self._users.must_not_be_erased(user_id),
            "usage": self._guards.hold(user_id, usage, now, most=most),
            "link": self._chat.link(attachment),
            "activity": self._activity.write_of(entry),
        }
        if also is not None:
            parts["source activity"] = self._activity.write_of(also)
        if key is not None:
            parts["key"] = self._guards.write_of(key, attachment.created_at)
        try:
            transact(parts, self._fuse)
        except ConditionFailedError as error:
            if "key" in error.failed:
                raise IdempotencyKeyTakenError from error
            if "message" in error.failed:
                raise MessageGoneError from error
            if "uploader" in error.failed:
                raise UserErasedError from error
            if "usage" in error.failed and most is not None:
                held = self._guards.held(user_id)
                self._guards.recount_at(user_id, self._clock())
                raise held_too_much(held.usage if held else Usage(), usage, most) from error
            raise StaleRecordError(attachment.id) from error

    def change(self, attachment: Attachment, entry: Activity | None) -> None:
        def unchanged() -> bool:
            known = self.records.get(attachment.id)
            return known is not None and known.revision == attachment.revision - 1

        parts = {"record": self._put(attachment, unchanged)}
        if attachment.status is Status.READY:
            parts["message"] = self._chat.must_live(attachment.message_id)
            parts["uploader"] = self._users.must_not_be_erased(attachment.uploaded_by)
        difference = attachment.usage - attachment.usage_before
        if difference != Usage():
            parts["usage"] = self._guards.hold(
                attachment.uploaded_by, difference, self._clock(), most=None
            )
        if attachment.status is Status.DELETED:
            parts["link"] = self._chat.unlink(attachment)
        if entry is not None:
            parts["activity"] = self._activity.write_of(entry)
        try:
            transact(parts, self._fuse)
        except ConditionFailedError as error:
            if "record" in error.failed:
                raise StaleRecordError(attachment.id) from error
            if "message" in error.failed:
                raise MessageGoneError from error
            raise UserErasedError from error

    def get_all(self, ids: Sequence[str]) -> list[Attachment]:
        return [self.records[each] for each in ids if each in self.records]

    def of_uploader(self, user_id: str, *, after: str | None = None) -> Iterator[Attachment]:
        ids = sorted(each.id for each in self.records.values() if each.uploaded_by == user_id)
        return iter([self.records[each] for each in ids if each > (after or "")])

    def of_message(
        self, message_id: str, *, keep: Callable[[Attachment], bool], limit: int, after: str | None
    ) -> Page:
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
        stream = self._indexed(
            lambda record: (
                record.conversation_id == conversation_id and file_type in (None, record.file_type)
            ),
            after,
        )
        return self._page(stream, keep, limit)

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
        window = Window.of(first, last, after)
        days = set(window)
        stream = self._indexed(
            lambda record: (
                record.created_at.date() in days and file_type in (None, record.file_type)
            ),
            after,
        )
        page = self._page(stream, keep, limit)
        return page if page.next else Page(page.items, window.resume)

    def due(self, now: datetime, shard: int) -> Iterator[str]:
        for record in list(self.records.values()):
            due = record.due_at is not None and record.due_at <= now
            if due and dynamo.shard(record.id) == shard:
                yield record.id

    def _put(self, attachment: Attachment, holds: Callable[[], bool]) -> Write:
        return conditional(holds, lambda: self.records.update({attachment.id: attachment}))

    def _indexed(self, wanted: Callable[[Attachment], bool], after: str | None) -> Iterator[Item]:
        items = [
            {"id": record.id, "sort": sort_of(record)}
            for record in self.records.values()
            if record.status is not Status.DELETED and wanted(record)
        ]
        return newest_first(items, after)

    def _page(self, stream: Iterator[Item], keep: Callable[[Attachment], bool], limit: int) -> Page:
        found: list[Attachment] = []
        position: str | None = None
        for examined, item in enumerate(stream):
            if examined == real_catalog.MAX_EXAMINED:
                return Page(found, position)
            record = self.records[item["id"]]
            if keep(record) and not outlived(record.expires_at, self._clock()):
                if len(found) == limit:
                    return Page(found, position)
                found.append(record)
            position = item["sort"]
        return Page(found, None)
