"""`make teardown`: everything of a stage goes, and nothing of prod."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from deployment.stacks import UnknownStackError
from deployment.teardown import TeardownError, buckets_of, empty, main, stack_name


def bucket(name: str) -> dict[str, object]:
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}


def create_stack(stage: str, resources: dict[str, dict[str, object]]) -> None:
    template = json.dumps({"Resources": resources})
    boto3.client("cloudformation").create_stack(StackName=stack_name(stage), TemplateBody=template)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account with the stack of dev, two versions of one object in it, and a delete marker."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        create_stack("dev", {"Files": bucket("files-of-dev")})
        s3 = boto3.client("s3")
        versioning: Any = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket="files-of-dev", VersioningConfiguration=versioning)
        for body in (b"one", b"two"):
            s3.put_object(Bucket="files-of-dev", Key="uploads/x", Body=body)
        s3.delete_object(Bucket="files-of-dev", Key="uploads/x")
        yield s3


def test_every_version_and_delete_marker_goes(s3: Any) -> None:
    assert buckets_of(stack_name("dev")) == ["files-of-dev"]
    assert empty("files-of-dev") == 3
    left = s3.list_object_versions(Bucket="files-of-dev")
    assert "Versions" not in left
    assert "DeleteMarkers" not in left


def test_the_dashboards_bucket_is_emptied_too(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    resources = {
        "Files": bucket("files"),
        "Other": bucket("other"),
        "DashboardFiles": bucket("pages"),
    }
    create_stack("staging", resources)
    s3.put_object(Bucket="pages", Key="index.html", Body=b"<!doctype html>")
    monkeypatch.setattr("sys.argv", ["teardown", "--stage", "staging"])
    assert main() == 0
    assert "Contents" not in s3.list_objects_v2(Bucket="pages")
    assert sorted(buckets_of(stack_name("staging"))) == ["files", "pages"]


def test_an_empty_bucket_stays_as_it_is(s3: Any) -> None:
    empty("files-of-dev")
    assert empty("files-of-dev") == 0


def test_a_stack_that_is_not_there_is_an_error(s3: Any) -> None:
    with pytest.raises(UnknownStackError):
        buckets_of(stack_name("staging"))


@pytest.mark.parametrize("stage", ["prod", "default", "nowhere"])
def test_prod_and_what_is_no_stage_are_refused(stage: str) -> None:
    with pytest.raises(TeardownError):
        stack_name(stage)
