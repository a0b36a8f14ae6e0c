"""`make teardown`, its first half: buckets must be empty before their stack can go."""

import argparse
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deployment import stacks

KEPT = "prod"
BUCKETS = ("Files", "DashboardFiles")  # the second where the stack serves the dashboard


class TeardownError(Exception):
    """Nothing was deleted; the message says why."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deployment.teardown", description=__doc__)
    parser.add_argument("--stage", required=True)
    arguments = parser.parse_args()
    try:
        stack = stack_name(arguments.stage)
        for bucket in buckets_of(stack):
            print(f"Emptying {bucket}", flush=True)
            print(f"{empty(bucket)} versions and delete markers are gone.")
    except (TeardownError, stacks.UnknownStackError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def stack_name(stage: str) -> str:
    """As samconfig.toml has it. Raises TeardownError for prod, and for what is no stage."""
    if stage == KEPT:
        raise TeardownError("prod is kept. Delete it by hand if you mean it: sam delete.")
    try:
        return stacks.stages()[stage]
    except KeyError as error:
        raise TeardownError(f"samconfig.toml has no stage {stage}.") from error


def buckets_of(stack: str) -> list[str]:
    """The buckets of a stack that still stand. Raises UnknownStackError."""
    resources = stacks.of(stack).resources
    return [resources[name] for name in BUCKETS if name in resources]


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
