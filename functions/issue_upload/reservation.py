"""Reserve the record of an attachment: the message that takes it, its size, its idempotency key."""

import hashlib
from datetime import datetime

from attachments.access import Act, Role, Roles, allows, require, roles_in_conversation
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
from attachments.file_types import too_large
from attachments.guards import Guards, IdempotencyKey
from attachments.model import Activity, Attachment, Caller, FileType, Message, Status, Usage
from attachments.settings import Settings

MAX_KEY_CHARACTERS = 255


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
