"""The counters in memory: what is counted is added up anew at each look."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from attachments.counters import Counters, Generations, Marker, Tally
from attachments.model import Attachment


class MemoryCounters(Counters):
    def __init__(self) -> None:
        self._generations = Generations()
        self._markers: dict[int, dict[str, Marker]] = defaultdict(dict)
        self._as_of: datetime | None = None

    def generations(self) -> Generations:
        return self._generations

    def count(self, generation: int, attachment: Attachment, at: datetime | None = None) -> bool:
        new, old = Marker.of(attachment), self._markers[generation].get(attachment.id)
        if old is not None and old.revision >= new.revision:
            return False
        self._markers[generation][attachment.id] = new
        self._as_of = at or self._as_of
        return True

    def forget(self, generation: int, attachment_id: str, at: datetime | None = None) -> bool:
        self._as_of = at or self._as_of
        return self._markers[generation].pop(attachment_id, None) is not None

    def markers(self, generation: int, ids: Sequence[str]) -> dict[str, Marker]:
        known = self._markers[generation]
        return {each: known[each] for each in ids if each in known}

    def tally(self, first: date, last: date) -> tuple[Tally, dict[date, Tally]]:
        markers = list(self._markers[self._generations.read].values())
        days = sorted({marker.day for marker in markers if first <= marker.day <= last})
        return _sum(markers, self._as_of), {
            day: _sum((marker for marker in markers if marker.day == day), self._as_of)
            for day in days
        }

    def build(self) -> Generations:
        if self._generations.built is None:
            self._generations = Generations(self._generations.read, self._generations.read + 1)
        return self._generations

    def switch(self, generations: Generations) -> None:
        assert generations.built is not None
        self._generations = Generations(generations.built)

    def drop(self, generation: int) -> int:
        return len(self._markers.pop(generation, {}))


def _sum(markers: Iterable[Marker], as_of: datetime | None) -> Tally:
    tally = Tally(Counter(), Counter(), as_of)
    for marker in markers:
        tally.files[marker.kind] += 1
        tally.bytes[marker.kind] += marker.size
    return tally
