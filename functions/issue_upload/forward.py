"""Forward an attachment: a new one of another message, with the same bytes, copied within S3."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from attachments.access import Act, Roles, overrides, require, require_visible, roles_towards
from attachments.activity import entry
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.errors import (
    CopyUnfinishedError,
    MessageGoneError,
    NotFoundError,
    NotReadyError,
    ObjectMissingError,
    StaleRecordError,
)
from attachments.guards import Guards
from attachments.ids import new_id
from attachments.limits import quota_of
from attachments.model import (
    Action,
    Activity,
    Attachment,
    Caller,
    Message,
    Status,
)
from attachments.settings import Settings
from attachments.storage import Storage
from functions.issue_upload.reservation import (
    idempotency_key_of,
    message_for,
    no_message,
    require_size,
    reserve,
)
from functions.issue_upload.schemas import CopyRequest

# A copy that a crash cut off is either inspected as an upload is, or expires after this.
LONGEST_COPY = timedelta(minutes=30)


def forward(
    source_id: str,
    request: CopyRequest,
    *,
    caller: Caller,
    idempotency_key: str | None,
    settings: Settings,
    catalog: Catalog,
    chat: Chat,
    guards: Guards,
    storage: Storage,
    clock: Callable[[], datetime],
) -> Attachment:
    """A new attachment of the message with the bytes, metadata and thumbnail of the source.

    It is pending first, with its idempotency key, then copied, then ready. What a crash leaves is
    pending: with its bytes, their event has it inspected like an upload; without, it expires. So
    is the copy of a large file that S3 has not finished in time.

    Raises NotFoundError, ForbiddenError, NotReadyError for a source that is not ready,
    TooLargeError, LimitExceededError, and IdempotencyConflictError.
    """
    source, source_roles = _source(source_id, caller, catalog, chat)
    message, roles = message_for(caller, str(request.message_id), chat)
    require_size(source.file_size, source.file_type, settings)
    now = clock()
    draft = _draft(source, message, caller, now)
    override = overrides(Act.FORWARD, source_roles) or overrides(Act.UPLOAD, roles)
    copy = reserve(
        draft,
        _note(draft, caller, now, f"From attachment {source.id}.", override=override),
        idempotency_key_of(idempotency_key, f"{source.id} {request.model_dump_json()}", draft),
        most=quota_of(caller, settings),
        guards=guards,
        catalog=catalog,
        also=_note(source, caller, now, f"As attachment {draft.id}.", override=override),
    )
    if copy.status is not Status.PENDING:
        return copy
    return _finished(copy, source, settings=settings, catalog=catalog, storage=storage, clock=clock)


def _source(
    source_id: str, caller: Caller, catalog: Catalog, chat: Chat
) -> tuple[Attachment, Roles]:
    """The attachment to forward, if it is ready and the caller may see it."""
    source = catalog.get(source_id)
    membership = chat.membership(source.conversation_id, caller.user_id)
    roles = roles_towards(source, caller, participant=membership.participant)
    require_visible(source, roles)
    require(Act.FORWARD, roles)
    if source.status is not Status.READY:
        raise NotReadyError(f"The attachment is {source.status}: only a ready one is forwarded.")
    if source.missing:
        raise NotReadyError(source.reason or "")
    return source, roles


def _draft(source: Attachment, message: Message, caller: Caller, now: datetime) -> Attachment:
    return Attachment(
        id=new_id(),
        message_id=message.id,
        conversation_id=message.conversation_id,
        uploaded_by=caller.user_id,
        file_name=source.file_name,
        file_type=source.file_type,
        file_size=source.file_size,
        mime_type=source.mime_type,
        sha256=source.sha256,
        video_only=source.video_only,
        copied_from=source.id,
        created_at=now,
        due_at=now + LONGEST_COPY,
    )


def _note(
    attachment: Attachment, caller: Caller, now: datetime, description: str, *, override: bool
) -> Activity:
    return entry(
        Action.FILE_FORWARDED,
        attachment,
        user_id=caller.user_id,
        at=now,
        admin_override=override,
        description=description,
    )


def _finished(
    copy: Attachment,
    source: Attachment,
    *,
    settings: Settings,
    catalog: Catalog,
    storage: Storage,
    clock: Callable[[], datetime],
) -> Attachment:
    """The copy with its bytes: ready, or still pending where S3 takes longer than a request may."""
    try:
        ready = _copied(copy, source, storage, clock)
    except CopyUnfinishedError:
        return copy
    except ObjectMissingError as error:
        expired = copy.expired(now=clock(), keep=settings.tombstone_life)
        with suppress(StaleRecordError):  # deleted meanwhile, and the copied bytes with it
            catalog.change(expired, _decision(Action.UPLOAD_EXPIRED, expired, clock()))
        raise NotFoundError from error
    try:
        catalog.change(ready, _decision(Action.FILE_UPLOADED, ready, clock()))
    except StaleRecordError:
        return _as_decided(copy, catalog)
    except MessageGoneError as error:
        raise no_message() from error
    return ready


def _copied(
    copy: Attachment, source: Attachment, storage: Storage, clock: Callable[[], datetime]
) -> Attachment:
    """The copy as it is once its bytes are there.

    The thumbnail goes first: after the file, its event has it inspected if we end here.
    """
    thumbnail = source.thumbnail
    if thumbnail is not None:
        key = copy.thumbnail_prefix + thumbnail.key.removeprefix(source.thumbnail_prefix)
        storage.copy(thumbnail.key, key)
        thumbnail = replace(thumbnail, key=key)
    version = storage.copy(
        source.upload_key,
        copy.upload_key,
        version_id=source.version.version_id if source.version else None,
    )
    return copy.ready(
        version=version,
        uploaded_at=clock(),
        file_type=source.file_type,
        mime_type=source.mime_type,
        media=source.media,
        thumbnail=thumbnail,
        placeholder=source.placeholder,
        reason=source.reason,
    )


def _as_decided(copy: Attachment, catalog: Catalog) -> Attachment:
    """What somebody else made of it meanwhile: mostly the inspector, which makes it ready too."""
    decided = catalog.get(copy.id)
    if decided.status is Status.DELETED:
        raise NotFoundError
    return decided


def _decision(action: Action, copy: Attachment, now: datetime) -> Activity:
    description = copy.reason or "" if action is Action.UPLOAD_EXPIRED else ""
    return entry(action, copy, user_id=copy.uploaded_by, at=now, description=description)
