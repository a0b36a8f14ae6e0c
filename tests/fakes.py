"""The stores in memory, and a small chat to fill them with.

A fake is a subclass of what it stands for, so that mypy holds it to every signature. It never calls
its parent's constructor, so that a method it forgot fails at once. `tests/contract/test_stores.py`
holds fakes and real stores to the same promises.
"""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

from attachments import catalog as real_catalog
from attachments import dynamo
from attachments.activity import ActivityLog, entry
from attachments.catalog import Catalog, IdempotencyKeyTakenError, Page
from attachments.chat import HEAD_START, Chat, Membership
from attachments.deletion import Deletion
from attachments.dynamo import ConditionFailedError, Item, Window, Write
from attachments.erasure import Erasure
from attachments.errors import (
    ConflictError,
    MessageGoneError,
    NotFoundError,
    ObjectMissingError,
    StaleRecordError,
    UserErasedError,
)
from attachments.guards import KEY_LIFE, RECOUNT_EVERY, Guards, Held, IdempotencyKey, pk_of
from attachments.ids import new_id, rfc3339
from attachments.limits import RateLimiter, held_too_much
from attachments.model import (
    Action,
    Activity,
    Attachment,
    FileType,
    Message,
    ObjectVersion,
    Status,
    Usage,
)
from attachments.storage import SignedRequest, Storage, StoredVersion, VersionPage
from attachments.users import ErasedUser, Named, Users
from tests.builders import (
    ACTIVITY_LIFE,
    CONVERSATION,
    MESSAGE,
    NOON,
    PARTICIPANT,
    SENDER,
    TOMBSTONE_LIFE,
    VIDEO,
    in_state,
    pending,
    settings_of,
)

# ---------------------------------------------------------------- crashes and transactions


class CrashError(Exception):
    """The process ended here."""


class Fuse:
    """Ends the process right after the n-th write from now."""

    def __init__(self) -> None:
        self._left = 0

    def light(self, writes: int) -> None:
        self._left = writes

    def put_out(self) -> None:
        self._left = 0

    def burn(self) -> None:
        if self._left:
            self._left -= 1
            if not self._left:
                raise CrashError


_LOCK = threading.RLock()  # one for all: a transaction spans the stores


def _part(holds: Callable[[], bool], apply: Callable[[], object]) -> Write:
    """A part of a transaction: what must hold before it, and what it does."""
    return {"holds": holds, "apply": apply}


def _transact(parts: dict[str, Write], fuse: Fuse) -> None:
    with _LOCK:
        failed = frozenset(name for name, part in parts.items() if not part["holds"]())
        if failed:
            raise ConditionFailedError(failed)
        for part in parts.values():
            part["apply"]()
    fuse.burn()


# ---------------------------------------------------------------- the stores


@dataclass
class _Held:
    held: Held
    due_at: datetime | None


