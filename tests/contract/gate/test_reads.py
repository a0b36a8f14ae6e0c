"""Reads and copies, of the version that was named."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.contract.gate.client import BODY, KEY, RIGHT, code, get_url, put_url, stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef


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
