"""A download URL serves one version of one file, under one type and name, and nothing else."""

import re
from datetime import timedelta

import pytest

from tests.security.s3_server import BUCKET, S3Server
from tests.security.signed import (
    BODY,
    DISPOSITION,
    FORGED,
    LIFE_S,
    TYPE,
    altered_signature,
    code,
    signed_get,
    signing_at,
)


@pytest.fixture
def versions(server: S3Server, key: str) -> tuple[str, str]:
    """The older and the newer version of one object."""
    older, newer = (
        server.client.put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
        for body in (BODY, FORGED)
    )
    return older, newer


def test_a_download_is_of_its_version_under_its_type_and_name(
    server: S3Server, key: str, versions: tuple[str, str]
) -> None:
    for version_id, body in ((versions[0], BODY), (versions[1], FORGED), (None, FORGED)):
        answer = server.send("GET", signed_get(server, key, version_id))
        assert (answer.status_code, answer.content) == (200, body)
        assert answer.headers["content-type"] == TYPE
        assert answer.headers["content-disposition"] == DISPOSITION
        assert "set-cookie" not in answer.headers


def test_a_range_of_a_download_is_served_under_its_type_and_name(
    server: S3Server, key: str, versions: tuple[str, str]
) -> None:
    url = signed_get(server, key, versions[0])
    answer = server.send("GET", url, headers={"Range": "bytes=2-6"})
    assert (answer.status_code, answer.content) == (206, BODY[2:7])
    assert answer.headers["content-range"] == f"bytes 2-6/{len(BODY)}"
    assert answer.headers["content-type"] == TYPE
    assert answer.headers["content-disposition"] == DISPOSITION
    beyond = server.send("GET", url, headers={"Range": "bytes=99-"})
    assert (beyond.status_code, code(beyond)) == (416, "InvalidRange")


OTHER_DOWNLOADS = {
    "another type": (r"video%2Fmp4", "text%2Fhtml"),
    "no type": (r"response-content-type=[^&]*&", ""),
    "another disposition": (r"inline", "attachment"),
    "another name": (r"holiday", "work"),
    "no disposition": (r"response-content-disposition=[^&]*&", ""),
    "another override": (r"$", "&response-content-language=de"),
    "no version": (r"versionId=[^&]*&", ""),
    "the access list": (r"$", "&acl"),
    "the tags": (r"$", "&tagging"),
    "another key": (r"(?<=uploads/)", "other-"),
    "the bucket": (r"/uploads/[^?]*", ""),
    "a longer life": (f"X-Amz-Expires={LIFE_S}", f"X-Amz-Expires={LIFE_S + 1}"),
    "no signature": (r"&X-Amz-Signature=\w+", ""),
    "no query": (r"\?.*", ""),
}


@pytest.mark.parametrize(("old", "new"), OTHER_DOWNLOADS.values(), ids=OTHER_DOWNLOADS)
def test_a_download_other_than_signed_is_refused(
    server: S3Server, key: str, versions: tuple[str, str], old: str, new: str
) -> None:
    url = signed_get(server, key, versions[0])
    other = re.sub(old, new, url, count=1)
    assert other != url
    refuses_but_serves(server, other, url)


def test_a_download_of_another_version_is_refused(
    server: S3Server, key: str, versions: tuple[str, str]
) -> None:
    url = signed_get(server, key, versions[0])
    refuses_but_serves(server, url.replace(versions[0], versions[1]), url)


def test_a_download_with_an_altered_signature_is_refused(
    server: S3Server, key: str, versions: tuple[str, str]
) -> None:
    url = signed_get(server, key, versions[0])
    refuses_but_serves(server, altered_signature(url), url)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST", "DELETE"])
def test_a_download_url_serves_for_nothing_else(
    server: S3Server, key: str, versions: tuple[str, str], method: str
) -> None:
    url = signed_get(server, key, versions[0])
    refuses_but_serves(server, url, url, method)
    assert len(server.stored(key)) == 2


def test_a_download_is_refused_from_the_moment_that_it_expires(
    server: S3Server, key: str, versions: tuple[str, str]
) -> None:
    with signing_at(timedelta(seconds=-LIFE_S - 1)):
        expired = signed_get(server, key, versions[0])
    with signing_at(timedelta(seconds=-LIFE_S + 30)):
        nearly = signed_get(server, key, versions[0])
    refuses_but_serves(server, expired, nearly)


def refuses_but_serves(server: S3Server, other: str, url: str, method: str = "GET") -> None:
    refused = server.send(method, other)
    assert refused.status_code == 403
    assert BODY not in refused.content
    assert server.send("GET", url).content == BODY