class MemoryGuards(Guards):
    def __init__(self) -> None:
        self._keys: dict[str, tuple[IdempotencyKey, datetime]] = {}
        self._positions: dict[str, str | None] = {}
        self._counters: dict[str, int] = defaultdict(int)
        self._held: dict[str, _Held] = {}

    def position(self, walk: str) -> str | None:
        return self._positions.get(walk)

    def remember(self, walk: str, position: str | None) -> None:
        self._positions[walk] = position

    def find(self, user_id: str, value: str, now: datetime) -> tuple[str, str] | None:
        key = self._living(pk_of(user_id, value), now)
        return (key.body_hash, key.attachment_id) if key else None

    def write_of(self, key: IdempotencyKey, now: datetime) -> Write:
        return _part(
            lambda: self._living(key.pk, now) is None,
            lambda: self._keys.update({key.pk: (key, now + KEY_LIFE)}),
        )

    def count(self, counter: str, *, limit: int, expires_at: datetime) -> int | None:
        with _LOCK:
            if self._counters[counter] >= limit:
                return None
            self._counters[counter] += 1
            return self._counters[counter]

    def held(self, user_id: str) -> Held | None:
        item = self._held.get(user_id)
        return item.held if item else None

    def hold(self, user_id: str, change: Usage, now: datetime, *, most: Usage | None) -> Write:
        def fits() -> bool:
            if most is None or user_id not in self._held:
                return True
            then = self._held[user_id].held.usage + change
            return (
                then.pending_uploads <= most.pending_uploads
                and then.stored_bytes <= most.stored_bytes
            )

        def apply() -> None:
            item = self._held.get(user_id) or _Held(Held(Usage(), 0, now), None)
            held = Held(item.held.usage + change, item.held.revision + 1, now)
            self._held[user_id] = _Held(held, item.due_at or now + RECOUNT_EVERY)

        return _part(fits, apply)

    def recount_at(self, user_id: str, when: datetime) -> None:
        if user_id in self._held:
            self._held[user_id].due_at = when

    def recounted(self, user_id: str, usage: Usage, *, revision: int) -> bool:
        item = self._held.get(user_id)
        if item is None or item.held.revision != revision:
            return False
        self._held[user_id] = _Held(replace(item.held, usage=usage), None)
        return True

    def to_recount(self, now: datetime, shard: int) -> Iterator[str]:
        for user_id, item in list(self._held.items()):
            due = item.due_at is not None and item.due_at <= now
            if due and dynamo.shard(user_id) == shard:
                yield user_id

    def forget(self, user_id: str) -> None:
        self._held.pop(user_id, None)

    def _living(self, pk: str, now: datetime) -> IdempotencyKey | None:
        key, expires_at = self._keys.get(pk, (None, None))
        return None if _outlived(expires_at, now) else key


class MemoryActivity(ActivityLog):
    def __init__(self, clock: Callable[[], datetime], fuse: Fuse | None = None) -> None:
        self._clock = clock
        self._fuse = fuse or Fuse()
        self.entries: list[Activity] = []

    def write_of(self, entry: Activity) -> Write:
        return _part(lambda: True, lambda: self.entries.append(entry))

    def add(self, entry: Activity) -> None:
        self.entries.append(entry)
        self._fuse.burn()

    def of_attachment(self, attachment_id: str, *, after: str | None) -> Iterator[Item]:
        return self._stream(lambda entry: entry.attachment_id == attachment_id, after)

    def of_user(self, user_id: str, *, after: str | None) -> Iterator[Item]:
        return self._stream(lambda entry: entry.user_id == user_id, after)

    def of_day(self, day: date, *, after: str | None) -> Iterator[Item]:
        return self._stream(lambda entry: entry.at.date() == day, after)

    def pseudonymise(self, item: Item, pseudonym: str) -> bool:
        for number, known in enumerate(self.entries):
            if known.id == item["id"] and known.user_id == item["user_id"]:
                self.entries[number] = replace(known, user_id=pseudonym)
                self._fuse.burn()
                return True
        return False

    def naming(self, user_id: str) -> Iterator[Item]:
        return iter([asdict(entry) for entry in self.entries if entry.user_id == user_id])

    def actions(self) -> list[Action]:
        return [entry.action for entry in self.entries]

    def _stream(self, wanted: Callable[[Activity], bool], after: str | None) -> Iterator[Item]:  # type: ignore[override]
        items: list[Item] = [
            {**asdict(entry), "sort": f"{rfc3339(entry.at)}#{entry.id}"}
            for entry in self.entries
            if wanted(entry) and not _outlived(entry.at + ACTIVITY_LIFE, self._clock())
        ]
        return _newest_first(items, after)


@dataclass
class _Node:
    """A conversation or a message: what its `meta` item and its other rows say."""

    version: int | None = None
    deleted: bool = False
    due_at: datetime | None = None
    participants: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    message: Message | None = None
    links: set[str] = field(default_factory=set)


@dataclass
class _Mark:
    erased: ErasedUser
    due_at: datetime | None


