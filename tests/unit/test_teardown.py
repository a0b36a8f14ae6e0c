"""`make teardown`: everything of a stage goes, and nothing of prod."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from deployment.teardown import TeardownError, bucket_of, empty, stack_name

VERSIONED = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "files-of-dev"}}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account with the stack of dev, two versions of one object in it, and a delete marker."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        template = json.dumps({"Resources": {"Files": VERSIONED}})
        boto3.client("cloudformation").create_stack(
            StackName=stack_name("dev"), TemplateBody=template
        )
        s3 = boto3.client("s3")
        versioning: Any = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket="files-of-dev", VersioningConfiguration=versioning)
        for body in (b"one", b"two"):
            s3.put_object(Bucket="files-of-dev", Key="uploads/x", Body=body)
        s3.delete_object(Bucket="files-of-dev", Key="uploads/x")
        yield s3


def test_every_version_and_delete_marker_goes(s3: Any) -> None:
    assert empty(bucket_of(stack_name("dev"))) == 3
    left = s3.list_object_versions(Bucket="files-of-dev")
    assert "Versions" not in left
    assert "DeleteMarkers" not in left


def test_an_empty_bucket_stays_as_it_is(s3: Any) -> None:
    empty("files-of-dev")
    assert empty("files-of-dev") == 0


def test_a_stack_that_is_not_there_is_an_error(s3: Any) -> None:
    with pytest.raises(ClientError):
        bucket_of(stack_name("staging"))


@pytest.mark.parametrize("stage", ["prod", "default", "nowhere"])
def test_prod_and_what_is_no_stage_are_refused(stage: str) -> None:
    with pytest.raises(TeardownError):
        stack_name(stage)
