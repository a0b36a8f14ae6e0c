"""The template's tables and bucket in a moto of this process, with the functions' own wiring.

Nothing goes over a network, so a small world costs milliseconds. Its tables and its bucket have
names of their own: what other tests keep in the same process is not touched. The functions go by
a clock that the test moves; moto and tokens go by the machine's.
"""

import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from attachments import wiring
from attachments.settings import Settings
from local.ffmpeg import built_layer
from local.template import ACCOUNT, REGION, load
from tests.builders import NOON, settings_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
COPIED = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
SECRET = "the secret that the chat signs its tokens with"


@dataclass
class Clock:
    """What `utc_now` says; each look at it takes `tick`."""

    now: datetime = NOON
    tick: timedelta = timedelta()

    def look(self) -> datetime:
        seen = self.now
        self.now += self.tick
        return seen

    def pass_time(self, span: timedelta) -> None:
        self.now += span


class Account:
    """Tables and bucket as they lie behind the API; `session` makes every client in use."""

    def __init__(self, session: boto3.Session, settings: Settings, clock: Clock) -> None:
        self.session, self.settings, self.clock = session, settings, clock
        self.s3: S3Client = session.client("s3")
        resource: Any = session.resource("dynamodb")
        self.dynamodb: DynamoDBClient = resource.meta.client

    def versions(self, prefix: str) -> list[dict[str, Any]]:
        """All object versions and delete markers below a prefix."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.settings.bucket, Prefix=prefix
        )
        return [
            dict(version)
            for page in pages
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All items of a table."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table)
        return [dict(item) for page in pages for item in page["Items"]]


class Cloud(Account):
    """An account that the test made, and can empty."""

    def __init__(self, session: boto3.Session, settings: Settings, clock: Clock) -> None:
        super().__init__(session, settings, clock)
        secrets: SecretsManagerClient = session.client("secretsmanager")
        secrets.create_secret(Name=settings.token_secret_arn, SecretString=SECRET)
        self._tables = []
        for name, resource in load(TEMPLATE)["Resources"].items():
            if resource["Type"] == "AWS::DynamoDB::Table":
                table, properties = (
                    getattr(settings, f"{name.lower()}_table"),
                    resource["Properties"],
                )
                copied = {key: properties[key] for key in COPIED if key in properties}
                self.dynamodb.create_table(TableName=table, **copied)
                self._tables.append(table)
        self.s3.create_bucket(Bucket=settings.bucket)
        self.s3.put_bucket_versioning(
            Bucket=settings.bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    # From within moto: through its API this would take longer than most of what is tried.

    def begin_anew(self) -> None:
        """Empty tables, an empty bucket, noon."""
        for table in self._tables:
            self._moto_table(table).items.clear()
        for versions in dict(self._moto_objects.lists()).values():
            for version in versions:
                version.dispose()
        self._moto_objects.clear()
        self.clock.now = NOON

    def save(self) -> bytes:
        """All that there is at this moment, for `restore`."""
        tables = {table: self._moto_table(table).items for table in self._tables}
        return pickle.dumps((tables, dict(self._moto_objects.lists()), self.clock.now))

    def restore(self, saved: bytes) -> None:
        """Everything as it was when it was saved."""
        self.begin_anew()
        tables, objects, self.clock.now = pickle.loads(saved)
        for table, items in tables.items():
            self._moto_table(table).items = items
        for key, versions in objects.items():
            self._moto_objects.setlist(key, versions)

    @staticmethod
    def _moto_table(name: str) -> Any:
        return dynamodb_backends[ACCOUNT][REGION].tables[name]

    @property
    def _moto_objects(self) -> Any:
        return s3_backends[ACCOUNT]["aws"].buckets[self.settings.bucket].keys


@contextmanager
def cloud(prefix: str) -> Iterator[Cloud]:
    """A cloud whose tables, bucket and secret begin with `prefix`, wired into the functions."""
    tables = {
        name: f"{prefix}-{name}"
        for name in ("attachments", "chat", "activity", "guards", "counters")
    }
    settings = named(f"{prefix}-files", tables, token_secret_arn=f"{prefix}-secret")
    mock = mock_aws()
    mock.start(reset=False)
    try:
        with wired(settings) as (session, clock):
            yield Cloud(session, settings, clock)
    finally:
        mock.stop(remove_data=False)


def named(bucket: str, tables: Mapping[str, str], **changes: Any) -> Settings:
    """Settings as the template gives them, on this bucket and these tables."""
    tables = {f"{name}_table": table for name, table in tables.items()}
    return settings_of(bucket=bucket, **tables, **changes)


@contextmanager
def wired(settings: Settings, **environment: str) -> Iterator[tuple[boto3.Session, Clock]]:
    """The functions of this process work with these settings, and by this clock."""
    environment |= {name.upper(): str(value) for name, value in settings.model_dump().items()}
    environment |= {"FFMPEG_DIR": str(built_layer()), "MAX_RECEIVES": "3"}
    clock = Clock()
    with (
        patch.dict(os.environ, environment),
        patch("boto3.DEFAULT_SESSION", boto3.Session(region_name=REGION)),
        patch("attachments.ids.datetime", _going_by(clock)),
    ):
        _forget()
        yield boto3._get_default_session(), clock
        _forget()


def _forget() -> None:
    """Have the wiring built anew at its next use."""
    inspector = sys.modules.get("functions.inspect_upload.app")  # if anybody asked for it
    for build in (*vars(wiring).values(), *(vars(inspector).values() if inspector else ())):
        if hasattr(build, "cache_clear"):
            build.cache_clear()


def _going_by(clock: Clock) -> type[datetime]:
    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.look().astimezone(tz)

    return Moved
