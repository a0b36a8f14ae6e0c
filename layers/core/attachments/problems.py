"""Errors as `application/problem+json` (RFC 9457): one table, one line an error."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from attachments import errors
from attachments.errors import AttachmentsError

MEDIA_TYPE = "application/problem+json"

#   error                          status, type, title, detail where the error brings none
PROBLEMS: Mapping[type[AttachmentsError], tuple[int, str, str, str]] = {
    errors.MalformedBodyError: (400, "malformed-body", "The body is not JSON", ""),
    errors.InvalidCursorError: (400, "invalid-cursor", "The cursor does not fit", ""),
    errors.InvalidRequestError: (422, "invalid-request", "The request has wrong fields", ""),
    errors.UnauthenticatedError: (401, "unauthenticated", "A valid token is needed", ""),
    errors.ForbiddenError: (403, "forbidden", "Not allowed", "You are not allowed to do this."),
    errors.NotFoundError: (
        404,
        "not-found",
        "Not found",
        "There is no such thing, or not for you.",
    ),
    errors.MethodNotAllowedError: (405, "method-not-allowed", "Method not allowed", ""),
    errors.NotReadyError: (409, "not-ready", "The file cannot be downloaded", ""),
    errors.ConflictError: (409, "conflict", "This contradicts what is recorded", ""),
    errors.TooLargeError: (413, "too-large", "Too large", ""),
    errors.UnsupportedTypeError: (415, "unsupported-type", "This type is not accepted", ""),
    errors.IdempotencyConflictError: (
        422,
        "idempotency-conflict",
        "The idempotency key was used for another request",
        "Send a new Idempotency-Key with a new request, or the same body with the old one.",
    ),
    errors.LimitExceededError: (429, "limit-exceeded", "More than you may ask for", ""),
    errors.KeysUnavailableError: (
        503,
        "keys-unavailable",
        "Tokens cannot be verified at the moment",
        "Try again in a few seconds.",
    ),
}
INTERNAL = (500, "internal", "Something went wrong on our side", "Try again; nothing was lost.")


def problem_of(error: Exception) -> tuple[int, str, str, str]:
    """Status, type, title and default detail: the nearest ancestor in the table."""
    for ancestor in type(error).__mro__:
        if ancestor in PROBLEMS:
            return PROBLEMS[ancestor]
    return INTERNAL


def render(error: Exception, request_id: str) -> tuple[HTTPStatus, dict[str, Any], dict[str, str]]:
    """Status, body and extra headers of an error.

    An error outside the table shows nothing of itself: it is logged under the same request id.
    """
    status, kind, title, default = problem_of(error)
    known = isinstance(error, AttachmentsError) and status != INTERNAL[0]
    body: dict[str, Any] = {
        "type": f"urn:offchat:problem:{kind}",
        "title": title,
        "status": status,
        "detail": (error.detail if known else "") or default or f"{title}.",  # type: ignore[attr-defined]
        "request_id": request_id,
    }
    if known and error.fields:  # type: ignore[attr-defined]
        body["errors"] = [
            {"field": name, "detail": detail}
            for name, detail in error.fields.items()  # type: ignore[attr-defined]
        ]
    return HTTPStatus(status), body, _headers(error)


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, errors.UnauthenticatedError):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.MethodNotAllowedError):
        return {"Allow": ", ".join(error.allowed)}
    if isinstance(error, errors.LimitExceededError):
        return error.headers
    if isinstance(error, errors.StaleRecordError):
        return {"Retry-After": "1"}
    if isinstance(error, errors.KeysUnavailableError):
        return {"Retry-After": "5"}
    return {}
