"""The bucket: the only module that speaks to S3.

Uploads are signed so that S3 itself refuses another length, type or checksum, a late request, and
a second object at the same key (S3 guide, "Conditional writes"). An upload in parts is signed one
operation at a time (S3 guide, "Uploading and copying objects using multipart upload").
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError, ReadTimeoutError

from attachments.errors import CopyUnfinishedError, ObjectMissingError
from attachments.model import ObjectVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

PIECE_BYTES = 64 * 1024
MISSING = {"404", "NoSuchKey", "NoSuchVersion"}
EXISTS = {"412", "PreconditionFailed"}
ONCE = {"If-None-Match": "*"}  # only while there is no object at the key


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a key as the bucket lists it, or a delete marker."""

    key: str
    version_id: str
    modified: datetime
    marker: bool = False


@dataclass(frozen=True, slots=True)
class VersionPage:
    """All versions of the keys that follow a position; `next` is None at the end of the bucket."""

    versions: list[StoredVersion]
    next: str | None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One request that S3 will accept until it expires; `headers` go with it exactly."""

    method: str
    url: str
    headers: dict[str, str]


class Storage:
    """The bucket of uploads and thumbnails."""

    def __init__(
        self, client: "S3Client", *, bucket: str, signer: "S3Client | None" = None
    ) -> None:
        """`signer` signs what others send, where they find S3 at another address than we do."""
        self._client = client
        self._signer = signer or client
        self.bucket = bucket

    # ------------------------------------------------------------ presigned requests

    def sign_put(
        self, key: str, *, size: int, mime_type: str, sha256: str | None, seconds: int
    ) -> SignedRequest:
        """One PUT of exactly `size` bytes (which every HTTP client states by itself)."""
        headers = {"Content-Type": mime_type, **ONCE}
        bound: dict[str, Any] = {}
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = sha256
            bound["ChecksumSHA256"] = sha256
        url = self._presigned(
            "put_object",
            key,
            seconds,
            ContentLength=size,
            ContentType=mime_type,
            IfNoneMatch="*",
            **bound,
        )
        return SignedRequest("PUT", url, headers)

    def sign_create_multipart(self, key: str, *, mime_type: str, seconds: int) -> SignedRequest:
        """The beginning of an upload in parts, of this type; S3 answers with the upload's id."""
        url = self._presigned("create_multipart_upload", key, seconds, ContentType=mime_type)
        return SignedRequest("POST", url, {"Content-Type": mime_type})

    def sign_part(
        self, key: str, *, upload_id: str, number: int, size: int, seconds: int
    ) -> SignedRequest:
        """One part of exactly `size` bytes; sent again, it replaces the one before."""
        url = self._presigned(
            "upload_part",
            key,
            seconds,
            UploadId=upload_id,
            PartNumber=number,
            ContentLength=size,
        )
        return SignedRequest("PUT", url, {})

    def sign_list_parts(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        """The parts that arrived, the first 1,000: no file that we accept has more."""
        url = self._presigned("list_parts", key, seconds, UploadId=upload_id)
        return SignedRequest("GET", url, {})

    def sign_complete(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        """The parts become the object, if there is none yet."""
        url = self._presigned(
            "complete_multipart_upload", key, seconds, UploadId=upload_id, IfNoneMatch="*"
        )
        return SignedRequest("POST", url, dict(ONCE))

    def sign_abort(self, key: str, *, upload_id: str, seconds: int) -> SignedRequest:
        """The parts go, and no more are taken."""
        url = self._presigned("abort_multipart_upload", key, seconds, UploadId=upload_id)
        return SignedRequest("DELETE", url, {})

    def sign_get(
        self,
        key: str,
        *,
        version_id: str | None,
        seconds: int,
        content_type: str,
        disposition: str,
    ) -> str:
        """A URL that serves this version under exactly this type and disposition."""
        pinned: dict[str, Any] = {"VersionId": version_id} if version_id else {}
        return self._presigned(
            "get_object",
            key,
            seconds,
            # Not what the uploader stored beside the bytes: these headers are not signed.
            ResponseContentType=content_type,
            ResponseContentDisposition=disposition,
            ResponseContentEncoding="identity",
            ResponseCacheControl=f"private, max-age={seconds}",
            **pinned,
        )

    def _presigned(self, operation: str, key: str, seconds: int, **bound: Any) -> str:
        return self._signer.generate_presigned_url(
            operation, Params={"Bucket": self.bucket, "Key": key, **bound}, ExpiresIn=seconds
        )

    # ------------------------------------------------------------ objects

    def head(self, key: str, version_id: str | None = None) -> ObjectVersion:
        """The newest version of an object, or the one named. Raises ObjectMissingError."""
        pinned: dict[str, Any] = {"VersionId": version_id} if version_id else {}
        answer = self._call(lambda: self._client.head_object(Bucket=self.bucket, Key=key, **pinned))
        return ObjectVersion(
            version_id=answer.get("VersionId", "null"),
            etag=answer["ETag"].strip('"'),
            size=answer["ContentLength"],
        )

    def stream(
        self, key: str, version: ObjectVersion, start: int, length: int
    ) -> Generator[bytes, None, None]:
        """Bytes [start, start + length) of one version in pieces, each as soon as it arrives.

        Raises ObjectMissingError. Closing the generator early ends the transfer.
        """
        answer = self._call(
            lambda: self._client.get_object(
                Bucket=self.bucket,
                Key=key,
                VersionId=version.version_id,
                Range=f"bytes={start}-{start + length - 1}",
            )
        )
        with closing(answer["Body"]) as body:
            yield from body.iter_chunks(PIECE_BYTES)

    def put_once(self, key: str, body: bytes | BinaryIO, *, mime_type: str) -> None:
        """Write an object that never changes; one that is there already is the same."""
        try:
            self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=mime_type,
                CacheControl="private, max-age=31536000, immutable",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in EXISTS:
                raise

    def copy(self, source: str, key: str, *, version_id: str | None = None) -> ObjectVersion:
        """One version of an object, or the newest, under another key; no bytes pass through here.

        At most 5 GB (S3 API, "CopyObject"). An object that is there already is an earlier try's.
        Raises ObjectMissingError if there is nothing to copy, and CopyUnfinishedError if S3 takes
        longer than the client waits or is busy with an earlier try.
        """
        copied: CopySourceTypeDef = {"Bucket": self.bucket, "Key": source}
        if version_id:
            copied["VersionId"] = version_id
        try:
            self._call(
                lambda: self._client.copy_object(
                    Bucket=self.bucket,
                    Key=key,
                    CopySource=copied,
                    MetadataDirective="COPY",
                    TaggingDirective="REPLACE",  # no tags: copying them would ask for permissions
                    IfNoneMatch="*",
                )
            )
        except ReadTimeoutError as error:
            raise CopyUnfinishedError(str(error)) from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalRequestConflict":
                raise CopyUnfinishedError(str(error)) from error
            if code not in EXISTS:
                raise
        return self.head(key)

    def delete_version(self, key: str, version_id: str) -> None:
        """Remove one version for good; harmless if it is gone."""
        self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)

    def delete_all(self, prefix: str) -> int:
        """Remove every version and delete marker below a prefix for good; how many there were."""
        removed = 0
        for version in list(self._versions(prefix)):
            self.delete_version(version.key, version.version_id)
            removed += 1
        return removed

    def abort_uploads(self, key: str) -> int:
        """Abort every upload in parts to this key; how many there were.

        A part that is on its way meanwhile may outlive it (S3 API, "AbortMultipartUpload"); the
        bucket's lifecycle rule removes that.
        """
        aborted = 0
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=key
        )
        begun = [upload for page in pages for upload in page.get("Uploads", [])]
        for upload in begun:
            if upload["Key"] == key:
                aborted += self._abort(key, upload["UploadId"])
        return aborted

    def _abort(self, key: str, upload_id: str) -> bool:
        """Whether the upload was still there."""
        try:
            self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except self._client.exceptions.NoSuchUpload:
            return False
        return True

    def versions(self, *, after: str | None, limit: int) -> VersionPage:
        """Versions and delete markers of whole keys in the order of the keys, at most `limit`.

        A key with more than `limit` versions (at most 1000) is shown in part.
        """
        start: dict[str, Any] = {"KeyMarker": after} if after else {}
        answer = self._client.list_object_versions(Bucket=self.bucket, MaxKeys=limit, **start)
        found = sorted(_listed(answer), key=lambda version: version.key)
        if not answer["IsTruncated"]:
            return VersionPage(found, None)
        last = found[-1].key  # perhaps not all of it: it comes again, as the first of the next page
        whole = [version for version in found if version.key != last] or found
        return VersionPage(whole, whole[-1].key)

    def _versions(self, prefix: str) -> Iterator[StoredVersion]:
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        for page in pages:
            yield from _listed(page)

    @staticmethod
    def _call(request: Callable[[], Any]) -> Any:
        try:
            return request()
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                raise ObjectMissingError(str(error)) from error
            raise


def _listed(page: Mapping[str, Any]) -> Iterator[StoredVersion]:
    for name, marker in (("Versions", False), ("DeleteMarkers", True)):
        for listed in page.get(name, ()):
            key, version_id = listed["Key"], listed["VersionId"]
            yield StoredVersion(key, version_id, listed["LastModified"], marker)
