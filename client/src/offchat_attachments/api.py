"""The HTTP API of the service: address, token, retries, and errors as exceptions."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from offchat_attachments.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    NetworkError,
    NotFoundError,
    Problem,
    UnexpectedAnswerError,
    api_error,
)
from offchat_attachments.models import Json, SignedRequest
from offchat_attachments.retrying import Pause, retry_after_s, retrying

Token = str | Callable[[], str]
Parsed = TypeVar("Parsed")
PROBLEM_PREFIX = "urn:offchat:problem:"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# RFC 6750, section 2.1: what a bearer token is made of.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Api:
    """`token` is the bearer token or asks for it; it is asked again when the old one has ended."""

    def __init__(
        self, address: str, token: Token, http: httpx.Client, *, pause: Pause | None = None
    ) -> None:
        self.address = checked_address(address)
        self._token = token if callable(token) else lambda: token
        self._http = http
        self._pause = pause

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Json, **options: Any) -> httpx.Response:
        return self.request("POST", path, json=json, **options)

    def delete(self, path: str) -> None:
        """Delete what is there. A lost answer may hide that it worked: then 404 says so.

        Raises NotFoundError if it was not there before.
        """
        tries = 0
        for attempt in retrying(self._pause):
            with attempt:
                tries += 1
                try:
                    self.once("DELETE", path)
                except NotFoundError:
                    if tries == 1:
                        raise

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, after retries. The request must be one that may arrive twice.

        Raises ApiError for a refusal and NetworkError for no answer.
        """
        return retrying(self._pause)(self.once, method, path, **options)

    def sign(self, attachment_id: str, operation: Json) -> SignedRequest:
        """One S3 request for a pending attachment, in one attempt."""
        path = f"/api/chat/attachments/{quote(attachment_id, safe='')}/sign/"
        return parsed(self.once("POST", path, json=operation), SignedRequest.of)

    def items(
        self, path: str, kind: Callable[[Json], Parsed], query: Mapping[str, str | None]
    ) -> Iterator[Parsed]:
        """All items of a list, fetched page by page as they are asked for."""
        asked = {name: value for name, value in query.items() if value is not None}
        while True:
            page = parsed(self.get(path, params=asked), _page)
            for item in page["items"]:
                yield _parse(item, kind)
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]

    def once(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The same in one attempt, for what is tried again as a whole."""
        token = self._checked_token()
        try:
            return self._send(method, path, token, **options)
        except AuthenticationError:
            newer = self._checked_token()
            if newer == token:
                raise
            return self._send(method, path, newer, **options)

    def _send(
        self,
        method: str,
        path: str,
        token: str,
        *,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        said = {"Authorization": f"Bearer {token}", "Accept": "application/json", **(headers or {})}
        try:
            answer = self._http.request(method, self.address + path, headers=said, **options)
        except httpx.RequestError as error:
            raise NetworkError(f"{self.address} does not answer: {error or 'no reason'}") from error
        if answer.is_success:
            return answer
        raise refusal(answer)

    def _checked_token(self) -> str:
        token = self._token().strip()
        if not _TOKEN.fullmatch(token):
            raise ConfigurationError("The token is empty or has characters that no token has.")
        return token


def checked_address(address: str) -> str:
    """The address without its trailing slash. Raises ConfigurationError.

    Plain HTTP is for this machine alone: a bearer token must not travel in the clear (RFC 6750,
    section 5.3).
    """
    try:
        url = httpx.URL(address.strip().rstrip("/"))
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError(f"{address!r} is not the address of an API.") from error
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise ConfigurationError(f"{address!r} is not an address such as https://api.example.com.")
    if url.scheme == "http" and url.host not in LOOPBACK:
        raise ConfigurationError(f"{address!r} would send the token in the clear; use https.")
    return str(url)


def refusal(answer: httpx.Response) -> ApiError:
    """The error of an answer: problem+json, or what API Gateway itself says."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    said = body if isinstance(body, dict) else {}
    wrong = said.get("errors")
    problem = Problem(
        status=answer.status_code,
        kind=str(said.get("type", "")).removeprefix(PROBLEM_PREFIX),
        title=str(said.get("title", "")),
        detail=str(
            said.get("detail")
            or said.get("message")
            or f"The server answered {answer.status_code} {answer.reason_phrase}."
        ),
        request_id=str(said.get("request_id", "")),
        fields={
            str(entry["field"]): str(entry["detail"])
            for entry in (wrong if isinstance(wrong, list) else [])
            if isinstance(entry, dict) and {"field", "detail"} <= entry.keys()
        },
    )
    return api_error(problem, retry_after_s=retry_after_s(answer.headers.get("retry-after")))


def parsed(answer: httpx.Response, kind: Callable[[Json], Parsed]) -> Parsed:
    """The answer's JSON as what it should be. Raises UnexpectedAnswerError."""
    try:
        body = answer.json()
    except ValueError as error:
        raise UnexpectedAnswerError(f"{answer.url} answered something that is no JSON.") from error
    return _parse(body, kind)


def _parse(body: Any, kind: Callable[[Json], Parsed]) -> Parsed:
    try:
        return kind(body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnexpectedAnswerError(f"The server's answer lacks or garbles {error}.") from error


def _page(json: Json) -> Json:
    if not isinstance(json["items"], list):
        raise TypeError("items")
    return {"items": json["items"], "next_cursor": json["next_cursor"]}
