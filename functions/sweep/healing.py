"""One pass of the sweep: what is due first, then a slice of the bucket and a slice of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aws_lambda_powertools import Logger

from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.counters import Counters
from attachments.deletion import Deletion
from attachments.erasure import Erasure
from attachments.guards import Guards
from attachments.storage import Storage
from functions.sweep.bucket_walk import BucketWalk
from functions.sweep.record_walk import RecordWalk
from functions.sweep.sweep import Sweeping, Swept
from functions.sweep.usage_check import UsageCheck

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class Healing:
    """Everything that a pass needs. What one part cannot do keeps no other from its work."""

    catalog: Catalog
    chat: Chat
    guards: Guards
    counters: Counters
    storage: Storage
    deletion: Deletion
    erasure: Erasure
    clock: Callable[[], datetime]
    has_time: Callable[[], bool]

    def run(self) -> Swept:
        swept = Swept()
        for part in (self._due().run, self._bucket().run, self._records().run):
            try:
                swept.add(part())
            except Exception:
                logger.exception("a part of the sweep failed", part=part.__qualname__)
                swept.errors += 1
        return swept

    def _due(self) -> Sweeping:
        return Sweeping(
            catalog=self.catalog,
            chat=self.chat,
            storage=self.storage,
            deletion=self.deletion,
            erasure=self.erasure,
            guards=self.guards,
            clock=self.clock,
            has_time=self.has_time,
        )

    def _bucket(self) -> BucketWalk:
        return BucketWalk(
            catalog=self.catalog,
            storage=self.storage,
            guards=self.guards,
            clock=self.clock,
            has_time=self.has_time,
        )

    def _records(self) -> RecordWalk:
        return RecordWalk(
            catalog=self.catalog,
            storage=self.storage,
            guards=self.guards,
            usage=UsageCheck(self.catalog, self.counters, self.guards),
            has_time=self.has_time,
        )
