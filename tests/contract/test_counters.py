"""The counters of the usage report are true, whatever is told how often and in which order."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

import pytest

from attachments.counters import Generations, Kind, Marker
from attachments.ids import new_id
from attachments.model import Attachment, FileType, Status
from functions.announce.changes import Change
from functions.announce.usage import Counting
from tests.builders import in_state, pending
from tests.contract.conftest import Stores

ENDS = (Status.READY, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.DELETED)


def upload(at: datetime, **changes: object) -> Attachment:
    return pending(id=new_id(), created_at=at, **changes)


def files_of(stores: Stores, day: date) -> dict[tuple[str, str], tuple[int, int]]:
    """Files and bytes of a day, by type and status."""
    _, days = stores.counters.tally(day, day)
    if day not in days:
        return {}
    tally = days[day]
    return {
        (kind.file_type, kind.status): (tally.files[kind], tally.bytes[kind])
        for kind in +tally.files
    }


def test_a_record_is_counted_as_what_it_is_now(stores: Stores, noon: datetime) -> None:
    one = upload(noon)
    generation = stores.counters.generations().read
    assert stores.counters.count(generation, one, noon)
    assert files_of(stores, noon.date()) == {("video", "pending"): (1, one.file_size)}
    ready = in_state(one, Status.READY)
    assert stores.counters.count(generation, ready, noon)
    assert files_of(stores, noon.date()) == {("video", "ready"): (1, ready.file_size)}


def test_a_change_counts_once_and_an_older_one_not_at_all(stores: Stores, noon: datetime) -> None:
    one = upload(noon)
    ready = in_state(one, Status.READY)
    generation = stores.counters.generations().read
    assert stores.counters.count(generation, ready)
    assert not stores.counters.count(generation, ready)
    assert not stores.counters.count(generation, one)
    assert files_of(stores, noon.date()) == {("video", "ready"): (1, ready.file_size)}


def test_a_record_that_is_gone_is_counted_no_more(stores: Stores, noon: datetime) -> None:
    one = upload(noon)
    generation = stores.counters.generations().read
    stores.counters.count(generation, one)
    assert stores.counters.forget(generation, one.id)
    assert not stores.counters.forget(generation, one.id)
    assert files_of(stores, noon.date()) == {}


def test_a_corrected_type_moves_the_file(stores: Stores, noon: datetime) -> None:
    one = upload(noon)
    generation = stores.counters.generations().read
    stores.counters.count(generation, one)
    ready = replace(in_state(one, Status.READY), file_type=FileType.AUDIO)
    stores.counters.count(generation, ready)
    assert files_of(stores, noon.date()) == {("audio", "ready"): (1, ready.file_size)}


def test_the_total_is_that_of_all_days_and_as_of_the_newest_change(
    stores: Stores, noon: datetime
) -> None:
    generation = stores.counters.generations().read
    before, _ = stores.counters.tally(noon.date(), noon.date())
    later = noon + timedelta(hours=1)
    stores.counters.count(generation, upload(noon), noon)
    stores.counters.count(generation, upload(noon - timedelta(days=2)), later)
    total, days = stores.counters.tally(noon.date(), noon.date())
    assert sum(total.files.values()) == sum(before.files.values()) + 2
    assert list(days) == [noon.date()]
    assert total.as_of == later


def test_markers_tell_what_records_are_counted_as(stores: Stores, noon: datetime) -> None:
    one, other = upload(noon), upload(noon)
    generation = stores.counters.generations().read
    stores.counters.count(generation, one)
    markers = stores.counters.markers(generation, [one.id, other.id])
    assert markers == {one.id: Marker.of(one)}
    assert markers[one.id].kind == Kind(FileType.VIDEO, Status.PENDING)


def test_another_generation_is_counted_beside_the_one_that_is_read(
    stores: Stores, noon: datetime
) -> None:
    """What `make recount` does: nothing is missing before, during or after."""
    old, new = upload(noon), upload(noon)
    began = stores.counters.generations().read
    stores.counters.count(began, old)
    building = stores.counters.build()
    assert building == stores.counters.build() == Generations(began, began + 1)
    assert building.built is not None
    for generation in stores.counters.generations():
        stores.counters.count(generation, new)
    assert len(files_of(stores, noon.date())) == 1
    assert files_of(stores, noon.date())["video", "pending"][0] == 2
    stores.counters.count(building.built, old)
    stores.counters.switch(building)
    assert stores.counters.generations() == Generations(building.built)
    assert files_of(stores, noon.date())["video", "pending"][0] == 2
    assert stores.counters.drop(began) >= 1
    assert stores.counters.markers(began, [old.id]) == {}
    assert files_of(stores, noon.date())["video", "pending"][0] == 2


# ---------------------------------------------------------------- the stream


def lives(random: Random, at: datetime, number: int) -> Iterator[list[tuple[str, Attachment]]]:
    """What becomes of each of some records, as the changes of it."""
    for _ in range(number):
        record = upload(at + timedelta(days=random.randrange(3)), file_size=random.randrange(1, 99))
        told = [("written", record)]
        while record.status not in (Status.DELETED, Status.EXPIRED) and random.random() < 0.8:
            record = (
                in_state(record, random.choice(ENDS))
                if record.revision == 1
                else (record.deleted(now=at))
            )
            told.append(("written", record))
        if random.random() < 0.3:
            told.append(("gone", record))
        yield told


def as_changes(told: list[tuple[str, Attachment]], at: datetime) -> Iterator[Change]:
    before: Attachment | None = None
    for what, record in told:
        new = None if what == "gone" else record
        yield Change(sequence_number="0", at=at, old=before or record, new=new)
        before = record


def interleaved(random: Random, each: list[list[Change]]) -> list[Change]:
    """One stream of all: each record's changes keep their order."""
    left, merged = [list(one) for one in each], []
    while left := [one for one in left if one]:
        merged.append(random.choice(left).pop(0))
    return [replace(change, sequence_number=str(n)) for n, change in enumerate(merged, 1)]


@pytest.mark.parametrize("seed", range(5))
def test_batches_that_come_again_from_anywhere_count_as_if_they_came_once(
    stores: Stores, noon: datetime, seed: int
) -> None:
    """Lambda goes on at a failure, which is any change, with all that follows it."""
    random = Random(seed)
    told = list(lives(random, noon, 12))
    stream = interleaved(random, [list(as_changes(one, noon)) for one in told])
    counting, at = Counting(stores.counters), 0
    while at < len(stream):
        size = random.randrange(1, 8)
        assert counting.count(stream[at : at + size]) == set()
        at = max(at + size - (random.randrange(size + 1) if random.random() < 0.4 else 0), at)
        if random.random() < 0.2:
            at = max(at - 3, 0)
    expected: dict[date, Counter[tuple[str, str]]] = {}
    for one in told:
        what, record = one[-1]
        if what == "written":
            counter = expected.setdefault(record.created_at.date(), Counter())
            counter[record.file_type, record.status] += 1
    for day in range(3):
        date_ = (noon + timedelta(days=day)).date()
        found = {kind: files for kind, (files, _) in files_of(stores, date_).items()}
        assert found == dict(expected.get(date_, Counter()))
