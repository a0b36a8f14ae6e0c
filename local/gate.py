"""A strict gate in front of moto's S3, which itself checks no signature, size, checksum or CORS.

The gate judges a request as S3 does, first by its head (`local.signature`), then by its body
(checksums, spooled to disk: S3 page "Checking object integrity"), and passes on what S3 would
accept. Path-style addresses only. What it cannot check is answered with 501: nothing passes
unchecked.
"""

import asyncio
import hashlib
import re
import secrets
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from io import BufferedRandom
from tempfile import TemporaryFile
from urllib.parse import quote
from weakref import WeakValueDictionary
from xml.sax.saxutils import escape, unescape

import aiohttp
import yarl
from aiohttp import web
from botocore.credentials import Credentials
from multidict import CIMultiDict

from local.cors import CorsRule, bucket_answer, rules_of
from local.loopback import serving
from local.signature import ALGORITHM, Head, RefusalError, verify

AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
NOT_PASSED_ON = re.compile(  # what belongs to one connection, and moto's own view of CORS
    "connection|expect|host|transfer-encoding|access-control-.*", re.IGNORECASE
)
UNSIGNED = "UNSIGNED-PAYLOAD"
DIGESTS = {
    "content-md5": "md5",
    "x-amz-checksum-crc32": "crc32",
    "x-amz-checksum-sha256": "sha256",
    "x-amz-content-sha256": "sha256",
}
UNCHECKABLE = (
    "transfer-encoding",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
)


def check_length(head: Head) -> None:
    """Refuse a body whose length is not told, or that the gate cannot check."""
    for name in UNCHECKABLE:
        if name in head.headers:
            raise RefusalError("NotImplemented", Header=name)
    if head.method == "PUT" and "content-length" not in head.headers:
        raise RefusalError("MissingContentLength")


def check_digests(head: Head, body: BufferedRandom) -> None:
    """Compare the body with what each header says of it."""
    for name, algorithm in DIGESTS.items():
        said = head.headers.get(name, UNSIGNED)
        if said == UNSIGNED:
            continue
        found = digest(body, algorithm)
        in_hex = name == "x-amz-content-sha256"
        if said != (found.hex() if in_hex else b64encode(found).decode()):
            raise RefusalError("BadDigest", Header=name)


def digest(body: BufferedRandom, algorithm: str) -> bytes:
    body.seek(0)
    if algorithm != "crc32":
        return hashlib.file_digest(body, algorithm).digest()
    crc = 0
    while piece := body.read(2**20):
        crc = zlib.crc32(piece, crc)
    return crc.to_bytes(4, "big")


async def pieces_of(body: BufferedRandom) -> AsyncIterator[bytes]:
    """A file as aiohttp sends it; one that it is given itself, it closes whenever it likes."""
    while piece := body.read(2**18):
        yield piece


def end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    kept = ((name, value) for name, value in headers.items() if not NOT_PASSED_ON.fullmatch(name))
    return CIMultiDict(kept)


