"""All that tables and bucket hold, without what differs from run to run: ids, times, signatures."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from attachments import wiring
from attachments.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
ANY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# What an id, a time or the number of tries decides.
PASSING = frozenset({"revision", "day_shard", "due_shard", "sort", "ttl"})
State = dict[str, list[str]]


@cache
def outside_s3() -> "S3Client":
    """A client that is none of the functions'."""
    return boto3.client("s3")


@dataclass(frozen=True)
class Stores:
    """Tables and bucket, looked at from outside."""

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    settings: Settings

    @classmethod
    def wired(cls) -> "Stores":
        """Those that the functions of this process use."""
        return cls(wiring.dynamodb(), outside_s3(), wiring.settings())

    def state(self, *, once: Collection[str] = (), perhaps: Collection[str] = ()) -> State:
        """Sorted texts, store by store.

        An attachment is called by its file name. Entries of the actions in `once` are counted once
        for each attachment, because an act that is repeated logs them again; one entry of those in
        `perhaps` is passed over.
        """
        records = list(self.rows(self.settings.attachments_table))
        labels = {record["id"]: f"<{record['file_name']}>" for record in records}
        versions = list(self.versions())
        present = {version["VersionId"] for version in versions}

        def text(value: Any) -> str:
            said = json.dumps(value, sort_keys=True, default=str)
            said = ANY_ID.sub(lambda match: labels.get(match[0], "<an id>"), said)
            return INSTANT.sub("<a time>", said)

        return {
            "attachments": sorted(text(_record(record, present)) for record in records),
            "chat": sorted(text(_lasting(row)) for row in self.rows(self.settings.chat_table)),
            "activity": sorted(self._activity(text, once, perhaps)),
            "guards": sorted(
                text(_lasting(row))
                for row in self.rows(self.settings.guards_table)
                if row["pk"].startswith("idempotency#")
            ),
            "bucket": sorted(
                text([version["Key"], version.get("ETag", "a delete marker")])
                for version in versions
            ),
        }

    def versions(self) -> Iterator[dict[str, Any]]:
        """Every version and delete marker in the bucket."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.settings.bucket)
        for page in pages:
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                yield dict(version)

    def _activity(
        self, text: Any, once: Collection[str], perhaps: Collection[str]
    ) -> Iterator[str]:
        counted = Counter(
            (str(entry["action"]), text(_told(entry)))
            for entry in self.rows(self.settings.activity_table)
        )
        for (action, entry), number in counted.items():
            if action in once:
                yield entry
            elif action not in perhaps or number > 1:
                yield from [entry] * number

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Every item of a table."""
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                yield dict(item)


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    """What an activity entry tells. A deletion that was cut off is finished by the sweep, in its
    own name."""
    kept = ("action", "attachment_id", "message_id", "admin_override")
    by = "" if entry["action"] == "file_deleted" else entry["user_id"]
    return {name: entry[name] for name in kept} | {"by": by}


def _lasting(row: dict[str, Any]) -> dict[str, Any]:
    """Without what passes; whether it has a deadline and an end still shows."""
    kept = {name: value for name, value in row.items() if name not in PASSING}
    return kept | {"ends": "ttl" in row}


def _record(record: dict[str, Any], present: set[str]) -> dict[str, Any]:
    """With the version named by whether it is in the bucket."""
    version = record.get("version")
    if version is None:
        return _lasting(record)
    stored = "stored" if version["version_id"] in present else "gone"
    return _lasting(record | {"version": version | {"version_id": stored}})
