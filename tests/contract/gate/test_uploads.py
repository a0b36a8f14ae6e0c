"""An upload is stored as it was signed, and only so."""

import http.client
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from moto.s3.models import S3Backend

from tests.contract.gate.client import BODY, KEY, RIGHT, SITE, code, put_url, s3_client, stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_an_upload_as_signed_is_stored(s3: "S3Client", web: httpx.Client) -> None:
    assert web.put(put_url(s3), content=BODY, headers=RIGHT).status_code == 200
    found = s3.get_object(Bucket="chat", Key=KEY)
    assert (found["Body"].read(), found["ContentType"]) == (BODY, "video/mp4")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY + b"!", RIGHT),
        (BODY[:-1], RIGHT),
        (b"", RIGHT),
        (BODY, RIGHT | {"Content-Type": "text/html"}),
        (BODY, {"Content-Type": "video/mp4"}),
        (BODY, {"If-None-Match": "*"}),
        (BODY, RIGHT | {"If-None-Match": '"another"'}),
    ],
    ids=[
        "one byte more",
        "one byte less",
        "empty",
        "another type",
        "no condition",
        "no type",
        "another condition",
    ],
)
def test_an_upload_other_than_signed_is_refused(
    s3: "S3Client", web: httpx.Client, body: bytes, headers: dict[str, str]
) -> None:
    response = web.put(put_url(s3), content=body, headers=headers)
    assert (response.status_code, code(response)) == (403, "SignatureDoesNotMatch")
    assert stored(s3) == []


def test_a_second_upload_is_refused_while_the_first_stands(
    s3: "S3Client", web: httpx.Client
) -> None:
    url = put_url(s3)
    assert web.put(url, content=BODY, headers=RIGHT).status_code == 200
    again = web.put(url, content=BODY, headers=RIGHT | {"Origin": SITE})
    assert (again.status_code, code(again)) == (412, "PreconditionFailed")
    assert again.headers["access-control-allow-origin"] == SITE
    assert len(s3.list_object_versions(Bucket="chat")["Versions"]) == 1


def test_of_two_uploads_at_once_one_is_stored(
    s3: "S3Client", web: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_past_the_condition = threading.Barrier(2)
    put_object = S3Backend.put_object

    def wait_for_the_other(*args: Any, **kwargs: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            both_past_the_condition.wait(timeout=0.5)
        return put_object(*args, **kwargs)

    monkeypatch.setattr(S3Backend, "put_object", wait_for_the_other)
    url = put_url(s3)
    with ThreadPoolExecutor(2) as pool:
        uploads = [pool.submit(web.put, url, content=BODY, headers=RIGHT) for _ in range(2)]
    assert sorted(upload.result().status_code for upload in uploads) == [200, 412]
    assert len(s3.list_object_versions(Bucket="chat")["Versions"]) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda url: url.replace(KEY, "uploads/0193"),
        lambda url: url.replace(KEY, "uploads/x/../0192"),
        lambda url: url.replace(KEY, "../" + KEY),
        lambda url: url + "&acl",
        lambda url: url + "&tagging",
        lambda url: url + "&x-amz-storage-class=GLACIER",
        lambda url: url + "&X-Amz-Signature=0",
        lambda url: url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        lambda url: url.replace("%3Bcontent-length", "").replace("content-length%3B", ""),
        lambda url: url.replace("X-Amz-Signature=", "X-Amz-Signature=0"),
        lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
        lambda url: re.sub(r"&X-Amz-Signature=\w+", "", url),
        lambda url: url.partition("?")[0],
    ],
    ids=[
        "another key",
        "a path up",
        "a path above",
        "acl",
        "tagging",
        "storage class",
        "two signatures",
        "longer life",
        "no length signed",
        "longer signature",
        "altered signature",
        "no signature",
        "unsigned",
    ],
)
def test_an_altered_url_is_refused(s3: "S3Client", make: Callable[[str], str]) -> None:
    url = urlsplit(make(put_url(s3)))
    with closing(http.client.HTTPConnection(url.netloc)) as connection:  # leaves the path alone
        connection.request("PUT", f"{url.path}?{url.query}", BODY, RIGHT)
        response = connection.getresponse()
        assert response.status in {400, 403}
        assert b"<Code>" in response.read()
    assert stored(s3) == []


def test_the_host_and_its_port_are_what_was_signed(s3: "S3Client", web: httpx.Client) -> None:
    response = web.put(put_url(s3), content=BODY, headers=RIGHT | {"Host": "127.0.0.1"})
    assert (response.status_code, code(response)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("name", ["x-amz-storage-class", "X-Amz-Acl", "x-amz-meta-a"])
def test_an_unsigned_amz_header_is_refused(s3: "S3Client", web: httpx.Client, name: str) -> None:
    response = web.put(put_url(s3), content=BODY, headers=RIGHT | {name: "GLACIER"})
    assert (response.status_code, code(response)) == (403, "AccessDenied")
    assert f"<HeadersNotSigned>{name.lower()}<" in response.text
    assert stored(s3) == []


def test_an_amz_header_in_disguise_changes_nothing(s3: "S3Client", web: httpx.Client) -> None:
    disguised = RIGHT | {"x_amz_storage_class": "GLACIER"}
    assert web.put(put_url(s3), content=BODY, headers=disguised).status_code == 200
    assert "StorageClass" not in s3.head_object(Bucket="chat", Key=KEY)


def test_two_authentications_are_one_too_many(s3: "S3Client", web: httpx.Client) -> None:
    headers = RIGHT | {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}
    response = web.put(put_url(s3), content=BODY, headers=headers)
    assert (response.status_code, code(response)) == (400, "InvalidArgument")


def test_a_post_policy_is_refused(s3: "S3Client", web: httpx.Client) -> None:
    form = s3.generate_presigned_post("chat", KEY)
    response = web.post(form["url"], data=form["fields"], files={"file": BODY})
    assert (response.status_code, code(response)) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("client", "status", "expected"),
    [
        ({"region": "us-east-1"}, 400, "AuthorizationQueryParametersError"),
        ({"secret": "another"}, 403, "SignatureDoesNotMatch"),
    ],
)
def test_the_scope_and_the_secret_count(
    endpoint: str, web: httpx.Client, client: dict[str, Any], status: int, expected: str
) -> None:
    with closing(s3_client(endpoint, **client)) as foreign:
        response = web.put(put_url(foreign), content=BODY, headers=RIGHT)
    assert (response.status_code, code(response)) == (status, expected)
