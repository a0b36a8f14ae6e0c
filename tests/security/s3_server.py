"""A server that speaks S3, and requests to it exactly as they stand on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import httpx

from attachments.storage import SignedRequest, Storage
from attachments.wiring import SIGV4

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
BUCKET = "files"
SITE = "https://chat.example"  # from which a browser may speak to the bucket


def client_of(endpoint: str, access_key: str, secret_key: str) -> "S3Client":
    """A client that signs as the deployed functions' client does."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=SIGV4,
    )


@dataclass(frozen=True)
class S3Server:
    """A server with an empty versioned bucket; `storage` is the code whose URLs are judged."""

    name: str
    endpoint: str
    access_key: str
    client: "S3Client"
    web: httpx.Client

    @property
    def storage(self) -> Storage:
        return Storage(self.client, bucket=BUCKET)

    def send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer to a request whose path and query nobody has tidied up."""
        parts = urlsplit(url)
        return self.web.request(
            method,
            f"{parts.scheme}://{parts.netloc}/",
            content=body if body or method == "PUT" else None,
            headers=dict(headers or {}),
            extensions={"target": f"{parts.path}?{parts.query}".rstrip("?").encode()},
        )

    def put(self, signed: SignedRequest, body: bytes, **change: str | None) -> httpx.Response:
        """Send an upload; `change` has headers that differ from the signed ones, None for left out.

        `x_amz_acl` stands for `x-amz-acl`.
        """
        changed = {name.replace("_", "-").lower(): value for name, value in change.items()}
        headers = {name.lower(): value for name, value in signed.headers.items()} | changed
        sent = {name: value for name, value in headers.items() if value is not None}
        return self.send(signed.method, signed.url, body, sent)

    def step(self, signed: SignedRequest, body: bytes = b"") -> httpx.Response:
        """The answer to a request exactly as it was signed."""
        return self.send(signed.method, signed.url, body, signed.headers)

    def stored(self, part_of_key: str) -> list[str]:
        """The keys of all versions of all objects whose keys contain this."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
        found = [version["Key"] for page in pages for version in page.get("Versions", [])]
        return [key for key in found if part_of_key in key]
