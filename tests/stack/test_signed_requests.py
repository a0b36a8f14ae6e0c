"""What S3 refuses by itself: everything but the one request that was signed.

Each test ends with the request that was meant, which shows that the refused one took nothing.
"""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit
from uuid import uuid4

import httpx
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.stack.client import Json, Stack, note, put

FILE = note()


def _altered_signature(upload: Json) -> Json:
    url = upload["url"]
    [signature] = parse_qs(urlsplit(url).query)["X-Amz-Signature"]
    altered = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    return {**upload, "url": url.replace(signature, altered)}


def _other_key(upload: Json) -> Json:
    other = f"uploads/{uuid4()}"
    return {**upload, "url": upload["url"].replace(upload["key"], other)}


def _longer_life(upload: Json) -> Json:
    [seconds] = parse_qs(urlsplit(upload["url"]).query)["X-Amz-Expires"]
    asked = f"X-Amz-Expires={int(seconds) + 1}"
    return {**upload, "url": upload["url"].replace(f"X-Amz-Expires={seconds}", asked)}


def _subresource(upload: Json) -> Json:
    return {**upload, "url": upload["url"] + "&acl"}


REFUSED: dict[str, Callable[[Json], httpx.Response]] = {
    "one byte longer": lambda upload: put(upload, FILE.body + b"!"),
    "one byte shorter": lambda upload: put(upload, FILE.body[:-1]),
    "empty": lambda upload: put(upload, b""),
    "another type": lambda upload: put(upload, FILE.body, content_type="text/html"),
    "no condition": lambda upload: put(upload, FILE.body, if_none_match=None),
    "a header that was not signed": lambda upload: put(
        upload, FILE.body, x_amz_tagging="owner=mallory"
    ),
    "an altered signature": lambda upload: put(_altered_signature(upload), FILE.body),
    "another key": lambda upload: put(_other_key(upload), FILE.body),
    "a longer life": lambda upload: put(_longer_life(upload), FILE.body),
    "a subresource": lambda upload: put(_subresource(upload), FILE.body),
    "another method": lambda upload: httpx.get(upload["url"]),
}


@pytest.mark.parametrize("send", REFUSED.values(), ids=REFUSED.keys())
def test_whatever_differs_from_what_was_signed_is_refused(
    stack: Stack, pending_note: Json, send: Callable[[Json], httpx.Response]
) -> None:
    assert send(pending_note["upload"]).status_code == 403
    _goes_on_as_meant(stack, pending_note)


def test_another_checksum_than_the_signed_one_is_refused(stack: Stack, message: str) -> None:
    ticket = stack.sender.ask(message, FILE, sha256=FILE.digest)
    forged = FILE.body.swapcase()
    checksum = b64encode(sha256(forged).digest()).decode()
    sent = put(ticket["upload"], forged, x_amz_checksum_sha256=checksum)
    assert sent.status_code == 403
    _goes_on_as_meant(stack, ticket)


def test_other_bytes_than_the_signed_checksum_is_of_are_refused(stack: Stack, message: str) -> None:
    ticket = stack.sender.ask(message, FILE, sha256=FILE.digest)
    assert put(ticket["upload"], FILE.body.swapcase()).status_code == 400
    _goes_on_as_meant(stack, ticket)


def test_a_second_put_is_refused_and_changes_nothing(stack: Stack, pending_note: Json) -> None:
    assert put(pending_note["upload"], FILE.body).status_code == 200
    forged = FILE.body.swapcase()
    assert put(pending_note["upload"], forged).status_code == 412
    assert stack.sender.settled(pending_note["id"])["status"] == "ready"
    assert put(pending_note["upload"], forged).status_code == 412
    url = stack.sender.get(f"/attachments/{pending_note['id']}/download/").json()["url"]
    assert httpx.get(url).content == FILE.body


def test_an_expired_url_is_refused(stack: Stack, pending_note: Json) -> None:
    upload = pending_note["upload"]
    [life] = parse_qs(urlsplit(upload["url"]).query)["X-Amz-Expires"]
    now = datetime.now(UTC)
    expired = _signed_at(stack, upload, now - timedelta(seconds=int(life) + 1))
    assert put(expired, FILE.body).status_code == 403
    assert stack.sender.attachment(pending_note["id"])["status"] == "pending"
    # The same signer's request of this moment is accepted: it was the time that was refused.
    assert put(_signed_at(stack, upload, now), FILE.body).status_code == 200


def _goes_on_as_meant(stack: Stack, ticket: Json) -> None:
    assert stack.sender.attachment(ticket["id"])["status"] == "pending"
    assert put(ticket["upload"], FILE.body).status_code == 200
    assert stack.sender.settled(ticket["id"])["status"] == "ready"


def _signed_at(stack: Stack, upload: Json, instant: datetime) -> Json:
    """The same upload, signed at another time with the keys of stack.json."""
    keys, stamp = stack.aws, instant.strftime("%Y%m%dT%H%M%SZ")
    url = urlsplit(upload["url"])
    query = dict(parse_qsl(url.query))
    query.pop("X-Amz-Signature")
    query.pop("X-Amz-Security-Token", None)
    scope = f"{stamp[:8]}/{keys['region']}/s3/aws4_request"
    query |= {"X-Amz-Date": stamp, "X-Amz-Credential": f"{keys['access_key_id']}/{scope}"}
    bare = url._replace(query=urlencode(query, quote_via=quote)).geturl()
    headers = {**upload["headers"], "Content-Length": str(len(FILE.body))}
    request = AWSRequest("PUT", bare, headers=headers)
    request.context["timestamp"] = stamp
    credentials = Credentials(keys["access_key_id"], keys["secret_access_key"])
    signer = S3SigV4QueryAuth(credentials, "s3", keys["region"])
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return {**upload, "url": f"{bare}&X-Amz-Signature={signer.signature(text, request)}"}
