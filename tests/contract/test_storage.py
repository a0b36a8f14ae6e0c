"""The bucket: signed requests, versions, copies, deletion."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from attachments.errors import CopyUnfinishedError, ObjectMissingError
from attachments.ids import new_id
from attachments.model import ObjectVersion
from tests.builders import VIDEO
from tests.contract.conftest import Stores

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def signed(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def key_of_its_own() -> str:
    return f"uploads/{new_id()}"


def test_an_upload_is_signed_with_length_type_and_once_only(stores: Stores) -> None:
    key = key_of_its_own()
    request = stores.storage.sign_put(key, size=7, mime_type="video/mp4", sha256=None, seconds=900)
    assert request.method == "PUT"
    assert request.headers == {"Content-Type": "video/mp4", "If-None-Match": "*"}
    assert urlsplit(request.url).path.endswith(key)
    query = signed(request.url)
    assert query["X-Amz-SignedHeaders"] == "content-length;content-type;host;if-none-match"
    assert query["X-Amz-Expires"] == "900"


def test_an_upload_is_signed_with_its_checksum(stores: Stores) -> None:
    request = stores.storage.sign_put(
        key_of_its_own(), size=7, mime_type="video/mp4", sha256="c2hhMjU2", seconds=60
    )
    assert request.headers["x-amz-checksum-sha256"] == "c2hhMjU2"
    assert signed(request.url)["X-Amz-SignedHeaders"] == (
        "content-length;content-type;host;if-none-match;x-amz-checksum-sha256"
    )
    assert set(signed(request.url)["X-Amz-SignedHeaders"].split(";")) == {
        "content-length",
        "host",
        *(name.lower() for name in request.headers),
    }


def test_an_upload_as_signed_arrives_once(aws_stores: Stores) -> None:
    key = key_of_its_own()
    request = aws_stores.storage.sign_put(
        key, size=len(VIDEO), mime_type="video/mp4", sha256=None, seconds=60
    )
    with httpx.Client() as web:
        answers = [web.put(request.url, headers=request.headers, content=VIDEO) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 412]
    assert aws_stores.storage.head(key).size == len(VIDEO)


def test_each_step_of_an_upload_in_parts_is_signed(stores: Stores) -> None:
    key, store = key_of_its_own(), stores.storage
    steps = [
        store.sign_create_multipart(key, mime_type="video/mp4", seconds=60),
        store.sign_part(key, upload_id="u+1", number=3, size=7, seconds=60),
        store.sign_list_parts(key, upload_id="u+1", seconds=60),
        store.sign_complete(key, upload_id="u+1", seconds=60),
        store.sign_abort(key, upload_id="u+1", seconds=60),
    ]
    assert [step.method for step in steps] == ["POST", "PUT", "GET", "POST", "DELETE"]
    assert [step.headers for step in steps] == [
        {"Content-Type": "video/mp4"},
        {},
        {},
        {"If-None-Match": "*"},
        {},
    ]
    assert [signed(step.url)["X-Amz-SignedHeaders"] for step in steps] == [
        "content-type;host",
        "content-length;host",
        "host",
        "host;if-none-match",
        "host",
    ]
    for step in steps:
        assert urlsplit(step.url).path.endswith(key)
        assert signed(step.url)["X-Amz-Expires"] == "60"
    assert [signed(step.url).get("uploadId") for step in steps] == [None, *["u+1"] * 4]
    assert [signed(step.url).get("partNumber") for step in steps] == [None, "3", None, None, None]
    assert "uploads=" in urlsplit(steps[0].url).query or "uploads&" in steps[0].url


def test_every_upload_in_parts_to_a_key_is_aborted_and_no_other(stores: Stores) -> None:
    key = key_of_its_own()
    other = f"{key}0"
    for begun in (key, key, other):
        stores.begin(begun)
    assert stores.storage.abort_uploads(key) == 2
    assert stores.storage.abort_uploads(key) == 0
    assert stores.begun(key) == []
    assert len(stores.begun(other)) == 1


def test_an_upload_that_somebody_else_aborted_meanwhile_is_passed_over(
    aws_stores: Stores, s3: "S3Client"
) -> None:
    key, bucket = key_of_its_own(), aws_stores.storage.bucket
    begun = [aws_stores.begin(key) for _ in range(2)]

    def abort_all(**_: Any) -> None:
        for upload_id in begun:
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)

    listed = "after-call.s3.ListMultipartUploads"
    s3.meta.events.register(listed, abort_all)
    try:
        assert aws_stores.storage.abort_uploads(key) == 0
    finally:
        s3.meta.events.unregister(listed, abort_all)
    assert aws_stores.begun(key) == []


def test_a_download_is_signed_with_version_type_and_name(stores: Stores) -> None:
    key = key_of_its_own()
    disposition = "attachment; filename=\"a b.mp4\"; filename*=UTF-8''a%20b.mp4"
    url = stores.storage.sign_get(
        key, version_id="v7", seconds=300, content_type="video/mp4", disposition=disposition
    )
    assert urlsplit(url).path.endswith(key)
    query = signed(url)
    assert query["versionId"] == "v7"
    assert query["response-content-type"] == "video/mp4"
    assert query["response-content-disposition"] == disposition
    assert query["X-Amz-Expires"] == "300"
    assert query["X-Amz-SignedHeaders"] == "host"


def test_a_download_without_a_version_names_none(stores: Stores) -> None:
    url = stores.storage.sign_get(
        key_of_its_own(), version_id=None, seconds=60, content_type="a/b", disposition="inline"
    )
    assert "versionId" not in signed(url)


def test_the_newest_version_is_found_and_so_is_a_named_one(stores: Stores) -> None:
    key = key_of_its_own()
    first = stores.arrive(key, b"first")
    second = stores.arrive(key, b"second!")
    assert first.version_id != second.version_id
    assert stores.storage.head(key) == second
    assert stores.storage.head(key, first.version_id) == first
    assert (first.size, second.size) == (5, 7)
    assert '"' not in first.etag


def test_a_version_is_read_by_range(stores: Stores) -> None:
    key = key_of_its_own()
    first = stores.arrive(key, b"0123456789")
    stores.arrive(key, b"another")
    assert b"".join(stores.storage.stream(key, first, 2, 3)) == b"234"
    assert b"".join(stores.storage.stream(key, first, 8, 100)) == b"89"


def test_a_transfer_may_be_ended_early(stores: Stores) -> None:
    key = key_of_its_own()
    version = stores.arrive(key, bytes(1_000_000))
    for _ in range(3):
        with closing(stores.storage.stream(key, version, 0, 1_000_000)) as pieces:
            assert 0 < len(next(pieces)) <= 1_000_000
    assert len(b"".join(stores.storage.stream(key, version, 0, 1_000_000))) == 1_000_000


def test_what_is_not_there_is_missing(stores: Stores) -> None:
    key = key_of_its_own()
    with pytest.raises(ObjectMissingError):
        stores.storage.head(key)
    with pytest.raises(ObjectMissingError):
        next(stores.storage.stream(key, ObjectVersion("v0", "etag", 1), 0, 1))
    stored = stores.arrive(key, b"here")
    stores.storage.delete_version(key, stored.version_id)
    stores.arrive(key, b"another")
    with pytest.raises(ObjectMissingError):
        stores.storage.head(key, stored.version_id)
    with pytest.raises(ObjectMissingError):
        next(stores.storage.stream(key, stored, 0, 1))


def test_what_a_delete_marker_covers_is_missing(stores: Stores) -> None:
    key = key_of_its_own()
    stored = stores.arrive(key, b"here")
    stores.cover(key)
    with pytest.raises(ObjectMissingError):
        stores.storage.head(key)
    assert stores.storage.head(key, stored.version_id) == stored


def test_writing_once_twice_keeps_the_first(stores: Stores) -> None:
    key = f"thumbnails/{new_id()}/abc.jpg"
    stores.storage.put_once(key, b"first", mime_type="image/jpeg")
    first = stores.storage.head(key)
    stores.storage.put_once(key, b"second", mime_type="image/jpeg")
    assert stores.storage.head(key) == first
    assert stores.storage.delete_all(key) == 1


def test_a_copy_is_of_the_version_that_was_named(stores: Stores) -> None:
    source, key = key_of_its_own(), key_of_its_own()
    first, newest = stores.arrive(source, b"first"), stores.arrive(source, b"newest")
    copied = stores.storage.copy(source, key, version_id=first.version_id)
    assert stores.storage.head(key) == copied
    assert (copied.size, copied.etag) == (first.size, first.etag)
    assert b"".join(stores.storage.stream(key, copied, 0, 5)) == b"first"
    assert stores.storage.copy(source, key_of_its_own()).etag == newest.etag
    assert stores.storage.head(source) == newest


def test_what_is_not_there_is_not_copied(stores: Stores) -> None:
    source, key = key_of_its_own(), key_of_its_own()
    with pytest.raises(ObjectMissingError):
        stores.storage.copy(source, key)
    gone = stores.arrive(source, b"gone")
    stores.arrive(source, b"another")
    stores.storage.delete_version(source, gone.version_id)
    with pytest.raises(ObjectMissingError):
        stores.storage.copy(source, key, version_id=gone.version_id)
    with pytest.raises(ObjectMissingError):
        stores.storage.head(key)


@pytest.mark.parametrize("code", ["PreconditionFailed", "412"])
def test_a_copy_that_an_earlier_try_made_is_found_again(aws_stores: Stores, code: str) -> None:
    """On S3; moto knows no condition, so its answer is put in its place."""
    source, key = key_of_its_own(), key_of_its_own()
    stored = aws_stores.arrive(source, b"bytes")
    first = aws_stores.storage.copy(source, key, version_id=stored.version_id)
    with answering(aws_stores, "CopyObject", ClientError({"Error": {"Code": code}}, "CopyObject")):
        again = aws_stores.storage.copy(source, key, version_id=stored.version_id)
    assert again == first


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="http://s3.example"),
        ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "CopyObject"),
    ],
    ids=["slow", "busy"],
)
def test_a_copy_that_s3_goes_on_with_is_unfinished(aws_stores: Stores, error: Exception) -> None:
    source = key_of_its_own()
    aws_stores.arrive(source, b"bytes")
    with answering(aws_stores, "CopyObject", error), pytest.raises(CopyUnfinishedError):
        aws_stores.storage.copy(source, key_of_its_own())


@contextmanager
def answering(stores: Stores, operation: str, error: Exception) -> Iterator[None]:
    """Inside, S3 answers this operation with the error."""

    def fail(**_: Any) -> None:
        raise error

    events = stores.storage._client.meta.events
    name = f"before-call.s3.{operation}"
    events.register(name, fail)
    try:
        yield
    finally:
        events.unregister(name, fail)


def test_deleting_a_version_uncovers_the_one_before(stores: Stores) -> None:
    key = key_of_its_own()
    first, second = stores.arrive(key, b"1"), stores.arrive(key, b"2")
    stores.storage.delete_version(key, second.version_id)
    assert stores.storage.head(key) == first
    stores.storage.delete_version(key, second.version_id)
    assert stores.storage.head(key) == first


def test_deleting_all_removes_every_version_and_marker_below_the_prefix(stores: Stores) -> None:
    prefix = f"thumbnails/{new_id()}/"
    kept = f"thumbnails/{new_id()}/kept.jpg"
    stores.arrive(kept, b"kept")
    for name in ("a.jpg", "b.jpg"):
        stores.arrive(prefix + name, b"1")
        stores.arrive(prefix + name, b"2")
        stores.cover(prefix + name)
    assert stores.storage.delete_all(prefix) == 6
    assert stores.storage.delete_all(prefix) == 0
    with pytest.raises(ObjectMissingError):
        stores.storage.head(prefix + "a.jpg")
    assert stores.storage.head(kept).size == 4
