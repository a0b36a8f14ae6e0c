"""The bucket against the records: what no record serves, and nothing still needs, goes away.

Everything that a record knows of is found by its deadline. This walk finds the rest: an object
whose event was lost, a second version of one that is served, a thumbnail that a crash left. Each
pass looks at a bounded slice of the bucket and the next one goes on from there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from attachments.catalog import Catalog
from attachments.guards import Guards
from attachments.model import Attachment, Status
from attachments.storage import Storage, StoredVersion
from functions.sweep.sweep import Swept

logger = Logger(child=True)
WALK = "bucket"
PAGES = 2  # of one pass
PAGE_VERSIONS = 1000  # the most that S3 lists at once
GRACE = timedelta(hours=1)  # what is younger may be in the making
UNDECIDED = frozenset({Status.PENDING, Status.FAILED})  # these still need whatever they have


@dataclass(frozen=True, slots=True)
class BucketWalk:
    """One slice of the bucket. Two at once are harmless: a version is deleted by its id."""

    catalog: Catalog
    storage: Storage
    guards: Guards
    clock: Callable[[], datetime]
    has_time: Callable[[], bool]

    def run(self) -> Swept:
        """Go on from where the last pass came to; a slice that time cut off is looked at again."""
        swept = Swept()
        after = self.guards.position(WALK)
        for _ in range(PAGES):
            page = self.storage.versions(after=after, limit=PAGE_VERSIONS)
            if not self._check(page.versions, swept):
                break
            after = page.next
            self.guards.remember(WALK, after)
            if after is None:
                break
        return swept

    def _check(self, versions: Sequence[StoredVersion], swept: Swept) -> bool:
        """Whether there was time for all of them."""
        settled = self.clock() - GRACE
        old = [version for version in versions if version.modified <= settled]
        ids = {_attachment_id(version.key) for version in old} - {None, ""}
        records = self.catalog.get_many(sorted(str(each) for each in ids))
        for version in old:
            if not self.has_time():
                return False
            attachment_id = _attachment_id(version.key)
            if attachment_id is None:
                continue  # nothing of ours
            record = records.get(attachment_id)
            if record is None or not _needed(version, record):
                self._remove(version, record, swept)
            swept.versions_checked += 1
        return True

    def _remove(self, version: StoredVersion, record: Attachment | None, swept: Swept) -> None:
        try:
            self.storage.delete_version(version.key, version.version_id)
        except Exception:
            logger.exception("could not remove", key=version.key, version_id=version.version_id)
            swept.errors += 1
            return
        status = record.status if record else None
        logger.warning("removed a leftover", key=version.key, record=status)
        if version.key.startswith("thumbnails/"):
            swept.thumbnails_removed += 1
        else:
            swept.uploads_removed += 1


def _attachment_id(key: str) -> str | None:
    """Whose a key is; "" for nobody's below our prefixes, None for a key that is not below them."""
    prefix, _, rest = key.partition("/")
    return rest.partition("/")[0] if prefix in {"uploads", "thumbnails"} else None


def _needed(version: StoredVersion, record: Attachment) -> bool:
    """Whether the record serves this version, or may yet."""
    if record.status in UNDECIDED:
        return True
    if record.status is not Status.READY or version.marker:
        return False
    if version.key == record.upload_key:
        return record.version is not None and record.version.version_id == version.version_id
    return record.thumbnail is not None and record.thumbnail.key == version.key
