"""`make teardown`, its first half: a bucket with versions must be empty before its stack can go."""

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).parents[1]
KEPT = "prod"
BUCKET = "Files"


class TeardownError(Exception):
    """Nothing was deleted; the message says why."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deployment.teardown", description=__doc__)
    parser.add_argument("--stage", required=True)
    arguments = parser.parse_args()
    try:
        stack = stack_name(arguments.stage)
        bucket = bucket_of(stack)
        print(f"Emptying {bucket}", flush=True)
        print(f"{empty(bucket)} versions and delete markers are gone.")
    except (TeardownError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def stack_name(stage: str) -> str:
    """As samconfig.toml has it. Raises TeardownError for prod, and for what is no stage."""
    if stage == KEPT:
        raise TeardownError("prod is kept. Delete it by hand if you mean it: sam delete.")
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    if "deploy" not in config.get(stage, {}):
        raise TeardownError(f"samconfig.toml has no stage {stage}.")
    name: str = config[stage]["deploy"]["parameters"]["stack_name"]
    return name


def bucket_of(stack: str) -> str:
    """The bucket that a stack made. Raises ClientError where there is no such stack."""
    cloudformation = boto3.client("cloudformation")
    answer = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=BUCKET)
    return str(answer["StackResourceDetail"]["PhysicalResourceId"])


def empty(bucket: str) -> int:
    """Remove every version and delete marker for good, a thousand a request; how many there were.

    Raises TeardownError for what S3 does not remove.
    """
    s3: Any = boto3.client("s3")
    removed = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
        if found:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
            if answer.get("Errors"):
                raise TeardownError(f"S3 did not remove all of {bucket}: {answer['Errors'][0]}")
            removed += len(found)
    return removed


if __name__ == "__main__":
    sys.exit(main())
