"""Everything that can go wrong.

OffChatError
├── ConfigurationError        no address, no token, or one that cannot be right
├── FileError                 a file on this machine: not there, not readable, no space
│   ├── FileChangedError      it changed while it was being sent
│   └── FileExistsAlreadyError
├── NetworkError              no answer from the server, after retries
├── UnexpectedAnswerError     an answer that is not the service's
├── ApiError                  the service refused; `problem` is what it said (RFC 9457)
│   ├── InvalidRequestError   400, 415, 422
│   ├── AuthenticationError   401
│   ├── PermissionDeniedError 403
│   ├── NotFoundError         404: not there, or not for you
│   ├── ConflictError         409: not ready, or contradicts what is recorded
│   ├── TooLargeError         413
│   ├── RateLimitedError      429, after retries
│   └── ServerError           5xx, after retries
├── StorageError              S3 refused; `code` is S3's own
│   ├── AlreadyStoredError    the object is there: an earlier try arrived
│   └── UploadGoneError       S3 knows no such upload: completed or aborted
└── NotReadyError             the file went up and is not ready; `attachment` is the record
    ├── RejectedError         inspection refused it
    ├── InspectionFailedError inspection could not finish; the service keeps the file
    ├── ExpiredError          nothing arrived in time
    └── StillPendingError     not inspected within the time allowed
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offchat_attachments.models import Attachment, Status


class OffChatError(Exception):
    """Base of all errors of this package.

    `transient`: the same request can work later. `retry_after_s`: when, if the server says so.
    """

    transient: bool = False
    retry_after_s: float | None = None


class ConfigurationError(OffChatError):
    pass


class FileError(OffChatError):
    pass


class FileChangedError(FileError):
    pass


class FileExistsAlreadyError(FileError):
    pass


class NetworkError(OffChatError):
    transient = True


class UnexpectedAnswerError(OffChatError):
    pass


@dataclass(frozen=True, slots=True)
class Problem:
    """What an error answer says; `kind` is its type without the prefix, such as `not-ready`."""

    status: int
    kind: str
    title: str
    detail: str
    request_id: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        wrong = [f"{name}: {detail}" for name, detail in self.fields.items()]
        return " ".join([self.detail, *(text for text in wrong if self.detail not in text)])


class ApiError(OffChatError):
    def __init__(self, problem: Problem, *, retry_after_s: float | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.retry_after_s = retry_after_s


class InvalidRequestError(ApiError):
    pass


class AuthenticationError(ApiError):
    pass


class PermissionDeniedError(ApiError):
    pass


class NotFoundError(ApiError):
    pass


class ConflictError(ApiError):
    pass


class TooLargeError(ApiError):
    pass


class RateLimitedError(ApiError):
    transient = True


class ServerError(ApiError):
    transient = True


_OF_STATUS: Mapping[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
}


def api_error(problem: Problem, *, retry_after_s: float | None = None) -> ApiError:
    """The error of a status."""
    kind = ServerError if problem.status >= 500 else _OF_STATUS.get(problem.status, ApiError)
    return kind(problem, retry_after_s=retry_after_s)


class StorageError(OffChatError):
    """`code` is that of the S3 page "Error responses"."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        transient: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"S3 answered {status} {code}: {message}")
        self.status = status
        self.code = code
        self.transient = transient
        self.retry_after_s = retry_after_s


class AlreadyStoredError(StorageError):
    pass


class UploadGoneError(StorageError):
    pass


class NotReadyError(OffChatError):
    def __init__(self, attachment: Attachment, text: str) -> None:
        super().__init__(text)
        self.attachment = attachment


class RejectedError(NotReadyError):
    pass


class InspectionFailedError(NotReadyError):
    pass


class ExpiredError(NotReadyError):
    pass


class StillPendingError(NotReadyError):
    pass


_OF_OUTCOME: Mapping[Status, tuple[type[NotReadyError], str]] = {
    Status.REJECTED: (RejectedError, "The file was rejected: {reason}"),
    Status.FAILED: (
        InspectionFailedError,
        "The file could not be inspected; the service keeps it. {reason}",
    ),
    Status.EXPIRED: (ExpiredError, "The file did not arrive in time; send it again."),
}


def require_ready(attachment: Attachment) -> Attachment:
    """The attachment. Raises the NotReadyError that its status calls for."""
    if attachment.status is Status.READY:
        return attachment
    kind, text = _OF_OUTCOME.get(
        attachment.status, (StillPendingError, "The file is not inspected yet; ask again later.")
    )
    raise kind(attachment, text.format(reason=attachment.reason or "").strip())
