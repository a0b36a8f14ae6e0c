"""A body has the length and the digest that its headers say."""

import base64
import gzip
import hashlib
import socket
import zlib
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.contract.gate.client import (
    BODY,
    KEY,
    RIGHT,
    SHA256,
    code,
    connected,
    get_url,
    put_head,
    put_url,
    raw,
    stored,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# Lengths


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
