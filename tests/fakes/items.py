"""What the stores in memory know of items: their order and their end."""

from collections.abc import Iterator
from datetime import datetime

from attachments import dynamo
from attachments.dynamo import Item
from attachments.ids import rfc3339
from attachments.model import Attachment


def outlived(end: datetime | None, now: datetime) -> bool:
    """Whether a TTL has passed; it is in whole seconds."""
    return end is not None and dynamo.epoch(end) <= dynamo.epoch(now)


def newest_first(items: list[Item], before: str | None) -> Iterator[Item]:
    older = [item for item in items if before is None or item["sort"] < before]
    return iter(sorted(older, key=lambda item: str(item["sort"]), reverse=True))


def sort_of(attachment: Attachment) -> str:
    return f"{rfc3339(attachment.created_at)}#{attachment.id}"
