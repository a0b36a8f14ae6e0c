"""What S3 refuses, the gate refuses: a real moto server, the real gate, real presigned URLs."""

import base64
import gzip
import hashlib
import http.client
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal
from urllib.parse import quote, urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from moto.s3.models import S3Backend
from moto.server import ThreadedMotoServer

from local.cors import CorsRule
from local.gate import Gate
from local.signature import Head, RefusalError, verify
from tests.local.probe_functions.background import Background

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

REGION: Final = "eu-central-1"
SITE = "https://chat.example"
KEY_ID, SECRET = "AKIALOCALGATE", "local/secret+key"  # not a key of anything
KEY = "uploads/0192"
BODY = b"a small video"
SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
RULE = CorsRule((SITE,), ("GET", "HEAD", "PUT", "POST"), ("*",), ("ETag", "Location"), 600)


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    with Background() as background:
        yield background


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def endpoint(background: Background, moto_endpoint: str) -> Iterator[str]:
    credentials = Credentials(KEY_ID, SECRET)
    gate = Gate(moto_endpoint, credentials=credentials, region=REGION, cors={"chat": [RULE]})
    with background.entered(gate.serving()) as endpoint:
        yield endpoint


def s3_client(
    endpoint: str,
    *,
    region: str = REGION,
    secret: str = SECRET,
    checksums: Literal["when_required", "when_supported"] = "when_required",
) -> "S3Client":
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual"},
        request_checksum_calculation=checksums,
        response_checksum_validation="when_required",
        retries={"total_max_attempts": 1},
    )
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=secret,
        config=config,
    )


@pytest.fixture
def s3(endpoint: str, moto_endpoint: str) -> Iterator["S3Client"]:
    """A client that speaks through the gate, with a fresh versioned bucket `chat`."""
    httpx.post(f"{moto_endpoint}/moto-api/reset").raise_for_status()
    client = s3_client(endpoint)
    client.create_bucket(Bucket="chat", CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_bucket_versioning(Bucket="chat", VersioningConfiguration={"Status": "Enabled"})
    yield client
    client.close()


@pytest.fixture
def web() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client


def put_url(s3: "S3Client", key: str = KEY, **more: Any) -> str:
    params = {"ContentLength": len(BODY), "ContentType": "video/mp4", "IfNoneMatch": "*", **more}
    params = {"Bucket": "chat", "Key": key} | {k: v for k, v in params.items() if v is not None}
    return s3.generate_presigned_url("put_object", Params=params, ExpiresIn=900)


def get_url(s3: "S3Client", key: str = KEY, **more: Any) -> str:
    return s3.generate_presigned_url("get_object", Params={"Bucket": "chat", "Key": key, **more})


RIGHT = {"Content-Type": "video/mp4", "If-None-Match": "*"}


def code(response: httpx.Response) -> str:
    found = re.search(r"<Code>(\w+)</Code>.*<RequestId>[\w-]+</RequestId>", response.text, re.S)
    assert found, response.text
    assert response.headers["content-type"].startswith("application/xml")
    assert response.headers["x-amz-request-id"]
    return found[1]


def stored(s3: "S3Client") -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="chat").get("Contents", [])]


# Uploads


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


# Lengths


@contextmanager
def connected(endpoint: str) -> Iterator[tuple[socket.socket, BinaryIO]]:
    url = urlsplit(endpoint)
    address = (url.hostname or "", url.port or 0)
    with (
        socket.create_connection(address, timeout=30) as connection,
        connection.makefile("rb") as answer,
    ):
        yield connection, answer