@dataclass
class Gate:
    """`upstream` is moto's endpoint."""

    upstream: str
    _: KW_ONLY
    credentials: Credentials
    region: str

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The endpoint of an S3 as strict as AWS's."""
        self._writes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # A compressed body is the object itself: neither side may unpack it.
        server = web.Server(self._handle, auto_decompress=False, access_log=None)
        async with (
            aiohttp.ClientSession(
                auto_decompress=False,
                connector=aiohttp.TCPConnector(force_close=True),  # a spooled body is sent once
                timeout=aiohttp.ClientTimeout(total=None),
            ) as self._http,
            serving(server) as endpoint,
        ):
            yield endpoint

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        added = {"x-amz-request-id": secrets.token_hex(8).upper()}
        try:
            head = Head.parse(request.method, request.raw_path, request.headers.items())
            added |= bucket_answer(await self._cors(head), head)
            if head.method == "OPTIONS":
                return web.Response(headers=added)
            return await self._serve(request, head, added)
        except RefusalError as refusal:
            xml = refusal.xml(RequestId=added["x-amz-request-id"])
            response = web.Response(
                status=refusal.status, text=xml, content_type="application/xml", headers=added
            )
            if not request.content.is_eof():
                response.force_close()  # what follows is a body that nobody reads
            return response

    async def _serve(
        self, request: web.BaseRequest, head: Head, added: Mapping[str, str]
    ) -> web.StreamResponse:
        check_length(head)
        now = datetime.now(UTC)
        verify(head, credentials=self.credentials, region=self.region, now=now)
        lock = asyncio.Lock()
        if head.method not in {"GET", "HEAD"}:
            lock = self._writes.setdefault(head.path, lock)
        with TemporaryFile() as body:
            if request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async for piece in request.content.iter_any():
                body.write(piece)
            length = body.tell()
            await asyncio.to_thread(check_digests, head, body)
            body.seek(0)
            # moto looks at If-None-Match and then writes: one writer of a key at a time.
            async with lock:
                if "uploadId" in head.query:
                    await self._check_upload_id(head)
                if "x-amz-copy-source" in head.headers:
                    await self._check_absent(head)
                headers = end_to_end(head.headers)
                headers["Authorization"] = self._authorization
                async with self._http.request(
                    head.method,
                    yarl.URL(self.upstream + request.raw_path, encoded=True),
                    headers=headers,
                    data=pieces_of(body) if length else None,
                    skip_auto_headers=AUTOMATIC,
                ) as answer:
                    return await self._answer(request, head, answer, added)

    async def _cors(self, head: Head) -> list[CorsRule]:
        """The bucket's rules as they are now, where a page of a site asks."""
        if "Origin" not in head.headers:
            return []
        url = yarl.URL(f"{self.upstream}/{quote(head.bucket)}?cors", encoded=True)
        async with self._http.get(url, headers={"Authorization": self._authorization}) as answer:
            return rules_of(await answer.read()) if answer.status == 200 else []

    @property
    def _authorization(self) -> str:
        """moto finds in this header which service is meant."""
        scope = f"checked/20260101/{self.region}/s3/aws4_request"
        return f"{ALGORITHM} Credential={scope}, checked"

    async def _check_absent(self, head: Head) -> None:
        """moto copies over what is there, whatever the condition says."""
        if head.headers.get("If-None-Match") != "*":
            return
        url = yarl.URL(f"{self.upstream}{quote(head.path)}", encoded=True)
        async with self._http.head(url, headers={"Authorization": self._authorization}) as answer:
            if answer.status == 200:
                raise RefusalError("PreconditionFailed")

    async def _check_upload_id(self, head: Head) -> None:
        """moto finds an upload by its id alone; in S3 it belongs to its key."""
        url = yarl.URL(f"{self.upstream}/{quote(head.bucket)}?uploads", encoded=True)
        async with self._http.get(url) as answer:
            listing = await answer.text()
        owners = dict(re.findall(r"<UploadId>(.*?)</UploadId><Key>(.*?)</Key>", listing))
        owner = owners.get(head.query["uploadId"])
        if owner is not None and f"/{head.bucket}/{unescape(owner)}" != head.path:
            raise RefusalError("NoSuchUpload")

    async def _answer(
        self,
        request: web.BaseRequest,
        head: Head,
        answer: aiohttp.ClientResponse,
        added: Mapping[str, str],
    ) -> web.StreamResponse:
        headers = end_to_end(answer.headers)
        headers.update(added)
        if "uploadId" in head.query and answer.status >= 500:
            raise RefusalError("NoSuchUpload")  # moto breaks on an upload id that it does not know
        if head.method in ("GET", "POST") and "uploadId" in head.query:
            del headers["Content-Length"]
            here = escape(f"http://{request.host}{quote(head.path)}")
            body = re.sub(r"(?<=<Location>)[^<]*", lambda _: here, await answer.text())
            body = body.replace("ListPartsResponse", "ListPartsResult")  # S3's name for it
            return web.Response(status=answer.status, headers=headers, body=body.encode())
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
        return response
