"""Presigned requests to S3. The token of the API never goes there."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import httpx

from offchat_attachments.errors import (
    AlreadyStoredError,
    NetworkError,
    StorageError,
    UnexpectedAnswerError,
    UploadGoneError,
)
from offchat_attachments.models import SignedRequest
from offchat_attachments.retrying import retry_after_s

# S3 page "Error responses": what can be different the next time, with a fresh signature.
TRANSIENT = frozenset(
    {
        "BadDigest",  # damaged on its way: the file itself is watched
        "ConditionalRequestConflict",
        "ExpiredToken",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "XAmzContentChecksumMismatch",
    }
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part that S3 has; `etag` as S3 wrote it, but for the quotes."""

    number: int
    etag: str
    size: int


class S3:
    """What a presigned request can ask of S3. Every method raises NetworkError and StorageError."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def put(
        self,
        request: SignedRequest,
        pieces: Iterable[bytes],
        *,
        length: int,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Send an object or a part; its ETag. Raises AlreadyStoredError if the object is there."""
        said = {"Content-Length": str(length), **(headers or {})}
        answer = self._send("PUT", request, said, content=iter(pieces))
        etag: str = answer.headers.get("etag", "")
        return etag.strip('"')

    def create(self, request: SignedRequest) -> str:
        """Begin an upload in parts; its id."""
        found = _Xml.of(self._send("POST", request, content=b"")).text("UploadId")
        if not found:
            raise UnexpectedAnswerError("S3 began an upload and gave it no id.")
        return found

    def parts(self, request: SignedRequest) -> dict[int, Part]:
        """The parts that S3 has, by number: the first thousand. Raises UploadGoneError."""
        listed = _Xml.of(self._send("GET", request)).all("Part")
        found = [
            Part(int(p.text("PartNumber")), p.text("ETag").strip('"'), int(p.text("Size")))
            for p in listed
        ]
        return {part.number: part for part in found}

    def complete(self, request: SignedRequest, etags: Mapping[int, str]) -> None:
        """Make the object of its parts. Raises AlreadyStoredError, UploadGoneError."""
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in sorted(etags.items())
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        answer = self._send("POST", request, content=body)
        # S3 page "CompleteMultipartUpload": the answer can be 200 and its body an error.
        if _Xml.of(answer).name == "Error":
            raise refusal(answer)

    def abort(self, request: SignedRequest) -> None:
        self._send("DELETE", request)

    @contextmanager
    def reading(self, url: str, start: int) -> Iterator[httpx.Response]:
        """The open answer of a GET from byte `start` on: 206, or 200 with everything."""
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            with self._http.stream("GET", url, headers=headers) as answer:
                if not answer.is_success:
                    answer.read()
                    raise refusal(answer)
                yield answer
        except httpx.RequestError as error:
            raise NetworkError(f"The connection to S3 broke: {error or 'no reason'}") from error

    def _send(
        self,
        method: str,
        request: SignedRequest,
        more: Mapping[str, str] | None = None,
        *,
        content: bytes | Iterator[bytes] | None = None,
    ) -> httpx.Response:
        headers = httpx.Headers(dict(request.headers))
        headers.update(dict(more or {}))
        try:
            answer = self._http.request(method, request.url, headers=headers, content=content)
        except httpx.RequestError as error:
            raise NetworkError(f"The connection to S3 broke: {error or 'no reason'}") from error
        if answer.is_success:
            return answer
        raise refusal(answer)


def refusal(answer: httpx.Response) -> StorageError:
    """The error that S3 tells in its XML."""
    try:
        said = _Xml.of(answer)
        code, message = said.text("Code") or "Unknown", said.text("Message")
    except UnexpectedAnswerError:
        code, message = "Unknown", answer.reason_phrase
    kind: type[StorageError] = StorageError
    if answer.status_code == 412:
        kind = AlreadyStoredError
    elif code == "NoSuchUpload":
        kind = UploadGoneError
    expired = code == "AccessDenied" and "expired" in message
    passes = answer.status_code >= 500 or answer.status_code == 429 or code in TRANSIENT or expired
    wait_s = retry_after_s(answer.headers.get("retry-after"))
    return kind(answer.status_code, code, message, transient=passes, retry_after_s=wait_s)


class _Xml:
    """An element of an answer, its names without their namespace."""

    def __init__(self, element: ElementTree.Element) -> None:
        self._element = element

    @classmethod
    def of(cls, answer: httpx.Response) -> Self:
        try:
            # Expat bounds the growth of entities, and loads none from elsewhere.
            return cls(ElementTree.fromstring(answer.content))  # noqa: S314
        except ElementTree.ParseError as error:
            problem = f"S3 answered {answer.status_code} and something that is no XML."
            raise UnexpectedAnswerError(problem) from error

    @property
    def name(self) -> str:
        return re.sub(r"\{.*\}", "", self._element.tag)

    def all(self, name: str) -> "list[_Xml]":
        return [found for child in self._element if (found := _Xml(child)).name == name]

    def text(self, name: str) -> str:
        """Of the first child of this name, empty if there is none."""
        return next((found._element.text or "" for found in self.all(name)), "")
