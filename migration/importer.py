"""Brings rows over: the message is told, the record made, the bytes sent; then the stack inspects
them as it does every upload.

Nothing is remembered but the records themselves. A row whose record is there is passed over, one
that is pending gets its bytes: whatever stopped an import, the next one goes on.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from attachments.activity import entry
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.errors import (
    ConflictError,
    MessageGoneError,
    StaleRecordError,
    UserErasedError,
)
from attachments.model import Action, Attachment, Message, Status
from attachments.settings import Settings
from attachments.storage import Storage
from migration.old_app import OldRow
from migration.rows import Draft, RefusedRowError, draft_of, file_of, same

AT_ONCE = 8  # files that are sent at the same time
PATIENCE_S = 600.0  # without any news of the inspection
LOOK_EVERY_S = 0.3
OLDEST = 0  # the chat backend's own word is always newer


class Outcome(StrEnum):
    CAME = "came"
    THERE = "were there"
    DELETED = "were deleted since"
    REFUSED = "could not come"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one row."""

    row: OldRow
    outcome: Outcome
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The stack that takes them."""

    catalog: Catalog
    chat: Chat
    storage: Storage
    settings: Settings
    clock: Callable[[], datetime]


@dataclass(slots=True)
class Importer:
    """`media` is the resolved media root; `dry`: everything is looked at, nothing is written."""

    target: Target
    media: Path
    dry: bool
    _seen: set[int] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)

    def run(self, batches: Iterator[list[OldRow]]) -> Iterator[list[Result]]:
        """What became of the rows, a batch at a time.

        Raises what the SDK raises: then the next import goes on.
        """
        for rows in batches:
            yield self._batch(rows)

    def _batch(self, rows: Sequence[OldRow]) -> list[Result]:
        results: list[Result] = []
        drafts: list[tuple[OldRow, Draft]] = []
        for row in rows:
            try:
                drafts.append((row, self._draft(row)))
            except RefusedRowError as refused:
                results.append(_refusal(row, refused))
        known = self.target.catalog.get_many([draft.record.id for _, draft in drafts])
        waiting: dict[str, OldRow] = {}
        with ThreadPoolExecutor(AT_ONCE) as threads:
            brought = threads.map(
                lambda pair: self._bring(pair[0], pair[1], known.get(pair[1].record.id)), drafts
            )
            for (row, draft), result in zip(drafts, brought, strict=True):
                if result is None:
                    waiting[draft.record.id] = row
                else:
                    results.append(result)
        return [*results, *self._inspected(waiting)]

    def _draft(self, row: OldRow) -> Draft:
        draft = draft_of(row, self.target.clock())
        number = UUID(draft.record.id).int
        if number in self._seen:
            raise RefusedRowError("An earlier row has the same id.", draft.record.id)
        self._seen.add(number)
        return draft

    def _bring(self, row: OldRow, draft: Draft, known: Attachment | None) -> Result | None:
        """What became of the row, None once the inspection has it."""
        try:
            if known is not None and known.status is not Status.PENDING:
                return _told_by(row, draft, known)
            if known is not None and not same(draft, known):
                raise _other_file()
            path = file_of(draft, self.media, self.target.settings)
            if self.dry:
                return Result(row, Outcome.CAME)
            if known is None:
                self._make(draft, path.stat().st_size)
            self._send(draft.record, path)
        except RefusedRowError as refused:
            return _refusal(row, refused)
        except OSError as error:
            return Result(row, Outcome.REFUSED, "Its file cannot be read.", str(error))
        return None

    def _make(self, draft: Draft, size: int) -> None:
        record = replace(draft.record, file_size=size)
        now = self.target.clock()
        note = entry(
            Action.UPLOAD_REQUESTED,
            record,
            user_id=record.uploaded_by,
            at=now,
            description="Brought over from the Django app.",
        )
        try:
            self._tell(record, draft.participants)
            self.target.catalog.create(record, note)
        except (ConflictError, MessageGoneError) as error:
            raise RefusedRowError("Its message was deleted, or is another one here.") from error
        except UserErasedError as error:
            raise RefusedRowError("Its sender was erased.") from error
        except StaleRecordError:
            pass  # another import was first

    def _tell(self, record: Attachment, participants: Sequence[str]) -> None:
        """The message and its conversation, unless the chat backend told them. Raises
        ConflictError."""
        chat = self.target.chat
        if record.conversation_id not in self._told:
            with suppress(ConflictError):  # the backend's stand; a deleted one refuses the message
                chat.put_conversation(record.conversation_id, participants, OLDEST)
            self._told.add(record.conversation_id)
        message = Message(
            id=record.message_id,
            conversation_id=record.conversation_id,
            sender_id=record.uploaded_by,
            version=OLDEST,
        )
        chat.put_message(message)

    def _send(self, record: Attachment, path: Path) -> None:
        """Once: bytes that are there stay."""
        with path.open("rb") as body:
            self.target.storage.put_once(record.upload_key, body, mime_type=record.mime_type)

    def _inspected(self, waiting: dict[str, OldRow]) -> Iterator[Result]:
        ends = time.monotonic() + PATIENCE_S
        while waiting and time.monotonic() < ends:
            records = self.target.catalog.get_many(list(waiting))
            over = [each for each in records.values() if each.status is not Status.PENDING]
            for record in over:
                row = waiting.pop(record.id)
                yield _judged(row, record) or Result(row, Outcome.CAME)
            if over:
                ends = time.monotonic() + PATIENCE_S
            elif waiting:
                time.sleep(LOOK_EVERY_S)
        for row in waiting.values():
            said = "Import again; if it stays so: make doctor."
            yield Result(row, Outcome.REFUSED, "It was sent, and not inspected yet.", said)


def _told_by(row: OldRow, draft: Draft, record: Attachment) -> Result:
    """Of a row whose record has been settled before."""
    if record.status is Status.DELETED:
        return Result(row, Outcome.DELETED)
    if not same(draft, record):
        raise _other_file()
    return _judged(row, record) or Result(row, Outcome.THERE)


def _judged(row: OldRow, record: Attachment) -> Result | None:
    """Why a settled record is not served; None if it is."""
    reason = {
        Status.REJECTED: "The inspection rejects its file.",
        Status.FAILED: "Its file could not be inspected: see redrive in docs/operations.md.",
        Status.EXPIRED: "An earlier import was given up; its record goes by itself, then again.",
    }.get(record.status)
    return Result(row, Outcome.REFUSED, reason, record.reason or "") if reason else None


def _other_file() -> RefusedRowError:
    return RefusedRowError("Another file has its id here.")


def _refusal(row: OldRow, refused: RefusedRowError) -> Result:
    return Result(row, Outcome.REFUSED, refused.reason, refused.detail)
