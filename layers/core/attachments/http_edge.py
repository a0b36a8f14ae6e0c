"""The HTTP edge of a function: token, path, body, and errors as problems, the same everywhere."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import problems
from attachments.errors import (
    ForbiddenError,
    InvalidRequestError,
    MalformedBodyError,
    MethodNotAllowedError,
    NotFoundError,
    TooLargeError,
    UnsupportedTypeError,
)
from attachments.limits import RateLimiter
from attachments.model import Caller
from attachments.request_metrics import attachment_in, publish_request
from attachments.routes import allowance_of, methods_of
from attachments.tokens import TokenVerifier

MAX_BODY_BYTES = 256 * 1024
NEW_FLOW = (
    "Files are no longer sent in a form: POST {message_id, file_name, file_size, mime_type} as "
    "JSON, then PUT the bytes to the URL in the answer's `upload`."
)
SAFE_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}

logger = Logger()


class HttpEdge(APIGatewayHttpResolver):
    """Routes of one function, whose folder is `service`.

    `for_service`: whether they are the chat backend's or the users'.
    """

    def __init__(
        self,
        verifier: Callable[[], TokenVerifier],
        limiter: Callable[[], RateLimiter],
        *,
        service: str,
        for_service: bool = False,
    ) -> None:
        super().__init__(enable_validation=True, json_body_deserializer=_parsed)
        self._verifier = verifier
        self._limiter = limiter
        self._service = service
        self._for_service = for_service
        self.exception_handler(RequestValidationError)(self._invalid)
        self.exception_handler(NoRouteError)(self._no_route)
        self.exception_handler(Exception)(self._problem)

    @property
    def caller(self) -> Caller:
        """Who sent the request that is being handled."""
        return cast(Caller, self.context["caller"])

    def header(self, name: str) -> str | None:
        """A header of the request that is being handled; `name` in lower case."""
        return self.current_event.headers.get(name)

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer one request of the HTTP API (payload format 2.0)."""
        began = time.monotonic()
        event = _normalised(event)
        if event["requestContext"]["http"]["method"] == "OPTIONS":
            # `$default` takes preflights too; API Gateway adds the CORS headers (API Gateway
            # guide, "Configure CORS for HTTP APIs").
            return {"statusCode": 204}
        self._request_id = event.get("requestContext", {}).get("requestId", "")
        logger.append_keys(
            request_id=self._request_id, attachment_id=attachment_in(event["rawPath"])
        )
        limits: dict[str, str] = {}
        try:
            caller = self._verifier().verify(event["headers"].get("authorization"))
            limits = self._counted(caller, event)
            _require_plain(event["rawPath"])
            event = _with_text(event)
            self._require_audience(event["rawPath"], caller)
            self.append_context(caller=caller)  # type: ignore[no-untyped-call]
            answer = super().resolve(event, context)
        except Exception as error:
            answer = self._answer(error)
        always = SAFE_HEADERS | {"X-Request-Id": self._request_id}
        answer["headers"] = limits | answer.get("headers", {}) | always
        publish_request(self._service, event, answer, request_id=self._request_id, began=began)
        return answer

    def _counted(self, caller: Caller, event: Mapping[str, Any]) -> dict[str, str]:
        """What the limits are after this call, as headers. Raises LimitExceededError."""
        method = event["requestContext"]["http"]["method"]
        return self._limiter().count(caller, allowance_of(method, event["rawPath"]))

    def _require_audience(self, path: str, caller: Caller) -> None:
        if methods_of(path) and caller.service is not self._for_service:
            raise ForbiddenError

    def _invalid(self, error: RequestValidationError) -> Response[Any]:
        return self._problem(_translated(error))

    def _no_route(self, _: NoRouteError) -> Response[Any]:
        method = self.current_event.http_method
        allowed = methods_of(self.current_event.path)
        if not allowed:
            return self._problem(NotFoundError("There is no such path."))
        if method in allowed:
            return self._problem(NotFoundError())  # an id of characters that no route takes
        detail = f"{method} is not known here; {', '.join(allowed)} is."
        return self._problem(MethodNotAllowedError(detail, allowed=allowed))

    def _problem(self, error: Exception) -> Response[Any]:
        status, body, headers = self._rendered(error)
        return Response(status, problems.MEDIA_TYPE, body=body, headers=headers)

    def _answer(self, error: Exception) -> dict[str, Any]:
        """The same for an error outside of the routes."""
        status, body, headers = self._rendered(error)
        return {
            "statusCode": status,
            "headers": {"Content-Type": problems.MEDIA_TYPE, **headers},
            "body": body,
            "isBase64Encoded": False,
        }

    def _rendered(self, error: Exception) -> tuple[int, str, dict[str, str]]:
        status, body, headers = problems.render(error, self._request_id)
        if status >= 500:
            logger.exception("request failed", exc_info=error)
        else:
            logger.info("request refused", status=int(status), kind=body["type"])
        return int(status), json.dumps(body, separators=(",", ":")), headers


def _normalised(event: Mapping[str, Any]) -> dict[str, Any]:
    """Header names in lower case (`sam local` keeps the client's), no trailing slash."""
    path = event.get("rawPath", "/").rstrip("/") or "/"
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    http = {**event["requestContext"]["http"], "path": path}
    return {
        **event,
        "rawPath": path,
        "headers": headers,
        "requestContext": {**event["requestContext"], "http": http},
    }


def _require_plain(path: str) -> None:
    """Raises NotFoundError for a path with control characters, which patterns read differently."""
    if not path.isprintable():
        raise NotFoundError


def _with_text(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event with its body as text, under the one spelling of JSON's media type.

    Raises UnsupportedTypeError for another type, TooLargeError, and MalformedBodyError.
    """
    body = event.get("body") or ""
    media_type = event["headers"].get("content-type", "").partition(";")[0].strip().lower()
    if media_type in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        raise UnsupportedTypeError(NEW_FLOW)
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError(f"The body may have {MAX_BODY_BYTES // 1024} KB.")
    if not body:
        return event
    if media_type not in {"", "application/json"}:
        raise UnsupportedTypeError("Send JSON, with Content-Type: application/json.")
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body, validate=True).decode()
        except ValueError as error:
            raise MalformedBodyError("The body is not valid JSON.") from error
    headers = {**event["headers"], "content-type": "application/json"}
    return {**event, "headers": headers, "body": body, "isBase64Encoded": False}


def _parsed(body: str) -> Any:
    """The JSON object of a body; Powertools would take a list of one object for the object.

    Raises MalformedBodyError, also for JSON too deep for Python to read, and InvalidRequestError.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError("The body is not valid JSON.") from error
    if not isinstance(parsed, dict | None):
        problem = "The body is not a JSON object."
        raise InvalidRequestError(problem, fields={"body": problem})
    return parsed


def _translated(error: RequestValidationError) -> InvalidRequestError:
    """Powertools' list of wrong fields in our words; the first location part is where it stood."""
    fields: dict[str, str] = {}
    for entry in error.errors():
        name = ".".join(str(part) for part in entry["loc"][1:]) or "body"
        fields.setdefault(name, _sentence(str(entry["msg"])))
    return InvalidRequestError(f"Wrong or missing: {', '.join(fields)}.", fields=fields)


def _sentence(text: str) -> str:
    text = text.removeprefix("Value error, ")
    return text if text.endswith(".") else f"{text}."
