"""S3 event notifications, as they come through SQS (S3 guide, "Event message structure")."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from attachments.ids import utc_now
from attachments.model import ObjectVersion

PREFIX = "uploads/"
SEQUENCER = re.compile(r"[0-9A-Fa-f]{1,64}")  # S3 sends some 16 digits


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """A new object of an attachment; `version` is None where the event does not tell it all.

    `sequencer` is a hexadecimal number that grows with the events of one key, None where the event
    has none.
    """

    attachment_id: str
    version: ObjectVersion | None
    at: datetime
    sequencer: str | None = None

    def older_than(self, sequencer: str | None) -> bool:
        """Whether this surely happened before the event with that sequencer.

        They are of several lengths: as numbers they compare as if padded on the left (S3 guide,
        "Event message structure").
        """
        if self.sequencer is None or sequencer is None:
            return False
        return int(self.sequencer, 16) < int(sequencer, 16)


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
    return ObjectCreated(attachment_id, _version(stored), _time(record), _sequencer(stored))


def _version(stored: dict[str, Any]) -> ObjectVersion | None:
    """The version that the event tells of: it saves asking for it."""
    version_id, etag, size = (stored.get(name) for name in ("versionId", "eTag", "size"))
    if isinstance(version_id, str) and isinstance(etag, str) and isinstance(size, int):
        return ObjectVersion(version_id, etag, size) if version_id else None
    return None


def _sequencer(stored: dict[str, Any]) -> str | None:
    found = stored.get("sequencer")
    return found if isinstance(found, str) and SEQUENCER.fullmatch(found) else None


def _time(record: dict[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(record["eventTime"])
    except (KeyError, TypeError, ValueError):
        return utc_now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)