def raw(endpoint: str, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request byte for byte; the status and all bytes of what is answered first."""
    with connected(endpoint) as (connection, answer):
        connection.sendall(head.encode() + b"\r\n" + body)
        lines = list(iter(answer.readline, b"\r\n"))
        (length,) = (int(line.split()[1]) for line in lines if line.startswith(b"Content-Length"))
        return int(lines[0].split()[1]), b"".join(lines) + answer.read(length)


def put_head(url: str, *lines: str) -> str:
    parts = urlsplit(url)
    sent = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", *lines]
    return "".join(f"{line}\r\n" for line in [*sent, *(f"{k}: {v}" for k, v in RIGHT.items())])


def test_a_body_that_breaks_off_is_not_stored(s3: "S3Client", endpoint: str) -> None:
    head = put_head(put_url(s3), f"Content-Length: {len(BODY)}")
    with connected(endpoint) as (connection, answer):
        connection.sendall(head.encode() + b"\r\n" + BODY[:5])
        connection.shutdown(socket.SHUT_WR)
        assert answer.read() == b""
    assert stored(s3) == []


def test_a_put_must_tell_its_length(s3: "S3Client", endpoint: str, web: httpx.Client) -> None:
    status, answer = raw(endpoint, put_head(put_url(s3)))
    assert (status, b"MissingContentLength" in answer) == (411, True)
    chunked = web.put(put_url(s3), content=iter([BODY]), headers=RIGHT)
    assert (chunked.status_code, code(chunked)) == (501, "NotImplemented")


def test_two_lengths_are_refused(s3: "S3Client", endpoint: str) -> None:
    lines = (f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked")
    status, _ = raw(endpoint, put_head(put_url(s3), *lines), b"d\r\n" + BODY + b"\r\n0\r\n\r\n")
    assert status in {400, 501}
    lines = (f"Content-Length: {len(BODY)}", f"Content-Length: {len(BODY) + 1}")
    assert raw(endpoint, put_head(put_url(s3), *lines), BODY)[0] == 400
    assert stored(s3) == []


def test_a_refused_request_is_refused_before_its_body(s3: "S3Client", endpoint: str) -> None:
    lines = ("Content-Length: 1000000000", "Expect: 100-continue")
    status, answer = raw(endpoint, put_head(put_url(s3), *lines))
    assert (status, b"Connection: close" in answer) == (403, True)


def test_a_client_that_waits_is_told_to_send(s3: "S3Client", endpoint: str) -> None:
    head = put_head(put_url(s3), f"Content-Length: {len(BODY)}", "Expect: 100-continue")
    with connected(endpoint) as (connection, answer):
        connection.sendall(head.encode() + b"\r\n")
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert answer.readline() == b"\r\n"
        connection.sendall(BODY)
        assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
    assert stored(s3) == [KEY]


def test_a_compressed_body_is_stored_as_it_came(s3: "S3Client", web: httpx.Client) -> None:
    body = gzip.compress(BODY)
    url = put_url(s3, ContentLength=len(body), ContentEncoding="gzip")
    headers = RIGHT | {"Content-Encoding": "gzip"}
    assert web.put(url, content=body, headers=headers).status_code == 200
    with web.stream("GET", get_url(s3)) as response:
        assert b"".join(response.iter_raw()) == body


# Digests


def test_a_signed_checksum_must_be_sent_as_signed(s3: "S3Client", web: httpx.Client) -> None:
    url = put_url(s3, ChecksumSHA256=SHA256)
    other = base64.b64encode(bytes(32)).decode()
    for headers in (RIGHT, RIGHT | {"x-amz-checksum-sha256": other}):
        response = web.put(url, content=BODY, headers=headers)
        assert (response.status_code, code(response)) == (403, "SignatureDoesNotMatch")
    good = web.put(url, content=BODY, headers=RIGHT | {"x-amz-checksum-sha256": SHA256})
    assert good.status_code == 200


@pytest.mark.parametrize(
    ("parameter", "header", "value", "expected"),
    [
        ("ChecksumSHA256", "x-amz-checksum-sha256", SHA256, "BadDigest"),
        (
            "ChecksumCRC32",
            "x-amz-checksum-crc32",
            base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode(),
            "BadDigest",
        ),
        (
            "ContentMD5",
            "content-md5",
            base64.b64encode(hashlib.md5(BODY).digest()).decode(),
            "BadDigest",
        ),
    ],
)
def test_a_body_must_have_the_digest_that_its_headers_say(
    s3: "S3Client", web: httpx.Client, parameter: str, header: str, value: str, expected: str
) -> None:
    url = put_url(s3, **{parameter: value})
    headers = RIGHT | {header: value}
    response = web.put(url, content=BODY.swapcase(), headers=headers)
    assert (response.status_code, code(response)) == (400, expected)
    assert stored(s3) == []
    assert web.put(url, content=BODY, headers=headers).status_code == 200


def test_a_value_that_is_no_digest_is_refused(s3: "S3Client", web: httpx.Client) -> None:
    headers = RIGHT | {"Content-MD5": "?"}
    response = web.put(put_url(s3), content=BODY, headers=headers)
    assert (response.status_code, code(response)) == (400, "BadDigest")


def test_a_checksum_that_the_gate_cannot_check_is_refused(
    s3: "S3Client", web: httpx.Client
) -> None:
    url = put_url(s3, ChecksumCRC64NVME="AAAAAAAAAAA=")
    headers = RIGHT | {"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}
    response = web.put(url, content=BODY, headers=headers)
    assert (response.status_code, code(response)) == (501, "NotImplemented")


# Reads


@pytest.fixture
def version_id(s3: "S3Client") -> str:
    first = s3.put_object(Bucket="chat", Key=KEY, Body=BODY, ContentType="video/mp4")["VersionId"]
    s3.put_object(Bucket="chat", Key=KEY, Body=b"a later version")
    return first


def test_a_read_gets_the_named_version_with_the_signed_headers(
    s3: "S3Client", web: httpx.Client, version_id: str
) -> None:
    name = "attachment; filename*=UTF-8''a%20b%2Bc.mp4"
    url = get_url(s3, VersionId=version_id, ResponseContentDisposition=name)
    response = web.get(url)
    assert (response.status_code, response.content) == (200, BODY)
    assert response.headers["content-disposition"] == name
    assert web.get(url.replace("attachment", "inline")).status_code == 403
    assert web.get(url.replace(f"versionId={version_id}", "versionId=other")).status_code == 403
    assert web.head(url).status_code == 403  # signed for GET


def test_a_range_is_read(s3: "S3Client", web: httpx.Client, version_id: str) -> None:
    url = get_url(s3, VersionId=version_id)
    part = web.get(url, headers={"Range": "bytes=2-6"})
    assert (part.status_code, part.content) == (206, BODY[2:7])
    assert part.headers["content-range"] == f"bytes 2-6/{len(BODY)}"
    beyond = web.get(url, headers={"Range": "bytes=1000-"})
    assert (beyond.status_code, code(beyond)) == (416, "InvalidRange")


def test_an_unsigned_read_is_refused(endpoint: str, web: httpx.Client, version_id: str) -> None:
    response = web.get(f"{endpoint}/chat/{KEY}?versionId={version_id}")
    assert (response.status_code, code(response)) == (403, "AccessDenied")
    assert web.head(f"{endpoint}/chat/{KEY}").content == b""


@pytest.mark.parametrize(
    "key",
    ["a b", "é/ü", "a+b%20", "a//b", "~!*'()", "a&b=c?d#e", "%2e%2e", "\U0001f600", "_x/y_z"],
)
def test_a_key_is_the_same_for_every_kind_of_request(
    s3: "S3Client", web: httpx.Client, key: str
) -> None:
    assert web.put(put_url(s3, key), content=BODY, headers=RIGHT).status_code == 200
    assert stored(s3) == [key]
    assert web.get(get_url(s3, key)).content == BODY
    assert s3.get_object(Bucket="chat", Key=key)["Body"].read() == BODY


# Multipart


def part_url(s3: "S3Client", operation: str, upload_id: str, key: str = KEY, **more: Any) -> str:
    params = {"Bucket": "chat", "Key": key, "UploadId": upload_id, **more}
    return s3.generate_presigned_url(operation, Params=params)


@pytest.fixture
def upload_id(s3: "S3Client", web: httpx.Client) -> str:
    params = {"Bucket": "chat", "Key": KEY, "ContentType": "video/mp4"}
    url = s3.generate_presigned_url("create_multipart_upload", Params=params)
    response = web.post(url, headers={"Content-Type": "video/mp4"})
    found = re.search("<UploadId>(.+)</UploadId>", response.text)
    assert found, response.text
    return found[1]


def complete_body(*etags: str) -> str:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags, 1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"


def test_a_multipart_upload_is_put_together(
    s3: "S3Client", endpoint: str, web: httpx.Client, upload_id: str
) -> None:
    sizes = (5 * 1024**2, 1000)
    etags = []
    for number, size in enumerate(sizes, 1):
        url = part_url(s3, "upload_part", upload_id, PartNumber=number, ContentLength=size)
        for wrong in (size + 1, size - 1):
            assert web.put(url, content=bytes(wrong)).status_code == 403
        response = web.put(url, content=bytes(size), headers={"Origin": SITE})
        assert response.headers["access-control-expose-headers"] == "ETag, Location"
        etags.append(response.headers["etag"])
    listed = web.get(part_url(s3, "list_parts", upload_id))
    assert "<ListPartsResult " in listed.text  # clients in browsers look for this name
    assert re.findall(r"<Size>(\d+)</Size>", listed.text) == [str(size) for size in sizes]
    complete = part_url(s3, "complete_multipart_upload", upload_id)
    for _ in range(2):  # a client whose answer was lost asks again
        response = web.post(complete, content=complete_body(*etags))
        assert response.status_code == 200
        assert f"<Location>{endpoint}/chat/{KEY}</Location>" in response.text
    assert s3.head_object(Bucket="chat", Key=KEY)["ContentLength"] == sum(sizes)


def test_an_aborted_upload_is_gone(s3: "S3Client", web: httpx.Client, upload_id: str) -> None:
    assert web.delete(part_url(s3, "abort_multipart_upload", upload_id)).status_code == 204
    steps: dict[str, tuple[str, dict[str, Any]]] = {
        "upload_part": ("PUT", {"PartNumber": 1}),
        "list_parts": ("GET", {}),
        "abort_multipart_upload": ("DELETE", {}),
        "complete_multipart_upload": ("POST", {}),
    }
    for operation, (method, more) in steps.items():
        url = part_url(s3, operation, upload_id, **more)
        response = web.request(method, url, content=complete_body('"x"') * (method == "POST"))
        assert (response.status_code, code(response)) == (404, "NoSuchUpload")


def test_an_upload_belongs_to_its_key(s3: "S3Client", web: httpx.Client, upload_id: str) -> None:
    operations = [
        ("upload_part", "PUT", b"x", {"PartNumber": 1}),
        ("list_parts", "GET", b"", {}),
        ("complete_multipart_upload", "POST", complete_body('"x"').encode(), {}),
        ("abort_multipart_upload", "DELETE", b"", {}),
    ]
    for operation, method, body, more in operations:
        url = part_url(s3, operation, upload_id, "uploads/another", **more)
        response = web.request(method, url, content=body)
        assert (response.status_code, code(response)) == (404, "NoSuchUpload")
    assert web.get(part_url(s3, "list_parts", upload_id)).status_code == 200


def test_a_signed_part_is_of_one_upload_and_number(
    s3: "S3Client", web: httpx.Client, upload_id: str
) -> None:
    url = part_url(s3, "upload_part", upload_id, PartNumber=1, ContentLength=1)
    assert web.put(url.replace("partNumber=1", "partNumber=2"), content=b"x").status_code == 403
    assert web.put(url.replace(quote(upload_id), "another"), content=b"x").status_code == 403


# Copies


def test_a_copy_takes_no_place_that_is_taken(s3: "S3Client") -> None:
    for key, body in (("uploads/a", b"a"), ("uploads/b", b"b")):
        s3.put_object(Bucket="chat", Key=key, Body=body)

    def copy(source: str, **condition: Any) -> None:
        where: CopySourceTypeDef = {"Bucket": "chat", "Key": source}
        s3.copy_object(Bucket="chat", Key="uploads/copy", CopySource=where, **condition)

    copy("uploads/a", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        copy("uploads/b", IfNoneMatch="*")
    assert s3.get_object(Bucket="chat", Key="uploads/copy")["Body"].read() == b"a"
    copy("uploads/b")
    assert s3.get_object(Bucket="chat", Key="uploads/copy")["Body"].read() == b"b"


# CORS


def preflight(web: httpx.Client, url: str, **headers: str) -> httpx.Response:
    asked = {f"Access-Control-Request-{name}": value for name, value in headers.items()}
    return web.options(url, headers={"Origin": asked.pop("Access-Control-Request-Origin")} | asked)


def test_a_listed_site_may_ask(s3: "S3Client", web: httpx.Client) -> None:
    asked = "content-type,if-none-match,x-amz-checksum-sha256"
    response = preflight(web, put_url(s3), Origin=SITE, Method="PUT", Headers=asked)
    assert response.status_code == 200
    found = {name: response.headers[f"access-control-{name}"] for name in CORS_ANSWER}
    assert found == CORS_ANSWER


CORS_ANSWER = {
    "allow-origin": SITE,
    "allow-methods": "GET, HEAD, PUT, POST",
    "allow-headers": "content-type, if-none-match, x-amz-checksum-sha256",
    "expose-headers": "ETag, Location",
    "max-age": "600",
}


@pytest.mark.parametrize(
    ("bucket", "origin", "method"),
    [("chat", "https://evil.example", "PUT"), ("chat", SITE, "DELETE"), ("other", SITE, "PUT")],
)
def test_nobody_else_may_ask(
    endpoint: str, web: httpx.Client, bucket: str, origin: str, method: str
) -> None:
    response = preflight(web, f"{endpoint}/{bucket}/{KEY}", Origin=origin, Method=method)
    assert (response.status_code, code(response)) == (403, "AccessForbidden")
    assert "access-control-allow-origin" not in response.headers


def test_a_preflight_request_must_say_who_asks(endpoint: str, web: httpx.Client) -> None:
    assert code(web.options(f"{endpoint}/chat/{KEY}")) == "AccessForbidden"


def test_a_listed_site_can_read_every_answer(s3: "S3Client", web: httpx.Client) -> None:
    s3.put_bucket_cors(  # moto's own rules do not count
        Bucket="chat",
        CORSConfiguration={
            "CORSRules": [{"AllowedOrigins": ["https://other.example"], "AllowedMethods": ["GET"]}]
        },
    )
    headers = RIGHT | {"Origin": SITE}
    answers = [
        web.put(put_url(s3), content=BODY, headers=headers),
        web.put(put_url(s3), content=BODY, headers=headers),
        web.put(put_url(s3), content=b"", headers=headers),
        web.get(get_url(s3, "none"), headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [200, 412, 403, 404]
    for answer in answers:
        assert answer.headers.get_list("access-control-allow-origin") == [SITE]
        assert "Origin" in answer.headers["vary"]
    stranger = web.get(get_url(s3), headers={"Origin": "https://evil.example"})
    assert stranger.status_code == 200
    assert "access-control-allow-origin" not in stranger.headers


def rule(*origins: str, headers: tuple[str, ...] = ()) -> CorsRule:
    return CorsRule(origins, ("GET",), headers, (), 0)


def test_a_rule_has_at_most_one_wildcard_a_pattern() -> None:
    some = rule("https://*.chat.example", "http://127.0.0.1:*", headers=("X-Amz-*", "range"))
    assert some.allows("https://a.chat.example", "GET", ["x-amz-date", "range"])
    assert some.allows("http://127.0.0.1:8000", "GET", [])
    assert not some.allows("https://chat.example", "GET", [])
    assert not some.allows("https://a.chat.example.evil", "GET", [])
    assert not some.allows("https://a.chat.example", "GET", ["content-type"])


# The SDK


def test_the_sdk_works_through_the_gate(s3: "S3Client") -> None:
    first = s3.put_object(Bucket="chat", Key=KEY, Body=BODY, Metadata={"a": "b  c"})
    assert s3.head_object(Bucket="chat", Key=KEY)["ContentLength"] == len(BODY)
    assert s3.get_object(Bucket="chat", Key=KEY, Range="bytes=0-1")["Body"].read() == BODY[:2]
    s3.delete_object(Bucket="chat", Key=KEY)
    versions = s3.list_object_versions(Bucket="chat", Prefix=KEY)
    assert [item["VersionId"] for item in versions["Versions"]] == [first["VersionId"]]
    assert len(versions["DeleteMarkers"]) == 1
    found = [
        {"Key": item["Key"], "VersionId": item["VersionId"]}
        for item in (*versions["Versions"], *versions["DeleteMarkers"])
    ]
    deleted = s3.delete_objects(Bucket="chat", Delete={"Objects": found})  # type: ignore[typeddict-item]
    assert len(deleted["Deleted"]) == 2
    assert "Versions" not in s3.list_object_versions(Bucket="chat")


def test_the_checksums_that_the_sdk_adds_by_itself_are_checked(
    s3: "S3Client", endpoint: str
) -> None:
    with closing(s3_client(endpoint, checksums="when_supported")) as checking:
        checking.put_object(Bucket="chat", Key=KEY, Body=BODY)
        with pytest.raises(ClientError, match="BadDigest"):
            checking.put_object(Bucket="chat", Key="b", Body=BODY, ChecksumCRC32="AAAAAA==")
    assert stored(s3) == [KEY]


def test_an_object_of_no_type_has_the_type_that_s3_gives(s3: "S3Client") -> None:
    s3.put_object(Bucket="chat", Key=KEY, Body=BODY)
    assert s3.head_object(Bucket="chat", Key=KEY)["ContentType"] == "binary/octet-stream"


def test_dots_in_a_key_are_letters(s3: "S3Client") -> None:
    s3.put_object(Bucket="chat", Key="a/./../b", Body=BODY)
    assert stored(s3) == ["a/./../b"]


def test_a_body_like_a_call_of_another_service_is_a_body(s3: "S3Client", web: httpx.Client) -> None:
    body, form = (
        b"Action=AssumeRoleWithSAML&Version=2011-06-15",
        "application/x-www-form-urlencoded",
    )
    url = put_url(s3, ContentLength=len(body), ContentType=form)
    assert web.put(url, content=body, headers=RIGHT | {"Content-Type": form}).status_code == 200
    assert stored(s3) == [KEY]


def test_a_bucket_as_host_is_not_served(s3: "S3Client", endpoint: str, web: httpx.Client) -> None:
    port = urlsplit(endpoint).port
    with closing(s3_client(f"http://localhost:{port}")) as virtual:
        url = urlsplit(put_url(virtual))
    assert url.netloc == f"chat.localhost:{port}"
    headers = RIGHT | {"Host": url.netloc}
    response = web.put(f"{endpoint}{url.path}?{url.query}", content=BODY, headers=headers)
    assert (response.status_code, code(response)) == (404, "NoSuchBucket")
    assert stored(s3) == []


def test_the_sdk_reads_the_refusals(s3: "S3Client", endpoint: str) -> None:
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="chat", Key="none")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="chat", Key="none")
    with (
        closing(s3_client(endpoint, secret="another")) as foreign,
        pytest.raises(ClientError, match="SignatureDoesNotMatch"),
    ):
        foreign.get_object(Bucket="chat", Key=KEY)


def test_a_large_body_passes_whole(s3: "S3Client", web: httpx.Client) -> None:
    body = bytes(range(256)) * 20_000  # more than stays in memory
    s3.put_object(Bucket="chat", Key=KEY, Body=body)
    assert web.get(get_url(s3)).content == body


# The signature alone, by AWS's published examples and by the clock

EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_TIME = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = hashlib.sha256(b"").hexdigest()


def example(
    target: str, headers: dict[str, str], method: str = "GET", *, after: timedelta = timedelta()
) -> None:
    head = Head.parse(method, target, {"Host": "examplebucket.s3.amazonaws.com", **headers}.items())
    verify(head, credentials=EXAMPLE, region="us-east-1", now=EXAMPLE_TIME + after)


def example_headers(signed: str, signature: str, payload: str = EMPTY) -> dict[str, str]:
    credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    return {
        "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": payload,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential},"
        f"SignedHeaders={signed},Signature={signature}",
    }


GET_OBJECT = {"Range": "bytes=0-9"} | example_headers(
    "host;range;x-amz-content-sha256;x-amz-date",
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
)
PRESIGNED = (
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


def test_the_published_get_object_example_is_accepted() -> None:
    example("/test.txt", GET_OBJECT)


def test_the_published_put_object_example_is_accepted() -> None:
    payload = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
    headers = {
        "Date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    } | example_headers(
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        payload,
    )
    example("/test$file.text", headers, "PUT")


@pytest.mark.parametrize(
    ("target", "signature"),
    [
        ("/?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "/?prefix=J&max-keys=2",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_published_bucket_examples_are_accepted(target: str, signature: str) -> None:
    example(target, example_headers("host;x-amz-content-sha256;x-amz-date", signature))


def test_the_published_presigned_example_is_accepted_until_it_expires() -> None:
    example(PRESIGNED, {})
    example(PRESIGNED, {}, after=timedelta(days=1))
    with pytest.raises(RefusalError, match="AccessDenied"):
        example(PRESIGNED, {}, after=timedelta(days=1, seconds=1))


def test_a_clock_may_differ_by_fifteen_minutes() -> None:
    a_little, too_much = timedelta(minutes=15), timedelta(minutes=15, seconds=1)
    example(PRESIGNED, {}, after=-a_little)
    with pytest.raises(RefusalError, match="AccessDenied"):
        example(PRESIGNED, {}, after=-too_much)
    for sign in (-1, 1):
        example("/test.txt", GET_OBJECT, after=sign * a_little)
        with pytest.raises(RefusalError, match="AccessDenied"):
            example("/test.txt", GET_OBJECT, after=sign * too_much)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("=86400", "=604801"),
        ("=86400", "=-1"),
        ("=86400", "=soon"),
        ("us-east-1", "eu-west-1"),
        ("%2Fs3%2F", "%2Fsqs%2F"),
        ("%2F20130524%2F", "%2F20130523%2F"),
        ("20130524T000000Z", "yesterday"),
        ("&X-Amz-Expires=86400", ""),
    ],
)
def test_malformed_query_authentication_is_refused(old: str, new: str) -> None:
    with pytest.raises(RefusalError, match="AuthorizationQueryParametersError"):
        example(PRESIGNED.replace(old, new), {})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Range": "bytes=0-99"}, "SignatureDoesNotMatch"),
        ({"Host": "examplebucket.s3.amazonaws.com:8080"}, "SignatureDoesNotMatch"),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "SignatureDoesNotMatch"),
        ({"x-amz-acl": "public-read"}, "AccessDenied"),
        ({"Authorization": "AWS AKIAIOSFODNN7EXAMPLE:x"}, "AccessDenied"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, "AuthorizationHeaderMalformed"),
        (
            {"Authorization": GET_OBJECT["Authorization"].replace("AKIA", "AKIB")},
            "InvalidAccessKeyId",
        ),
        (
            {"Authorization": GET_OBJECT["Authorization"].replace("host;", "")},
            "SignatureDoesNotMatch",
        ),
    ],
)
def test_an_altered_header_signed_request_is_refused(change: dict[str, str], expected: str) -> None:
    with pytest.raises(RefusalError, match=expected):
        example("/test.txt", GET_OBJECT | change)


@pytest.mark.parametrize("target", ["*", "/a?b=1&b=2", "/a#b"])
def test_a_target_that_cannot_be_read_is_refused(target: str) -> None:
    with pytest.raises(RefusalError, match="InvalidURI"):
        example(target, GET_OBJECT)
