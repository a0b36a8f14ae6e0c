"""S3 event notifications, as they come through SQS (S3 guide, "Event message structure")."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from attachments.ids import utc_now
from attachments.model import ObjectVersion

PREFIX = "uploads/"


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """A new object of an attachment; `version` is None where the event does not tell it all."""

    attachment_id: str
    version: ObjectVersion | None
    at: datetime


def objects_created(body: str, *, bucket: str) -> list[ObjectCreated]:
    """The new uploads that a message tells of.

    Everything else is passed over: S3's test event, other buckets and prefixes, keys that are no
    attachment's, and what is no event at all.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return []
    records = message.get("Records") if isinstance(message, dict) else None
    if not isinstance(records, list):
        return []
    found = [_created(record, bucket) for record in records if isinstance(record, dict)]
    return [created for created in found if created is not None]


def _created(record: dict[str, Any], bucket: str) -> ObjectCreated | None:
    try:
        if not record["eventName"].removeprefix("s3:").startswith("ObjectCreated:"):
            return None
        if record["s3"]["bucket"]["name"] != bucket:
            return None
        stored = record["s3"]["object"]
        key = unquote_plus(stored["key"])
        if not key.startswith(PREFIX):
            return None
        attachment_id = str(UUID(key.removeprefix(PREFIX)))
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    if key != f"{PREFIX}{attachment_id}":
        return None
    return ObjectCreated(attachment_id, _version(stored), _time(record))


def _version(stored: dict[str, Any]) -> ObjectVersion | None:
    """The version that the event tells of: it saves asking for it."""
    version_id, etag, size = (stored.get(name) for name in ("versionId", "eTag", "size"))
    if isinstance(version_id, str) and isinstance(etag, str) and isinstance(size, int):
        return ObjectVersion(version_id, etag, size) if version_id else None
    return None


def _time(record: dict[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(record["eventTime"])
    except (KeyError, TypeError, ValueError):
        return utc_now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)
