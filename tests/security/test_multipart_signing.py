"""Each step of an upload in parts is signed by itself, and S3 takes only what was signed."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from attachments.storage import SignedRequest, Storage
from tests.security.s3_server import BUCKET, S3Server
from tests.security.signed import (
    BODY,
    LIFE_S,
    MIN_PART,
    TYPE,
    aborted,
    altered_signature,
    code,
    completed,
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
    assert "<CompleteMultipartUploadResult" in completed(server, key, upload_id, *etags).text
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


LATER_STEPS: dict[str, Callable[[Storage, str, str], SignedRequest]] = {
    "a part": lambda storage, key, upload_id: storage.sign_part(
        key, upload_id=upload_id, number=1, size=len(BODY), seconds=LIFE_S
    ),
    "the list of parts": lambda storage, key, upload_id: storage.sign_list_parts(
        key, upload_id=upload_id, seconds=LIFE_S
    ),
    "completing": lambda storage, key, upload_id: storage.sign_complete(
        key, upload_id=upload_id, seconds=LIFE_S
    ),
    "aborting": lambda storage, key, upload_id: storage.sign_abort(
        key, upload_id=upload_id, seconds=LIFE_S
    ),
}


def body_of(signed: SignedRequest) -> bytes:
    """Something that the step could carry."""
    return {"PUT": BODY, "POST": completing('"x"')}.get(signed.method, b"")


@pytest.mark.parametrize("name", [name for name in LATER_STEPS if name != "completing"])
def test_an_upload_id_is_good_for_its_own_key_only(
    server: S3Server, key: str, upload_id: str, name: str
) -> None:
    """Completing stands in the table of `test_upload_signing`."""
    signed = LATER_STEPS[name](server.storage, f"{key}-other", upload_id)
    assert server.step(signed, body_of(signed)).status_code == 404
    assert parts(server, key, upload_id) == []


@pytest.mark.parametrize("sign", LATER_STEPS.values(), ids=LATER_STEPS)
def test_a_step_signed_for_one_upload_is_refused_for_another(
    server: S3Server, key: str, upload_id: str, sign: Callable[[Storage, str, str], SignedRequest]
) -> None:
    another = created(server, key)
    sent = server.send("PUT", part_url(server, key, another), BODY)
    signed = sign(server.storage, key, upload_id)
    url = signed.url.replace(upload_id, another)
    body = {"PUT": BODY, "POST": completing(sent.headers["etag"])}.get(signed.method, b"")
    assert server.send(signed.method, url, body, signed.headers).status_code == 403
    assert parts(server, key, another) == [(1, len(BODY))]
    assert server.stored(key) == []


@pytest.mark.parametrize("sign", LATER_STEPS.values(), ids=LATER_STEPS)
def test_a_step_is_refused_from_the_moment_that_it_expires(
    server: S3Server, key: str, upload_id: str, sign: Callable[[Storage, str, str], SignedRequest]
) -> None:
    with signing_at(timedelta(seconds=-LIFE_S - 1)):
        expired = sign(server.storage, key, upload_id)
    answer = server.step(expired, body_of(expired))
    assert (answer.status_code, code(answer)) == (403, "AccessDenied")
    assert parts(server, key, upload_id) == []


@pytest.mark.parametrize("sign", LATER_STEPS.values(), ids=LATER_STEPS)
def test_a_step_does_nothing_else_than_what_was_signed(
    server: S3Server, key: str, upload_id: str, sign: Callable[[Storage, str, str], SignedRequest]
) -> None:
    """The same URL under every other method, and without its upload id."""
    sent = server.send("PUT", part_url(server, key, upload_id), BODY)
    signed = sign(server.storage, key, upload_id)
    for method in {"GET", "PUT", "POST", "DELETE"} - {signed.method}:
        body = {"PUT": BODY, "POST": completing(sent.headers["etag"])}.get(method, b"")
        assert server.send(method, signed.url, body, signed.headers).status_code == 403
    bare = re.sub(r"uploadId=[^&]*&", "", signed.url)
    assert bare != signed.url
    assert server.send(signed.method, bare, body_of(signed), signed.headers).is_client_error
    assert parts(server, key, upload_id) == [(1, len(BODY))]
    assert server.stored(key) == []


@pytest.mark.parametrize("content_type", ["text/html", None], ids=["another type", "no type"])
def test_an_upload_in_parts_of_another_type_is_not_begun(
    server: S3Server, key: str, content_type: str | None
) -> None:
    signed = server.storage.sign_create_multipart(key, mime_type=TYPE, seconds=LIFE_S)
    headers = {"Content-Type": content_type} if content_type else {}
    assert server.send("POST", signed.url, headers=headers).status_code == 403
    begun = server.client.list_multipart_uploads(Bucket=BUCKET, Prefix=key)
    assert "Uploads" not in begun


@pytest.mark.parametrize("condition", [None, '"x"'], ids=["no condition", "another condition"])
def test_an_upload_is_completed_under_the_signed_condition_only(
    server: S3Server, key: str, upload_id: str, condition: str | None
) -> None:
    sent = server.send("PUT", part_url(server, key, upload_id), BODY)
    signed = server.storage.sign_complete(key, upload_id=upload_id, seconds=LIFE_S)
    headers = {"If-None-Match": condition} if condition else {}
    answer = server.send("POST", signed.url, completing(sent.headers["etag"]), headers)
    assert answer.status_code == 403
    assert server.stored(key) == []


def test_parts_that_were_not_sent_do_not_make_an_object(
    server: S3Server, key: str, upload_id: str
) -> None:
    sent = server.send("PUT", part_url(server, key, upload_id), BODY)
    answer = completed(server, key, upload_id, '"0123456789abcdef0123456789abcdef"')
    assert (answer.status_code, code(answer)) == (400, "InvalidPart")
    assert server.stored(key) == []
    assert completed(server, key, upload_id, sent.headers["etag"]).status_code == 200
    assert server.stored(key) == [key]


def test_nothing_is_left_of_an_aborted_upload(server: S3Server, key: str, upload_id: str) -> None:
    assert server.send("PUT", part_url(server, key, upload_id), BODY).status_code == 200
    assert aborted(server, key, upload_id).status_code == 204
    left = server.storage.sign_list_parts(key, upload_id=upload_id, seconds=LIFE_S)
    assert server.step(left).status_code == 404
    assert server.send("PUT", part_url(server, key, upload_id), BODY).is_error
    assert server.stored(key) == []


def test_all_uploads_to_a_key_are_aborted_at_once_and_no_others(
    server: S3Server, key: str, upload_id: str
) -> None:
    other = f"{key}-other"
    another, kept = created(server, key), created(server, other)
    server.send("PUT", part_url(server, key, another), BODY)
    assert server.storage.abort_uploads(key) == 2
    for gone in (upload_id, another):
        left = server.storage.sign_list_parts(key, upload_id=gone, seconds=LIFE_S)
        assert server.step(left).status_code == 404
    assert parts(server, other, kept) == []
