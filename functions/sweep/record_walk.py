"""The records against the bucket: a ready record whose bytes have vanished says so.

Nothing of ours removes them, so this is for what happens outside: a hand in the console, a
lifecycle rule too many. Each pass looks at a bounded slice of the table.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from attachments.catalog import Catalog
from attachments.errors import ObjectMissingError, StaleRecordError
from attachments.guards import Guards
from attachments.model import Attachment, Status
from attachments.storage import Storage
from functions.sweep.sweep import Swept
from functions.sweep.usage_check import UsageCheck

logger = Logger(child=True)
WALK = "records"
RECORDS = 500  # of one pass
AT_ONCE = 8  # connections that ask the bucket


@dataclass(frozen=True, slots=True)
class RecordWalk:
    """One slice of the table. Two at once are harmless: a change is conditional."""

    catalog: Catalog
    storage: Storage
    guards: Guards
    usage: UsageCheck
    has_time: Callable[[], bool]

    def run(self) -> Swept:
        """Go on from where the last pass came to; a slice that time cut off is looked at again."""
        records, after = self.catalog.walk(after=self.guards.position(WALK), limit=RECORDS)
        ready = [record for record in records if record.status is Status.READY]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            found = [one for one in threads.map(self._check, ready) if one is not None]
        swept = Swept()
        for one in found:
            swept.add(one)
        swept.usage_drift += self.usage.run(records)
        if len(found) == len(ready):
            self.guards.remember(WALK, after)
        return swept

    def _check(self, record: Attachment) -> Swept | None:
        """What is wrong with one record; None if there was no time to look."""
        if not self.has_time():
            return None
        found = Swept(records_checked=1)
        try:
            self._look(record, found)
        except StaleRecordError:
            pass  # deleted meanwhile
        except Exception:
            logger.exception("could not look", attachment_id=record.id)
            found.errors += 1
        return found

    def _look(self, record: Attachment, found: Swept) -> None:
        version_id = record.version.version_id if record.version else None
        if record.missing or not self._exists(record.upload_key, version_id):
            logger.error("the bytes of a ready attachment are missing", attachment_id=record.id)
            found.bytes_missing += 1
            if not record.missing:
                self.catalog.change(record.lost(), None)
        if record.thumbnail is not None and not self._exists(record.thumbnail.key, None):
            logger.error("a thumbnail is missing", attachment_id=record.id)
            found.thumbnails_missing += 1

    def _exists(self, key: str, version_id: str | None) -> bool:
        try:
            self.storage.head(key, version_id)
        except ObjectMissingError:
            return False
        return True
