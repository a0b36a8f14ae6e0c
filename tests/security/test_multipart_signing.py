"""Each step of an upload in parts is signed by itself, and S3 takes only what was signed."""

import re
from datetime import timedelta

import pytest

from tests.security.s3_server import BUCKET, S3Server
from tests.security.signed import (
    BODY,
    LIFE_S,
    MIN_PART,
    TYPE,
    altered_signature,
    code,
    completing,
    created,
    part_url,
    parts,
    signing_at,
)


@pytest.fixture
def upload_id(server: S3Server, key: str) -> str:
    return created(server, key)


def test_an_upload_in_parts_as_signed_is_stored_whole(
    server: S3Server, key: str, upload_id: str
) -> None:
    bodies = [bytes(MIN_PART), BODY]
    etags = []
    for number, body in enumerate(bodies, start=1):
        sent = server.send("PUT", part_url(server, key, upload_id, number, body), body)
        assert sent.status_code == 200
        etags.append(sent.headers["etag"])
    assert parts(server, key, upload_id) == [(1, MIN_PART), (2, len(BODY))]
    assert server.stored(key) == []
    url = server.sign("complete_multipart_upload", key, UploadId=upload_id)
    assert "<CompleteMultipartUploadResult" in server.send("POST", url, completing(*etags)).text
    assert server.stored(key) == [key]
    found = server.client.get_object(Bucket=BUCKET, Key=key)
    assert (found["Body"].read() == b"".join(bodies), found["ContentType"]) == (True, TYPE)


OTHER_PARTS = {
    "one byte longer": (r"", "", BODY + b"!"),
    "one byte shorter": (r"", "", BODY[:-1]),
    "empty": (r"", "", b""),
    "another number": (r"partNumber=1", "partNumber=2", BODY),
    "another upload": (r"uploadId=[^&]*", "uploadId=another", BODY),
    "no upload": (r"uploadId=[^&]*&", "", BODY),
    "the whole object": (r"(uploadId|partNumber)=[^&]*&(uploadId|partNumber)=[^&]*&", "", BODY),
    "another key": (r"(?<=uploads/)", "other-", BODY),
    "a longer life": (r"(X-Amz-Expires=\d+)", r"\g<1>0", BODY),
    "no signature": (r"&X-Amz-Signature=\w+", "", BODY),
}


@pytest.mark.parametrize(("old", "new", "body"), OTHER_PARTS.values(), ids=OTHER_PARTS)
def test_a_part_other_than_signed_is_refused(
    server: S3Server, key: str, upload_id: str, old: str, new: str, body: bytes
) -> None:
    url = part_url(server, key, upload_id)
    other = re.sub(old, new, url, count=1)
    assert (other, body) != (url, BODY)
    assert server.send("PUT", other, body).status_code == 403
    takes_the_part_that_was_meant(server, key, upload_id, url)


def test_a_part_with_an_altered_signature_is_refused(
    server: S3Server, key: str, upload_id: str
) -> None:
    url = part_url(server, key, upload_id)
    assert server.send("PUT", altered_signature(url), BODY).status_code == 403
    takes_the_part_that_was_meant(server, key, upload_id, url)


def test_a_part_of_another_running_upload_is_refused(
    server: S3Server, key: str, upload_id: str
) -> None:
    url, another = part_url(server, key, upload_id), created(server, key)
    assert server.send("PUT", url.replace(upload_id, another), BODY).status_code == 403
    assert parts(server, key, another) == []
    takes_the_part_that_was_meant(server, key, upload_id, url)


def test_a_part_is_refused_from_the_moment_that_it_expires(
    server: S3Server, key: str, upload_id: str
) -> None:
    with signing_at(timedelta(seconds=-LIFE_S - 1)):
        expired = part_url(server, key, upload_id)
    with signing_at(timedelta(seconds=-LIFE_S + 30)):
        nearly = part_url(server, key, upload_id)
    assert server.send("PUT", expired, BODY).status_code == 403
    takes_the_part_that_was_meant(server, key, upload_id, nearly)


def takes_the_part_that_was_meant(server: S3Server, key: str, upload_id: str, url: str) -> None:
    assert parts(server, key, upload_id) == []
    assert server.send("PUT", url, BODY).status_code == 200
    assert parts(server, key, upload_id) == [(1, len(BODY))]


@pytest.mark.parametrize(
    ("method", "operation"),
    [
        ("PUT", "upload_part"),
        ("GET", "list_parts"),
        ("DELETE", "abort_multipart_upload"),
    ],
)
def test_an_upload_id_is_good_for_its_own_key_only(
    server: S3Server, key: str, upload_id: str, method: str, operation: str
) -> None:
    more = {"PartNumber": 1, "ContentLength": len(BODY)} if method == "PUT" else {}
    url = server.sign(operation, f"{key}-other", UploadId=upload_id, **more)
    body = BODY if method == "PUT" else b""
    assert server.send(method, url, body).status_code == 404
    assert parts(server, key, upload_id) == []


@pytest.mark.parametrize("content_type", ["text/html", None], ids=["another type", "no type"])
def test_an_upload_in_parts_of_another_type_is_not_begun(
    server: S3Server, key: str, content_type: str | None
) -> None:
    url = server.sign("create_multipart_upload", key, ContentType=TYPE)
    headers = {"Content-Type": content_type} if content_type else {}
    assert server.send("POST", url, headers=headers).status_code == 403
    begun = server.client.list_multipart_uploads(Bucket=BUCKET, Prefix=key)
    assert "Uploads" not in begun


def test_completing_and_aborting_are_of_one_upload(
    server: S3Server, key: str, upload_id: str
) -> None:
    another = created(server, key)
    sent = server.send("PUT", part_url(server, key, another), BODY)
    for method, operation in (
        ("POST", "complete_multipart_upload"),
        ("DELETE", "abort_multipart_upload"),
    ):
        url = server.sign(operation, key, UploadId=upload_id).replace(upload_id, another)
        body = completing(sent.headers["etag"]) if method == "POST" else b""
        assert server.send(method, url, body).status_code == 403
    assert parts(server, key, another) == [(1, len(BODY))]
    assert server.stored(key) == []


def test_parts_that_were_not_sent_do_not_make_an_object(
    server: S3Server, key: str, upload_id: str
) -> None:
    sent = server.send("PUT", part_url(server, key, upload_id), BODY)
    url = server.sign("complete_multipart_upload", key, UploadId=upload_id)
    answer = server.send("POST", url, completing('"0123456789abcdef0123456789abcdef"'))
    assert (answer.status_code, code(answer)) == (400, "InvalidPart")
    assert server.stored(key) == []
    assert server.send("POST", url, completing(sent.headers["etag"])).status_code == 200
    assert server.stored(key) == [key]


def test_nothing_is_left_of_an_aborted_upload(server: S3Server, key: str, upload_id: str) -> None:
    assert server.send("PUT", part_url(server, key, upload_id), BODY).status_code == 200
    url = server.sign("abort_multipart_upload", key, UploadId=upload_id)
    assert server.send("DELETE", url).status_code == 204
    listing = server.send("GET", server.sign("list_parts", key, UploadId=upload_id))
    assert listing.status_code == 404
    assert server.send("PUT", part_url(server, key, upload_id), BODY).is_error
    assert server.stored(key) == []
