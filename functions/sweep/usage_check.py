"""The counters of the usage report against the records.

The counters follow the table's stream, some moments behind it. So what differs is looked at once
more in the next pass: only what differs then too, and did not change meanwhile, has drifted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from attachments.catalog import Catalog
from attachments.counters import Counters, Marker
from attachments.guards import Guards
from attachments.model import Attachment

logger = Logger(child=True)
WALK = "usage"
AT_ONCE = 100  # records that are read, and suspects that are remembered


@dataclass(frozen=True, slots=True)
class UsageCheck:
    """Reports, and corrects nothing: `make recount` does."""

    catalog: Catalog
    counters: Counters
    guards: Guards

    def run(self, records: Sequence[Attachment]) -> int:
        """How many of the last pass's suspects are still counted wrong; suspects some of these."""
        suspects = dict(_pair(each) for each in (self.guards.position(WALK) or "").split())
        found = self.catalog.get_all(list(suspects)) if suspects else []
        unchanged = [record for record in found if record.revision == suspects[record.id]]
        drifted = list(self._wrong(unchanged))
        for record in drifted:
            logger.error("a file is not counted as it is", attachment_id=record.id)
        wrong = [f"{record.id}@{record.revision}" for record in self._wrong(records)]
        self.guards.remember(WALK, " ".join(wrong[:AT_ONCE]) or None)
        return len(drifted)

    def _wrong(self, records: Sequence[Attachment]) -> Iterator[Attachment]:
        generation = self.counters.generations().read
        for begin in range(0, len(records), AT_ONCE):
            chunk = records[begin : begin + AT_ONCE]
            markers = self.counters.markers(generation, [record.id for record in chunk])
            for record in chunk:
                if markers.get(record.id) != Marker.of(record):
                    yield record


def _pair(suspect: str) -> tuple[str, int]:
    attachment_id, _, revision = suspect.partition("@")
    return attachment_id, int(revision)
