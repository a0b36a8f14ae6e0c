"""A versioned bucket in memory."""

import hashlib
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import BinaryIO
from urllib.parse import quote, urlencode

from attachments.errors import ObjectMissingError
from attachments.model import ObjectVersion
from attachments.storage import SignedRequest, Storage, StoredVersion, VersionPage
from tests.builders import NOON
from tests.fakes.transactions import Fuse


@dataclass(frozen=True)
class _Version:
    id: str
    modified: datetime
    body: bytes | None = None  # None: a delete marker


class MemoryStorage(Storage):
    def __init__(
        self, fuse: Fuse | None = None, clock: Callable[[], datetime] = lambda: NOON
    ) -> None:
        self.bucket = "memory"
        self._fuse = fuse or Fuse()
        self._clock = clock
        self._objects: dict[str, list[_Version]] = {}
        self._uploads: dict[str, str] = {}
        self._numbers = count(1)

    # What the world outside does: a client's PUT, the beginning of an upload in parts, and a
    # delete without a version.

    def arrive(self, key: str, body: bytes) -> ObjectVersion:
        return _described(self._add(key, body))

    def begin(self, key: str) -> str:
        upload_id = f"u{next(self._numbers)}"
        self._uploads[upload_id] = key
        return upload_id

    def begun(self, key: str) -> list[str]:
        """The ids of the uploads in parts to this key."""
        return [upload_id for upload_id, begun in self._uploads.items() if begun == key]

    def cover(self, key: str) -> None:
        self._add(key, None)

    def keys(self) -> set[str]:
        """Every key of which anything is left, delete markers included."""
        return set(self._objects)

    def sign_put(
        self, key: str, *, size: int, mime_type: str, sha256: str | None, seconds: int
    ) -> SignedRequest:
        headers = {"Content-Type": mime_type, "If-None-Match": "*"}
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = sha256
        return self._request("PUT", key, seconds, headers, sized=True)

    def sign_create_multipart(self, key: str, *, mime_type: str, seconds: int) -> SignedRequest:
        headers = {"Content-Type": mime_type}
        return self._request("POST", key, seconds, headers, query={"uploads": ""})

    def sign_part(
        self, key: str, *, upload_id: str, number: int, size: int, seconds: int
    ) -> SignedRequest:
        query = {"uploadId": upload_id, "partNumber": str(number)}
        return self._request("PUT", key, seconds, {}, sized=True, query=query)

    def sign_list_parts(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        return self._request("GET", key, seconds, {}, query={"uploadId": upload_id})

    def sign_complete(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        headers = {"If-None-Match": "*"}
        return self._request("POST", key, seconds, headers, query={"uploadId": upload_id})

    def sign_abort(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        return self._request("DELETE", key, seconds, {}, query={"uploadId": upload_id})

    def _request(
        self,
        method: str,
        key: str,
        seconds: int,
        headers: dict[str, str],
        *,
        sized: bool = False,
        query: dict[str, str] | None = None,
    ) -> SignedRequest:
        signed = ["host", *(name.lower() for name in headers)]
        if sized:
            signed.append("content-length")
        return SignedRequest(method, self._url(key, sorted(signed), seconds, query), headers)

    def sign_get(
        self,
        key: str,
        *,
        version_id: str | None,
        seconds: int,
        content_type: str,
        disposition: str,
    ) -> str:
        query = {
            "response-content-type": content_type,
            "response-content-disposition": disposition,
        }
        if version_id:
            query["versionId"] = version_id
        return self._url(key, ["host"], seconds, query)

    def head(self, key: str, version_id: str | None = None) -> ObjectVersion:
        return _described(self._find(key, version_id))

    def stream(
        self, key: str, version: ObjectVersion, start: int, length: int
    ) -> Generator[bytes, None, None]:
        yield (self._find(key, version.version_id).body or b"")[start : start + length]

    def put_once(self, key: str, body: bytes | BinaryIO, *, mime_type: str) -> None:
        body = body if isinstance(body, bytes) else body.read()
        with suppress(ObjectMissingError):
            self._find(key, None)
            return
        self._add(key, body)
        self._fuse.burn()

    def copy(self, source: str, key: str, *, version_id: str | None = None) -> ObjectVersion:
        found = self._find(source, version_id)
        with suppress(ObjectMissingError):
            return self.head(key)
        copied = _described(self._add(key, found.body))
        self._fuse.burn()
        return copied

    def delete_version(self, key: str, version_id: str) -> None:
        left = [version for version in self._objects.get(key, []) if version.id != version_id]
        if left:
            self._objects[key] = left
        else:
            self._objects.pop(key, None)
        self._fuse.burn()

    def delete_all(self, prefix: str) -> int:
        found = [
            (key, version.id)
            for key, versions in self._objects.items()
            if key.startswith(prefix)
            for version in versions
        ]
        for key, version_id in found:
            self.delete_version(key, version_id)
        return len(found)

    def abort_uploads(self, key: str) -> int:
        begun = self.begun(key)
        for upload_id in begun:
            del self._uploads[upload_id]
            self._fuse.burn()
        return len(begun)

    def versions(self, *, after: str | None, limit: int) -> VersionPage:
        found = [
            StoredVersion(key, version.id, version.modified, version.body is None)
            for key in sorted(self._objects)
            if after is None or key > after
            for version in self._objects[key]
        ]
        if len(found) <= limit:
            return VersionPage(found, None)
        cut = found[:limit]
        whole = [version for version in cut if version.key != cut[-1].key] or cut
        return VersionPage(whole, whole[-1].key)

    def _add(self, key: str, body: bytes | None) -> _Version:
        version = _Version(f"v{next(self._numbers)}", self._clock(), body)
        self._objects.setdefault(key, []).append(version)
        return version

    def _find(self, key: str, version_id: str | None) -> _Version:
        versions = self._objects.get(key, [])
        if version_id is not None:
            versions = [version for version in versions if version.id == version_id]
        if not versions or versions[-1].body is None:
            raise ObjectMissingError(key)
        return versions[-1]

    def _url(
        self, key: str, signed: list[str], seconds: int, query: dict[str, str] | None = None
    ) -> str:
        parameters = {"X-Amz-Expires": seconds, "X-Amz-SignedHeaders": ";".join(signed)}
        return f"https://{self.bucket}/{quote(key)}?{urlencode({**parameters, **(query or {})})}"


def _described(version: _Version) -> ObjectVersion:
    body = version.body or b""
    return ObjectVersion(
        version.id, hashlib.md5(body, usedforsecurity=False).hexdigest(), len(body)
    )
