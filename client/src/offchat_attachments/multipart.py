"""A large file in parts, several at once; parts that S3 has already are not sent again.

S3 guide, "Uploading and copying objects using multipart upload".
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import KW_ONLY, dataclass, field
from typing import TypeVar

from offchat_attachments.api import Api
from offchat_attachments.errors import UploadGoneError
from offchat_attachments.journal import Entry
from offchat_attachments.local_file import PIECE_BYTES, LocalFile
from offchat_attachments.models import Json, SignedRequest
from offchat_attachments.progress import Meter
from offchat_attachments.retrying import Pause, retrying
from offchat_attachments.s3 import S3, Part

T = TypeVar("T")


class StoppedError(Exception):
    """Another part failed, or the user has enough: nobody sees this."""


@dataclass
class PartsUpload:
    """The upload of one attachment's bytes in parts.

    `remember` notes changes of the journal entry before they matter. `pause` replaces the waiting
    between attempts, which otherwise ends when the upload is given up.
    """

    api: Api
    s3: S3
    file: LocalFile
    _: KW_ONLY
    attachment_id: str
    key: str
    part_size: int
    connections: int
    meter: Meter
    remember: Callable[..., None]
    pause: Pause | None = None
    _stop: threading.Event = field(default_factory=threading.Event, init=False)

    def run(self, entry: Entry) -> None:
        """Send what is missing and make the object.

        Raises AlreadyStoredError or UploadGoneError where S3 has ended the upload before: then
        the record knows how. Raises FileChangedError, and removes the parts.
        """
        upload_id, stored = self._resumed(entry) or (self._created(), {})
        etags = self._send_all(upload_id, stored)
        self.remember(completing=True)
        self._try(lambda: self.s3.complete(self._sign("POST", uploadId=upload_id), etags))

    def abort(self, upload_id: str) -> None:
        """Let S3 forget the parts."""
        self.s3.abort(self._sign("DELETE", uploadId=upload_id))

    def _created(self) -> str:
        upload_id = self._try(lambda: self.s3.create(self._sign("POST")))
        self.remember(upload_id=upload_id)
        return upload_id

    def _resumed(self, entry: Entry) -> tuple[str, Mapping[int, Part]] | None:
        """The upload that was begun before and its parts, None to begin anew."""
        upload_id = entry.upload_id
        if upload_id is None:
            return None
        try:
            return upload_id, self._try(
                lambda: self.s3.parts(self._sign("GET", uploadId=upload_id))
            )
        except UploadGoneError:
            if entry.completing:
                raise
            return None

    def _send_all(self, upload_id: str, stored: Mapping[int, Part]) -> dict[int, str]:
        """The ETag of every part."""
        numbers = range(1, -(-self.file.size // self.part_size) + 1)
        with ThreadPoolExecutor(self.connections, "part") as pool:
            futures = {
                pool.submit(self._part, upload_id, number, stored.get(number)): number
                for number in numbers
            }
            try:
                return {futures[future]: future.result() for future in as_completed(futures)}
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _part(self, upload_id: str, number: int, stored: Part | None) -> str:
        """The ETag of a part that S3 has now."""
        start = (number - 1) * self.part_size
        body = self.file.read(start, min(self.part_size, self.file.size - start))
        digest = hashlib.md5(body, usedforsecurity=False)
        # S3 API, "Object": in a bucket under SSE-S3 a part's ETag is the MD5 of its bytes.
        if stored and (stored.size, stored.etag) == (len(body), digest.hexdigest()):
            self.meter.add(len(body))
            return stored.etag
        headers = {"Content-MD5": base64.b64encode(digest.digest()).decode()}

        def send() -> str:
            signed = self._sign("PUT", uploadId=upload_id, partNumber=number)
            with self.meter.attempt() as count:
                pieces = self._pieces(body, count)
                return self.s3.put(signed, pieces, length=len(body), headers=headers)

        return self._try(send)

    def _pieces(self, body: bytes, count: Callable[[int], None]) -> Iterator[bytes]:
        for start in range(0, len(body), PIECE_BYTES):
            if self._stop.is_set():
                raise StoppedError
            piece = body[start : start + PIECE_BYTES]
            count(len(piece))
            yield piece

    def _sign(self, method: str, **operation: str | int) -> SignedRequest:
        asked: Json = {"method": method, "key": self.key, **operation}
        return self.api.sign(self.attachment_id, asked)

    def _try(self, request: Callable[[], T]) -> T:
        return retrying(self.pause or self._wait)(request)

    def _wait(self, seconds: float) -> None:
        self._stop.wait(seconds)
