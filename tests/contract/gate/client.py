"""A client of the gate, and what it signs."""

import base64
import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal
from urllib.parse import urlsplit

import boto3
import httpx
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSRuleTypeDef


REGION: Final = "eu-central-1"
SITE = "https://chat.example"
KEY_ID, SECRET = "AKIALOCALGATE", "local/secret+key"  # not a key of anything
KEY = "uploads/0192"
BODY = b"a small video"
SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
RULE: "CORSRuleTypeDef" = {
    "AllowedOrigins": [SITE],
    "AllowedMethods": ["GET", "HEAD", "PUT", "POST"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", "Location"],
    "MaxAgeSeconds": 600,
}


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
