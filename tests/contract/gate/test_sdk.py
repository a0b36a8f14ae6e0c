"""The SDK through the gate."""

from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.contract.gate.client import BODY, KEY, RIGHT, code, get_url, put_url, s3_client, stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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
