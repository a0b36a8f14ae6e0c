"""Uploads in parts."""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from tests.contract.gate.client import KEY, SITE, code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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