class MemoryChat(Chat):
    def __init__(self, fuse: Fuse | None = None) -> None:
        self._fuse = fuse or Fuse()
        self._conversations: dict[str, _Node] = defaultdict(_Node)
        self._messages: dict[str, _Node] = defaultdict(_Node)
        self.marks: dict[str, _Mark] = {}

    def message(self, message_id: str) -> Message | None:
        node = self._messages[message_id]
        return None if node.deleted else node.message

    def membership(self, conversation_id: str, user_id: str) -> Membership:
        node = self._conversations[conversation_id]
        alive = node.version is not None and not node.deleted
        return Membership(known=alive, participant=alive and user_id in node.participants)

    def attachments_of(self, message_id: str, *, before: str | None = None) -> Iterator[Item]:
        items = [
            {"id": sort.partition("#")[2], "sort": sort}
            for sort in self._messages[message_id].links
        ]
        return _newest_first(items, before)

    def messages_of(self, conversation_id: str) -> Iterator[str]:
        return iter(sorted(self._conversations[conversation_id].messages))

    def unfinished(self, now: datetime, shard: int) -> Iterator[tuple[str, str]]:
        for kind, nodes in (("conversation", self._conversations), ("message", self._messages)):
            for identifier, node in list(nodes.items()):
                due = node.due_at is not None and node.due_at <= now
                if due and dynamo.shard(f"{kind}#{identifier}") == shard:
                    yield kind, identifier
        for user_id, mark in list(self.marks.items()):
            due = mark.due_at is not None and mark.due_at <= now
            if due and dynamo.shard(f"user#{user_id}") == shard:
                yield "user", user_id

    def must_live(self, message_id: str) -> Write:
        return _part(lambda: self.message(message_id) is not None, lambda: None)

    def link(self, attachment: Attachment) -> Write:
        links = self._messages[attachment.message_id].links
        return _part(lambda: True, lambda: links.add(_sort(attachment)))

    def unlink(self, attachment: Attachment) -> Write:
        links = self._messages[attachment.message_id].links
        return _part(lambda: True, lambda: links.discard(_sort(attachment)))

    def put_conversation(
        self, conversation_id: str, participants: Sequence[str], version: int
    ) -> bool:
        node = self._conversations[conversation_id]
        newest = -1 if node.version is None else node.version
        same = version == newest and set(participants) == node.participants
        if node.deleted:
            if version > newest:
                raise ConflictError("The conversation was deleted.")
            return False
        if version == newest and not same:
            raise ConflictError("Other participants were given with this version before.")
        if version < newest:
            return False
        node.version, node.participants = version, set(participants)
        self._fuse.burn()
        return True

    def delete_conversation(self, conversation_id: str, version: int, now: datetime) -> bool:
        return self._mark_deleted_node(self._conversations[conversation_id], version, now)

    def finish_conversation(self, conversation_id: str, *, expires_at: datetime) -> None:
        node = self._conversations[conversation_id]
        node.participants.clear()
        self._fuse.burn()
        node.due_at = None
        self._fuse.burn()

    def put_message(self, message: Message) -> bool:
        with _LOCK:
            node = self._messages[message.id]
            conversation = self._conversations[message.conversation_id]
            if node.version is not None:
                known = node.message
                if node.deleted:
                    if message.version > node.version:
                        raise ConflictError("The message was deleted.")
                    return False
                if known is None or (known.conversation_id, known.sender_id) != (
                    message.conversation_id,
                    message.sender_id,
                ):
                    raise ConflictError("A message keeps its conversation and its sender.")
                if message.version <= node.version:
                    return message.version == node.version
            if conversation.deleted:
                raise ConflictError("The conversation was deleted.")
            node.message, node.version = message, message.version
            conversation.messages.add(message.id)
        self._fuse.burn()
        return True

    def delete_message(self, message_id: str, version: int, now: datetime) -> bool:
        return self._mark_deleted_node(self._messages[message_id], version, now)

    def finish_message(self, message_id: str, *, expires_at: datetime) -> None:
        node = self._messages[message_id]
        if node.message is not None:
            self._conversations[node.message.conversation_id].messages.discard(message_id)
            self._fuse.burn()
        node.due_at = None
        self._fuse.burn()

    def _mark_deleted_node(self, node: _Node, version: int, now: datetime) -> bool:
        with _LOCK:
            if node.version is not None and node.version > version:
                return False
            node.deleted, node.version, node.due_at = True, version, now + HEAD_START
        self._fuse.burn()
        return True


