"""Sign one more request of an upload: of one in parts, or the single PUT again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from attachments.access import Act, require, require_visible, roles_towards
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.errors import ConflictError, InvalidRequestError
from attachments.model import Attachment, Caller, Status
from attachments.settings import Settings
from attachments.storage import SignedRequest, Storage
from functions.issue_upload.deadline import SLOW_PART, SLOW_UPLOAD, kept_open, signature_life
from functions.issue_upload.parts import size_of_part
from functions.issue_upload.schemas import SignedView, SignRequest


@dataclass(frozen=True, slots=True)
class Step:
    """One request to S3 that is to be signed for `seconds`; what it does not need is empty."""

    attachment: Attachment
    storage: Storage
    seconds: int
    upload_id: str
    part_number: int

    @property
    def key(self) -> str:
        return self.attachment.upload_key


@dataclass(frozen=True, slots=True)
class Operation:
    """An S3 operation; `spare` is how long the record must stay pending after its signature ends.

    None: it brings no bytes, and keeps nothing pending.
    """

    sign: Callable[[Step], SignedRequest]
    spare: timedelta | None


def sign_upload(
    attachment_id: str,
    request: SignRequest,
    *,
    caller: Caller,
    settings: Settings,
    catalog: Catalog,
    chat: Chat,
    storage: Storage,
    clock: Callable[[], datetime],
) -> SignedView:
    """The request that S3 will accept, for the caller's own pending attachment.

    Raises NotFoundError, ForbiddenError, InvalidRequestError for what is no step of this upload,
    and ConflictError for an upload that is over.
    """
    attachment = _own(attachment_id, caller, catalog, chat)
    operation = _operation(request, attachment)
    now = clock()
    life = signature_life(
        attachment, now=now, longest=timedelta(seconds=settings.upload_url_seconds)
    )
    step = Step(
        attachment,
        storage,
        int(life.total_seconds()),
        request.upload_id or "",
        request.part_number or 0,
    )
    signed = operation.sign(step)
    if operation.spare is not None:
        _require_pending(
            kept_open(attachment, expires_at=now + life, spare=operation.spare, catalog=catalog)
        )
    return SignedView(
        url=signed.url,
        key=attachment.upload_key,
        headers=signed.headers,
        expires_at=now + life,
    )


def _own(attachment_id: str, caller: Caller, catalog: Catalog, chat: Chat) -> Attachment:
    """The attachment, if it is pending and the caller's to upload."""
    attachment = catalog.get(attachment_id)
    membership = chat.membership(attachment.conversation_id, caller.user_id)
    roles = roles_towards(attachment, caller, participant=membership.participant)
    require_visible(attachment, roles)
    require(Act.SIGN, roles)
    _require_pending(attachment)
    if attachment.copied_from:
        raise ConflictError("The attachment forwards another one: there is nothing to upload.")
    return attachment


def _require_pending(attachment: Attachment) -> None:
    if attachment.status is not Status.PENDING:
        raise ConflictError(f"The attachment is {attachment.status}: there is nothing to upload.")


def _operation(request: SignRequest, attachment: Attachment) -> Operation:
    if request.key != attachment.upload_key:
        problem = "This is not the key of the attachment: take it from `upload`."
        raise InvalidRequestError(problem, fields={"key": problem})
    shape = (request.method, request.upload_id is not None, request.part_number is not None)
    operation = OPERATIONS.get(shape)
    if operation is None:
        problem = "Method, uploadId and partNumber together name no step of an upload."
        raise InvalidRequestError(problem, fields={"method": problem})
    return operation


def _put_object(step: Step) -> SignedRequest:
    return step.storage.sign_put(
        step.key,
        size=step.attachment.file_size,
        mime_type=step.attachment.mime_type,
        sha256=step.attachment.sha256,
        seconds=step.seconds,
    )


def _create_multipart(step: Step) -> SignedRequest:
    """Raises ConflictError where a digest was declared, which S3 computes of a single PUT only."""
    if step.attachment.sha256 is not None:
        raise ConflictError(
            "S3 can check the declared `sha256` of a single PUT only; ask for an upload without it."
        )
    return step.storage.sign_create_multipart(
        step.key, mime_type=step.attachment.mime_type, seconds=step.seconds
    )


def _part(step: Step) -> SignedRequest:
    return step.storage.sign_part(
        step.key,
        upload_id=step.upload_id,
        number=step.part_number,
        size=size_of_part(step.attachment.file_size, step.part_number),
        seconds=step.seconds,
    )


def _list_parts(step: Step) -> SignedRequest:
    return step.storage.sign_list_parts(step.key, upload_id=step.upload_id, seconds=step.seconds)


def _complete(step: Step) -> SignedRequest:
    return step.storage.sign_complete(step.key, upload_id=step.upload_id, seconds=step.seconds)


def _abort(step: Step) -> SignedRequest:
    return step.storage.sign_abort(step.key, upload_id=step.upload_id, seconds=step.seconds)


# By method, and whether there are an upload id and a part number. Nothing else is signed: a DELETE
# without an upload id would remove the object.
OPERATIONS: Mapping[tuple[str, bool, bool], Operation] = {
    ("PUT", False, False): Operation(_put_object, SLOW_UPLOAD),
    ("POST", False, False): Operation(_create_multipart, SLOW_PART),
    ("PUT", True, True): Operation(_part, SLOW_PART),
    ("GET", True, False): Operation(_list_parts, None),
    ("POST", True, False): Operation(_complete, SLOW_PART),
    ("DELETE", True, False): Operation(_abort, None),
}
