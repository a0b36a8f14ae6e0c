"""The dashboard in a bucket: what a browser gets from there."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from dashboard import publish
from deployment.stacks import UnknownStackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

OUTPUTS = {"DashboardBucket": "pages", "ApiUrl": "https://api.example", "DashboardUrl": "https://d"}


@pytest.fixture
def s3() -> "Iterator[S3Client]":
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="pages")
        yield client


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-abc.js").write_text("export {}")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "index.html").write_text("<!doctype html>")
    return tmp_path


def test_files_have_their_types_and_only_named_by_hash_they_last(
    s3: "S3Client", built: Path
) -> None:
    publish.publish(built, OUTPUTS, s3)
    seen = {}
    for entry in s3.list_objects_v2(Bucket="pages")["Contents"]:
        head = s3.head_object(Bucket="pages", Key=entry["Key"])
        seen[entry["Key"]] = (head["ContentType"], "immutable" in head["CacheControl"])
    assert seen == {
        "assets/index-abc.js": ("text/javascript; charset=utf-8", True),
        "config.json": ("application/json", False),
        "icon.svg": ("image/svg+xml", False),
        "index.html": ("text/html; charset=utf-8", False),
    }
    config = s3.get_object(Bucket="pages", Key="config.json")["Body"].read()
    assert config == b'{"api": "https://api.example"}'


def test_the_page_comes_after_what_it_names(built: Path) -> None:
    names = [name for name, *_ in publish.files_of(built, "https://api.example")]
    assert names[-1] == "index.html"


def test_what_is_no_build_is_told_before_anything_is_put(s3: "S3Client", tmp_path: Path) -> None:
    with pytest.raises(publish.PublishError, match=r"no index\.html"):
        publish.publish(tmp_path, OUTPUTS, s3)
    assert s3.list_objects_v2(Bucket="pages")["KeyCount"] == 0


def test_a_stack_that_is_not_there_and_one_without_a_dashboard_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        with pytest.raises(UnknownStackError, match="There is no stack ghost"):
            publish.outputs_of("ghost")
        template = json.dumps({"Resources": {"Files": {"Type": "AWS::S3::Bucket"}}})
        boto3.client("cloudformation").create_stack(StackName="plain", TemplateBody=template)
        with pytest.raises(publish.PublishError, match="plain has no dashboard"):
            publish.outputs_of("plain")