class MemoryUsers(Users):
    """The users of a chat in memory."""

    def __init__(self, chat: MemoryChat, fuse: Fuse | None = None) -> None:
        self._chat = chat
        self._fuse = fuse or Fuse()

    def must_not_be_erased(self, user_id: str) -> Write:
        return _part(lambda: user_id not in self._chat.marks, lambda: None)

    def erased(self, user_id: str) -> ErasedUser | None:
        mark = self._chat.marks.get(user_id)
        return mark.erased if mark else None

    def erase(self, user_id: str, now: datetime) -> ErasedUser:
        known = self.erased(user_id)
        pseudonym = known.pseudonym if known else f"erased-{new_id()}"
        erased = ErasedUser(user_id, pseudonym, now)
        self._chat.marks[user_id] = _Mark(erased, now + HEAD_START)
        self._fuse.burn()
        return erased

    def finish(self, erased: ErasedUser, *, expires_at: datetime) -> bool:
        mark = self._chat.marks[erased.user_id]
        if mark.erased.since != erased.since:
            return False
        mark.due_at = None
        self._fuse.burn()
        return True

    def named(self, user_id: str, *, after: str | None = None) -> Iterator[Named]:
        conversations, messages = self._chat._conversations, self._chat._messages
        found = [
            Named("conversation", identifier)
            for identifier in sorted(conversations)
            if user_id in conversations[identifier].participants
        ] + [
            Named("message", identifier)
            for identifier in sorted(messages)
            if (message := messages[identifier].message) and message.sender_id == user_id
        ]
        return iter([each for each in found if f"{each.kind}#{each.id}" > (after or "")])

    def forget(self, named: Named, erased: ErasedUser) -> bool:
        if named.kind == "conversation":
            participants = self._chat._conversations[named.id].participants
            necessary = erased.user_id in participants
            participants.discard(erased.user_id)
        else:
            node = self._chat._messages[named.id]
            known = node.message
            necessary = known is not None and known.sender_id == erased.user_id
            if known is not None and necessary:
                node.message = replace(known, sender_id=erased.pseudonym)
        self._fuse.burn()
        return necessary


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
        if record is None or _outlived(record.expires_at, self._clock()):
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
            _transact(parts, self._fuse)
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
            _transact(parts, self._fuse)
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
        return _part(holds, lambda: self.records.update({attachment.id: attachment}))

    def _indexed(self, wanted: Callable[[Attachment], bool], after: str | None) -> Iterator[Item]:
        items = [
            {"id": record.id, "sort": _sort(record)}
            for record in self.records.values()
            if record.status is not Status.DELETED and wanted(record)
        ]
        return _newest_first(items, after)

    def _page(self, stream: Iterator[Item], keep: Callable[[Attachment], bool], limit: int) -> Page:
        found: list[Attachment] = []
        position: str | None = None
        for examined, item in enumerate(stream):
            if examined == real_catalog.MAX_EXAMINED:
                return Page(found, position)
            record = self.records[item["id"]]
            if keep(record) and not _outlived(record.expires_at, self._clock()):
                if len(found) == limit:
                    return Page(found, position)
                found.append(record)
            position = item["sort"]
        return Page(found, None)


@dataclass(frozen=True)
class _Version:
    id: str
    modified: datetime
    body: bytes | None = None  # None: a delete marker


