"""From an old row to the record that it becomes, or the reason why it cannot."""

import mimetypes
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from attachments.declared import clean_file_name, mime_essence
from attachments.errors import InvalidRequestError
from attachments.file_types import too_large, type_of
from attachments.model import Attachment
from attachments.settings import Settings
from attachments.tokens import MAX_USER_ID_CHARACTERS
from migration.old_app import OldMessage, OldRow

RESUME_WITHIN = timedelta(days=7)  # a record whose bytes do not come until then expires
UNKNOWN_TYPE = "application/octet-stream"


class RefusedRowError(Exception):
    """The row cannot come: `reason` is the same for all such rows, `detail` is this one's."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Draft:
    """The record to be, who reads its conversation, and the size that the row names, if any."""

    record: Attachment
    participants: tuple[str, ...]
    size: int | None
    file: str


def draft_of(row: OldRow, now: datetime) -> Draft:
    """A pending record with the old id, of the time when the old app took the file.

    Its size is the row's until the file is looked at. Raises RefusedRowError.
    """
    values, message = row.values, _message(row)
    file_name = _file_name(values["file_name"], str(values["file"] or ""))
    mime_type = _mime_type(values["mime_type"], file_name)
    size = values["file_size"]
    record = Attachment(
        id=_uuid(values["id"], "Its id is no UUID."),
        message_id=_uuid(values["message_id"], "Its message's id is no UUID."),
        conversation_id=_uuid(message.conversation_id, "Its conversation's id is no UUID."),
        uploaded_by=_user(message.sender_id),
        file_name=file_name,
        file_type=type_of(mime_type),
        file_size=size or 0,
        mime_type=mime_type,
        created_at=_instant(values["uploaded_at"], now),
        due_at=now + RESUME_WITHIN,
    )
    participants = tuple(_user(each) for each in message.participants)
    return Draft(record, participants, size, str(values["file"] or ""))


def file_of(draft: Draft, media: Path, settings: Settings) -> Path:
    """The file of a row, below the resolved media root `media`. Raises RefusedRowError."""
    if not draft.file or "\0" in draft.file:
        raise RefusedRowError("It names no file.")
    path = (media / draft.file).resolve()
    if not path.is_relative_to(media):
        raise RefusedRowError("Its file lies outside of the media folder.", draft.file)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise RefusedRowError("Its file is not in the media folder.", draft.file) from error
    if not path.is_file():
        raise RefusedRowError("Its file is no regular file.", draft.file)
    if size == 0:
        raise RefusedRowError("Its file is empty.", draft.file)
    if draft.size is not None and size != draft.size:
        said = f"{size} bytes instead of {draft.size}"
        raise RefusedRowError("Its file has another size than the row says.", said)
    largest = settings.max_bytes(draft.record.file_type)
    if size > largest:
        said = too_large(draft.record.file_type, largest)
        raise RefusedRowError("Its file is larger than the stack allows.", said)
    return path


def same(draft: Draft, record: Attachment) -> bool:
    """Whether a record that is there came from this row."""
    wanted = draft.record
    return (wanted.message_id, wanted.uploaded_by, wanted.file_name, wanted.created_at) == (
        record.message_id,
        record.uploaded_by,
        record.file_name,
        record.created_at,
    ) and draft.size in (None, record.file_size)


def _message(row: OldRow) -> OldMessage:
    if row.message is None:
        raise RefusedRowError("Its message is not there.", str(row.values["message_id"]))
    return row.message


def _uuid(value: Any, reason: str) -> str:
    try:
        return str(value if isinstance(value, UUID) else UUID(str(value)))
    except ValueError as error:
        raise RefusedRowError(reason, str(value)) from error


def _user(value: Any) -> str:
    """As tokens name users in `sub`."""
    user = "" if value is None else str(value)
    if not 0 < len(user) <= MAX_USER_ID_CHARACTERS:
        said = f"1 to {MAX_USER_ID_CHARACTERS} characters are allowed"
        raise RefusedRowError("A user of its conversation has no id that can be used.", said)
    return user


def _file_name(name: Any, file: str) -> str:
    """The name that users saw, else that of the file."""
    try:
        return clean_file_name(str(name) if name else file)
    except InvalidRequestError as error:
        raise RefusedRowError("Its file name cannot be shown.", error.detail) from error


def _mime_type(text: Any, file_name: str) -> str:
    """As the row says, else as the name's ending says: what it is, the inspection finds out."""
    try:
        return mime_essence(str(text or ""))
    except InvalidRequestError:
        return mimetypes.guess_type(file_name)[0] or UNKNOWN_TYPE


def _instant(value: Any, now: datetime) -> datetime:
    """In UTC, to the millisecond; Django stores UTC, in SQLite without saying so."""
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise RefusedRowError("It does not say when it was uploaded.", str(value)) from error
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    instant = instant.astimezone(UTC)
    if instant > now:
        raise RefusedRowError("It was uploaded in the future.", instant.isoformat())
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
