"""Reserve an attachment and sign its upload."""

from collections.abc import Callable
from datetime import datetime, timedelta

from attachments.access import (
    Act,
    overrides,
)
from attachments.activity import entry
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.declared import clean_file_name, mime_essence, require_video
from attachments.file_types import type_of
from attachments.guards import Guards
from attachments.ids import new_id
from attachments.limits import quota_of
from attachments.model import (
    Action,
    Attachment,
    Caller,
    Message,
    Status,
)
from attachments.settings import Settings
from attachments.storage import Storage
from functions.issue_upload.deadline import SLOW_UPLOAD, kept_open, signature_life
from functions.issue_upload.reservation import (
    idempotency_key_of,
    message_for,
    require_size,
    reserve,
)
from functions.issue_upload.schemas import IssuedUpload, UploadRequest


def issue_upload(
    request: UploadRequest,
    *,
    caller: Caller,
    video_only: bool,
    idempotency_key: str | None,
    settings: Settings,
    catalog: Catalog,
    chat: Chat,
    guards: Guards,
    storage: Storage,
    clock: Callable[[], datetime],
) -> IssuedUpload:
    """A pending attachment, and the one request that S3 will accept for it.

    Raises NotFoundError for a message that is unknown or not the caller's to see, ForbiddenError
    for one that somebody else sent, InvalidRequestError, UnsupportedTypeError, TooLargeError,
    LimitExceededError, and IdempotencyConflictError for a key that was used with another body.
    """
    message, roles = message_for(caller, str(request.message_id), chat)
    now = clock()
    draft = _draft(request, message, caller, settings, video_only=video_only, now=now)
    key = idempotency_key_of(idempotency_key, f"{video_only} {request.model_dump_json()}", draft)
    note = entry(
        Action.UPLOAD_REQUESTED,
        draft,
        user_id=caller.user_id,
        at=now,
        admin_override=overrides(Act.UPLOAD, roles),
    )
    most = quota_of(caller, settings)
    attachment = reserve(draft, note, key, most=most, guards=guards, catalog=catalog)
    life = timedelta(seconds=settings.upload_url_seconds)
    return _sign(attachment, now, life, catalog=catalog, storage=storage)


def _draft(
    request: UploadRequest,
    message: Message,
    caller: Caller,
    settings: Settings,
    *,
    video_only: bool,
    now: datetime,
) -> Attachment:
    """The record to be, its name, type and size checked."""
    file_name = clean_file_name(request.file_name)
    mime_type = mime_essence(request.mime_type)
    if video_only:
        require_video(file_name, mime_type)
    file_type = type_of(mime_type)
    require_size(request.file_size, file_type, settings)
    return Attachment(
        id=new_id(),
        message_id=message.id,
        conversation_id=message.conversation_id,
        uploaded_by=caller.user_id,
        file_name=file_name,
        file_type=file_type,
        file_size=request.file_size,
        mime_type=mime_type,
        sha256=request.sha256,
        video_only=video_only,
        created_at=now,
        due_at=now + timedelta(seconds=settings.upload_url_seconds) + SLOW_UPLOAD,
    )


def _sign(
    attachment: Attachment, now: datetime, life: timedelta, *, catalog: Catalog, storage: Storage
) -> IssuedUpload:
    """The request for the bytes; none if the record is pending no more."""
    if attachment.status is Status.PENDING:
        life = signature_life(attachment, now=now, longest=life)
        attachment = kept_open(
            attachment, expires_at=now + life, spare=SLOW_UPLOAD, catalog=catalog
        )
    if attachment.status is not Status.PENDING:
        return IssuedUpload(attachment, None, now + life)
    signed = storage.sign_put(
        attachment.upload_key,
        size=attachment.file_size,
        mime_type=attachment.mime_type,
        sha256=attachment.sha256,
        seconds=int(life.total_seconds()),
    )
    return IssuedUpload(attachment, signed, now + life)
