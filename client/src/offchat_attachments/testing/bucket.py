"""S3 in memory: it takes exactly the requests that were signed, as S3 does."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import httpx

HOST = "bucket.invalid"
JsonRequest = dict[str, object]


@dataclass(frozen=True)
class Signed:
    """One request that the bucket takes."""

    method: str
    key: str
    length: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Bucket:
    """`arrived` is called with the key of each new object."""

    arrived: Callable[[str], None]
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    _signed: dict[str, Signed] = field(default_factory=dict)

    def sign(self, signed: Signed, **query: str | int) -> JsonRequest:
        """A request as the service hands it out."""
        signature = secrets.token_hex(8)
        target = f"/{signed.key}?{urlencode(query)}"
        self._signed[f"{signature} {target}"] = signed
        url = f"https://{HOST}{target}&signature={signature}"
        return {"url": url, "key": signed.key, "headers": dict(signed.headers)}

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; `request` has been read."""
        target, _, signature = request.url.raw_path.decode().partition("&signature=")
        signed = self._signed.get(f"{signature} {target}")
        if signed is None or not _as_signed(request, signed):
            return refusal(403, "SignatureDoesNotMatch")
        if not _intact(request):
            return refusal(400, "BadDigest")
        upload_id = request.url.params.get("uploadId")
        if upload_id is not None and upload_id not in self.uploads:
            return refusal(404, "NoSuchUpload")
        if request.method == "GET":
            return self._parts(upload_id) if upload_id else self._object(request, signed.key)
        if request.method == "DELETE":
            self.uploads.pop(upload_id or "")
            return httpx.Response(204)
        if request.method == "POST":
            return self._complete(request, signed, upload_id) if upload_id else self._create()
        if upload_id:
            self.uploads[upload_id][int(request.url.params["partNumber"])] = request.content
            return httpx.Response(200, headers={"ETag": f'"{etag(request.content)}"'})
        return self._store(signed, request.content)

    def _store(self, signed: Signed, body: bytes) -> httpx.Response:
        if "If-None-Match" in signed.headers and signed.key in self.objects:
            return refusal(412, "PreconditionFailed")
        self.objects[signed.key] = body
        self.arrived(signed.key)
        return httpx.Response(200, headers={"ETag": f'"{etag(body)}"'})

    def _object(self, request: httpx.Request, key: str) -> httpx.Response:
        body = self.objects.get(key)
        if body is None:
            return refusal(404, "NoSuchKey")
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if asked is None:
            return httpx.Response(200, stream=httpx.ByteStream(body))
        start = int(asked[1])
        if start >= len(body):
            return refusal(416, "InvalidRange")
        return httpx.Response(206, stream=httpx.ByteStream(body[start:]))

    def _create(self) -> httpx.Response:
        upload_id = secrets.token_hex(8)
        self.uploads[upload_id] = {}
        return xml("InitiateMultipartUploadResult", f"<UploadId>{upload_id}</UploadId>")

    def _parts(self, upload_id: str) -> httpx.Response:
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag(body)}&quot;</ETag>"
            f"<Size>{len(body)}</Size></Part>"
            for number, body in sorted(self.uploads[upload_id].items())
        )
        return xml("ListPartsResult", listed)

    def _complete(self, request: httpx.Request, signed: Signed, upload_id: str) -> httpx.Response:
        parts = self.uploads[upload_id]
        said = re.findall(r"<PartNumber>(\d+)</PartNumber><ETag>(\w+)", request.content.decode())
        if [(int(number), tag) for number, tag in said] != [
            (number, etag(body)) for number, body in sorted(parts.items())
        ]:
            return refusal(400, "InvalidPart")
        answer = self._store(signed, b"".join(body for _, body in sorted(parts.items())))
        if answer.is_error:
            return answer
        del self.uploads[upload_id]
        return xml("CompleteMultipartUploadResult", f"<Key>{escape(signed.key)}</Key>")


def etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def xml(name: str, inner: str) -> httpx.Response:
    space = "http://s3.amazonaws.com/doc/2006-03-01/"
    return httpx.Response(200, text=f'<{name} xmlns="{space}">{inner}</{name}>')


def refusal(status: int, code: str) -> httpx.Response:
    return httpx.Response(
        status, text=f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    )


def _as_signed(request: httpx.Request, signed: Signed) -> bool:
    length = signed.length is None or len(request.content) == signed.length
    headers = all(request.headers.get(name) == value for name, value in signed.headers.items())
    unsigned = any(
        name.startswith("x-amz-") and name not in {known.lower() for known in signed.headers}
        for name in request.headers
    )
    return request.method == signed.method and length and headers and not unsigned


def _intact(request: httpx.Request) -> bool:
    """Whether the body is what its checksums say."""
    found = {
        "content-md5": hashlib.md5(request.content, usedforsecurity=False),
        "x-amz-checksum-sha256": hashlib.sha256(request.content),
    }
    return all(
        request.headers.get(name) in (None, base64.b64encode(digest.digest()).decode())
        for name, digest in found.items()
    )
