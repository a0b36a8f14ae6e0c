"""Everything that can go wrong, and how HTTP says it.

AttachmentsError
├── InvalidRequestError      a field is wrong; `fields` names each
│   └── InvalidCursorError
├── MalformedBodyError       the body is not JSON
├── UnauthenticatedError     no token, or one that does not hold
├── ForbiddenError           seen, but not allowed
│   └── UserErasedError      the user was erased: nothing of theirs begins or becomes ready
├── NotFoundError            absent, or not for this caller to know of
├── MethodNotAllowedError
├── NotReadyError            the file cannot be downloaded (yet, or any more)
├── ConflictError            contradicts what is already recorded
│   └── StaleRecordError     a conditional write lost: the record is changing
├── IdempotencyConflictError the same key with another body
├── TooLargeError
├── UnsupportedTypeError
├── LimitExceededError       more than one user may ask for; `headers` say how much that is
├── KeysUnavailableError     the token keys cannot be fetched
├── MessageGoneError         the message was deleted meanwhile; internal, never rendered
├── ObjectMissingError       S3 has no such object or version; internal
└── CopyUnfinishedError      S3 goes on copying without us; internal
"""

from collections.abc import Mapping


class AttachmentsError(Exception):
    """Base of all errors; `fields` maps the name of each wrong field to what is wrong with it."""

    def __init__(self, detail: str = "", *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = dict(fields or {})


class InvalidRequestError(AttachmentsError):
    pass


class InvalidCursorError(InvalidRequestError):
    pass


class MalformedBodyError(AttachmentsError):
    pass


class UnauthenticatedError(AttachmentsError):
    pass


class ForbiddenError(AttachmentsError):
    pass


class UserErasedError(ForbiddenError):
    def __init__(self) -> None:
        super().__init__("This user was erased.")


class NotFoundError(AttachmentsError):
    pass


class MethodNotAllowedError(AttachmentsError):
    """`allowed` lists the methods that the path knows (RFC 9110, section 10.2.1)."""

    def __init__(self, detail: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.allowed = allowed


class NotReadyError(AttachmentsError):
    pass


class ConflictError(AttachmentsError):
    pass


class StaleRecordError(ConflictError):
    def __init__(self, attachment_id: str) -> None:
        super().__init__("The attachment is changing; try again.")
        self.add_note(f"attachment {attachment_id}")


class IdempotencyConflictError(AttachmentsError):
    pass


class TooLargeError(AttachmentsError):
    pass


class UnsupportedTypeError(AttachmentsError):
    pass


class LimitExceededError(AttachmentsError):
    """`headers` tell the limit and when to try again."""

    def __init__(self, detail: str, *, headers: Mapping[str, str]) -> None:
        super().__init__(detail)
        self.headers = dict(headers)


class KeysUnavailableError(AttachmentsError):
    pass


class MessageGoneError(AttachmentsError):
    pass


class ObjectMissingError(AttachmentsError):
    pass


class CopyUnfinishedError(AttachmentsError):
    pass