class MemoryStorage(Storage):
    def __init__(
        self, fuse: Fuse | None = None, clock: Callable[[], datetime] = lambda: NOON
    ) -> None:
        self.bucket = "memory"
        self._fuse = fuse or Fuse()
        self._clock = clock
        self._objects: dict[str, list[_Version]] = {}
        self._uploads: dict[str, str] = {}
        self._numbers = count(1)

    # What the world outside does: a client's PUT, the beginning of an upload in parts, and a
    # delete without a version.

    def arrive(self, key: str, body: bytes) -> ObjectVersion:
        return _described(self._add(key, body))

    def begin(self, key: str) -> str:
        upload_id = f"u{next(self._numbers)}"
        self._uploads[upload_id] = key
        return upload_id

    def begun(self, key: str) -> list[str]:
        """The ids of the uploads in parts to this key."""
        return [upload_id for upload_id, begun in self._uploads.items() if begun == key]

    def cover(self, key: str) -> None:
        self._add(key, None)

    def keys(self) -> set[str]:
        """Every key of which anything is left, delete markers included."""
        return set(self._objects)

    def sign_put(
        self, key: str, *, size: int, mime_type: str, sha256: str | None, seconds: int
    ) -> SignedRequest:
        headers = {"Content-Type": mime_type, "If-None-Match": "*"}
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = sha256
        return self._request("PUT", key, seconds, headers, sized=True)

    def sign_create_multipart(self, key: str, *, mime_type: str, seconds: int) -> SignedRequest:
        headers = {"Content-Type": mime_type}
        return self._request("POST", key, seconds, headers, query={"uploads": ""})

    def sign_part(
        self, key: str, *, upload_id: str, number: int, size: int, seconds: int
    ) -> SignedRequest:
        query = {"uploadId": upload_id, "partNumber": str(number)}
        return self._request("PUT", key, seconds, {}, sized=True, query=query)

    def sign_list_parts(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        return self._request("GET", key, seconds, {}, query={"uploadId": upload_id})

    def sign_complete(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        headers = {"If-None-Match": "*"}
        return self._request("POST", key, seconds, headers, query={"uploadId": upload_id})

    def sign_abort(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        return self._request("DELETE", key, seconds, {}, query={"uploadId": upload_id})

    def _request(
        self,
        method: str,
        key: str,
        seconds: int,
        headers: dict[str, str],
        *,
        sized: bool = False,
        query: dict[str, str] | None = None,
    ) -> SignedRequest:
        signed = ["host", *(name.lower() for name in headers)]
        if sized:
            signed.append("content-length")
        return SignedRequest(method, self._url(key, sorted(signed), seconds, query), headers)

    def sign_get(
        self,
        key: str,
        *,
        version_id: str | None,
        seconds: int,
        content_type: str,
        disposition: str,
    ) -> str:
        query = {
            "response-content-type": content_type,
            "response-content-disposition": disposition,
        }
        if version_id:
            query["versionId"] = version_id
        return self._url(key, ["host"], seconds, query)

    def head(self, key: str, version_id: str | None = None) -> ObjectVersion:
        return _described(self._find(key, version_id))

    def stream(
        self, key: str, version: ObjectVersion, start: int, length: int
    ) -> Generator[bytes, None, None]:
        yield (self._find(key, version.version_id).body or b"")[start : start + length]

    def put_once(self, key: str, body: bytes, *, mime_type: str) -> None:
        with suppress(ObjectMissingError):
            self._find(key, None)
            return
        self._add(key, body)
        self._fuse.burn()

    def copy(self, source: str, key: str, *, version_id: str | None = None) -> ObjectVersion:
        found = self._find(source, version_id)
        with suppress(ObjectMissingError):
            return self.head(key)
        copied = _described(self._add(key, found.body))
        self._fuse.burn()
        return copied

    def delete_version(self, key: str, version_id: str) -> None:
        left = [version for version in self._objects.get(key, []) if version.id != version_id]
        if left:
            self._objects[key] = left
        else:
            self._objects.pop(key, None)
        self._fuse.burn()

    def delete_all(self, prefix: str) -> int:
        found = [
            (key, version.id)
            for key, versions in self._objects.items()
            if key.startswith(prefix)
            for version in versions
        ]
        for key, version_id in found:
            self.delete_version(key, version_id)
        return len(found)

    def abort_uploads(self, key: str) -> int:
        begun = self.begun(key)
        for upload_id in begun:
            del self._uploads[upload_id]
            self._fuse.burn()
        return len(begun)

    def versions(self, *, after: str | None, limit: int) -> VersionPage:
        found = [
            StoredVersion(key, version.id, version.modified, version.body is None)
            for key in sorted(self._objects)
            if after is None or key > after
            for version in self._objects[key]
        ]
        if len(found) <= limit:
            return VersionPage(found, None)
        cut = found[:limit]
        whole = [version for version in cut if version.key != cut[-1].key] or cut
        return VersionPage(whole, whole[-1].key)

    def _add(self, key: str, body: bytes | None) -> _Version:
        version = _Version(f"v{next(self._numbers)}", self._clock(), body)
        self._objects.setdefault(key, []).append(version)
        return version

    def _find(self, key: str, version_id: str | None) -> _Version:
        versions = self._objects.get(key, [])
        if version_id is not None:
            versions = [version for version in versions if version.id == version_id]
        if not versions or versions[-1].body is None:
            raise ObjectMissingError(key)
        return versions[-1]

    def _url(
        self, key: str, signed: list[str], seconds: int, query: dict[str, str] | None = None
    ) -> str:
        parameters = {"X-Amz-Expires": seconds, "X-Amz-SignedHeaders": ";".join(signed)}
        return f"https://{self.bucket}/{quote(key)}?{urlencode({**parameters, **(query or {})})}"


def _described(version: _Version) -> ObjectVersion:
    body = version.body or b""
    return ObjectVersion(
        version.id, hashlib.md5(body, usedforsecurity=False).hexdigest(), len(body)
    )


def _outlived(end: datetime | None, now: datetime) -> bool:
    """Whether a TTL has passed; it is in whole seconds."""
    return end is not None and dynamo.epoch(end) <= dynamo.epoch(now)


def _newest_first(items: list[Item], before: str | None) -> Iterator[Item]:
    older = [item for item in items if before is None or item["sort"] < before]
    return iter(sorted(older, key=lambda item: str(item["sort"]), reverse=True))


def _sort(attachment: Attachment) -> str:
    return f"{rfc3339(attachment.created_at)}#{attachment.id}"


# ---------------------------------------------------------------- all of it together


class World:
    """All stores, a clock that stands still, and a conversation with one message of the sender."""

    def __init__(
        self,
        *,
        chat: type[MemoryChat] = MemoryChat,
        guards: type[MemoryGuards] = MemoryGuards,
        catalog: type[MemoryCatalog] = MemoryCatalog,
        storage: type[MemoryStorage] = MemoryStorage,
    ) -> None:
        self.now = NOON
        self.fuse = Fuse()
        self.chat = chat(self.fuse)
        self.guards = guards()
        self.users = MemoryUsers(self.chat, self.fuse)
        self.activity = MemoryActivity(self.clock, self.fuse)
        self.catalog = catalog(self.chat, self.activity, self.guards, self.clock, self.fuse)
        self.storage = storage(self.fuse, self.clock)
        self.deletion = Deletion(
            catalog=self.catalog,
            chat=self.chat,
            storage=self.storage,
            clock=self.clock,
            tombstone_life=TOMBSTONE_LIFE,
        )
        self.erasure = Erasure(
            catalog=self.catalog,
            users=self.users,
            activity=self.activity,
            guards=self.guards,
            deletion=self.deletion,
            clock=self.clock,
        )
        self.limiter = RateLimiter(self.guards, settings_of(), self.clock)
        self.chat.put_conversation(CONVERSATION, [SENDER.user_id, PARTICIPANT.user_id], 1)
        self.chat.put_message(
            Message(id=MESSAGE, conversation_id=CONVERSATION, sender_id="sender", version=1)
        )

    def clock(self) -> datetime:
        return self.now

    def pass_time(self, span: timedelta) -> None:
        self.now += span

    def add(self, status: Status = Status.READY, **changes: Any) -> Attachment:
        """A record in this state, its bytes in the bucket where the state has any; not logged."""
        attachment = pending(**changes)
        logged = list(self.activity.entries)
        self.catalog.create(attachment, _note(attachment))
        if status not in {Status.PENDING, Status.EXPIRED}:
            stored = self.storage.arrive(attachment.upload_key, VIDEO)
            moved = in_state(attachment, status)
            if moved.version is not None:
                moved = replace(moved, version=stored)
            if moved.thumbnail is not None:
                self.storage.put_once(moved.thumbnail.key, b"a JPEG", mime_type="image/jpeg")
        else:
            moved = in_state(attachment, status)
        if moved != attachment:
            self.catalog.change(moved, None)
        self.activity.entries[:] = logged
        return moved


def _note(attachment: Attachment) -> Activity:
    return entry(
        Action.UPLOAD_REQUESTED,
        attachment,
        user_id=attachment.uploaded_by,
        at=attachment.created_at,
    )
