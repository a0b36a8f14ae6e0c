"""Reserve an attachment and sign its upload."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from attachments.access import (
    Act,
    Role,
    Roles,
    allows,
    overrides,
    require,
    roles_in_conversation,
)
from attachments.activity import entry
from attachments.catalog import Catalog, IdempotencyKeyTakenError
from attachments.chat import Chat
from attachments.errors import (
    ConflictError,
    IdempotencyConflictError,
    InvalidRequestError,
    MessageGoneError,
    NotFoundError,
    TooLargeError,
)
from attachments.file_types import too_large, type_of
from attachments.guards import Guards, IdempotencyKey
from attachments.ids import new_id
from attachments.limits import quota_of
from attachments.model import (
    Action,
    Activity,
    Attachment,
    Caller,
    FileType,
    Message,
    Status,
    Usage,
)
from attachments.settings import Settings
from attachments.storage import Storage
from functions.issue_upload.deadline import SLOW_UPLOAD, kept_open, signature_life
from functions.issue_upload.declared import clean_file_name, mime_essence, require_video
from functions.issue_upload.schemas import IssuedUpload, UploadRequest

MAX_KEY_CHARACTERS = 255


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


def message_for(caller: Caller, message_id: str, chat: Chat) -> tuple[Message, Roles]:
    """The message, if the caller may attach something to it, and what the caller is to it.

    Raises NotFoundError, and ForbiddenError for a message that somebody else sent.
    """
    message = chat.message(message_id)
    if message is None:
        raise no_message()
    membership = chat.membership(message.conversation_id, caller.user_id)
    roles = roles_in_conversation(caller, participant=membership.participant)
    if message.sender_id == caller.user_id:
        roles |= {Role.SENDER}
    if not allows(Act.SEE_CONVERSATION, roles):
        raise no_message()
    require(Act.UPLOAD, roles)
    return message, roles


def no_message() -> NotFoundError:
    problem = "There is no such message, or not for you."
    return NotFoundError(problem, fields={"message_id": problem})


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


def require_size(size: int, file_type: FileType, settings: Settings) -> None:
    """Raises TooLargeError."""
    largest = settings.max_bytes(file_type)
    if size > largest:
        problem = too_large(file_type, largest)
        raise TooLargeError(problem, fields={"file_size": problem})


def idempotency_key_of(value: str | None, said: str, draft: Attachment) -> IdempotencyKey | None:
    """The key with what was `said` under it. Raises InvalidRequestError."""
    if value is None:
        return None
    if not 0 < len(value) <= MAX_KEY_CHARACTERS:
        problem = f"An idempotency key has 1 to {MAX_KEY_CHARACTERS} characters."
        raise InvalidRequestError(problem, fields={"Idempotency-Key": problem})
    body_hash = hashlib.sha256(said.encode()).hexdigest()
    return IdempotencyKey(draft.uploaded_by, value, body_hash, draft.id)


def reserve(
    draft: Attachment,
    note: Activity,
    key: IdempotencyKey | None,
    *,
    most: Usage | None,
    guards: Guards,
    catalog: Catalog,
    also: Activity | None = None,
) -> Attachment:
    """The draft as a record, or the record of an earlier request with the same key.

    Raises NotFoundError for a message that was deleted meanwhile, ConflictError for a key whose
    attachment is gone, LimitExceededError beyond `most`, and IdempotencyConflictError.
    """
    earlier = _of_earlier(key, draft.created_at, guards, catalog)
    if earlier is not None:
        return earlier
    try:
        catalog.create(draft, note, key, also=also, most=most)
    except IdempotencyKeyTakenError:
        earlier = _of_earlier(key, draft.created_at, guards, catalog)
        if earlier is None:
            raise
        return earlier
    except MessageGoneError as error:
        raise no_message() from error
    return draft


def _of_earlier(
    key: IdempotencyKey | None, now: datetime, guards: Guards, catalog: Catalog
) -> Attachment | None:
    """The attachment of an earlier request with this key, None if there was none."""
    if key is None:
        return None
    found = guards.find(key.user_id, key.value, now)
    if found is None:
        return None
    body_hash, attachment_id = found
    if body_hash != key.body_hash:
        raise IdempotencyConflictError
    try:
        attachment = catalog.get(attachment_id)
    except NotFoundError as error:
        raise ConflictError("The attachment of this idempotency key is gone.") from error
    if attachment.status is Status.DELETED:
        raise ConflictError("The attachment of this idempotency key was deleted.")
    return attachment


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
