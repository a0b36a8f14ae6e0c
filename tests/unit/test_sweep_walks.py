"""Bucket and tables held against each other, slice by slice: what differs is mended, or said."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from attachments.errors import ObjectMissingError
from attachments.ids import new_id
from attachments.model import Attachment, ObjectVersion, Status
from attachments.storage import VersionPage
from functions.sweep import bucket_walk, record_walk
from functions.sweep.bucket_walk import GRACE, BucketWalk
from functions.sweep.record_walk import RecordWalk
from functions.sweep.sweep import Swept
from functions.sweep.usage_check import UsageCheck
from tests.builders import TOMBSTONE_LIFE
from tests.fakes import MemoryStorage, World
from tests.unit.test_sweep import sweep

JPEG = "image/jpeg"


def walk_bucket(world: World, has_time: Callable[[], bool] = lambda: True) -> Swept:
    return BucketWalk(
        catalog=world.catalog,
        storage=world.storage,
        guards=world.guards,
        clock=world.clock,
        has_time=has_time,
    ).run()


def walk_records(world: World, has_time: Callable[[], bool] = lambda: True) -> Swept:
    return RecordWalk(
        catalog=world.catalog,
        storage=world.storage,
        guards=world.guards,
        usage=UsageCheck(world.catalog, world.counters, world.guards),
        has_time=has_time,
    ).run()


def lose(world: World, attachment: Attachment) -> None:
    """The bytes of an attachment vanish, its thumbnail stays."""
    assert attachment.version is not None
    world.storage.delete_version(attachment.upload_key, attachment.version.version_id)


# ---------------------------------------------------------------- the bucket


def test_an_object_without_a_record_is_removed_when_it_is_old_enough(world: World) -> None:
    world.storage.arrive(f"uploads/{new_id()}", b"bytes")
    world.pass_time(GRACE - timedelta(seconds=1))
    assert walk_bucket(world) == Swept()
    world.pass_time(timedelta(seconds=1))
    assert walk_bucket(world) == Swept(uploads_removed=1)
    assert not world.storage.keys()


@pytest.mark.parametrize("key", ["uploads/", "uploads/no id", "uploads/a/b", "thumbnails/x/t.jpg"])
def test_a_key_that_can_be_nobodys_is_removed(world: World, key: str) -> None:
    world.storage.arrive(key, b"bytes")
    world.pass_time(GRACE)
    walk_bucket(world)
    assert not world.storage.keys()


def test_what_is_not_ours_is_left_alone(world: World) -> None:
    world.storage.arrive("somebody/elses", b"bytes")
    world.pass_time(GRACE)
    assert walk_bucket(world) == Swept()
    assert world.storage.keys() == {"somebody/elses"}


def test_a_second_version_and_a_delete_marker_go_and_the_served_version_stays(
    world: World,
) -> None:
    ready = world.add(Status.READY)
    world.storage.arrive(ready.upload_key, b"an intruder")
    world.storage.cover(ready.upload_key)
    world.pass_time(GRACE)
    assert walk_bucket(world) == Swept(uploads_removed=2)
    assert world.storage.head(ready.upload_key) == ready.version


def test_a_thumbnail_that_no_record_shows_is_removed(world: World) -> None:
    ready = world.add(Status.READY)
    world.storage.put_once(f"{ready.thumbnail_prefix}older.jpg", b"a JPEG", mime_type=JPEG)
    world.storage.put_once(f"thumbnails/{new_id()}/t.jpg", b"a JPEG", mime_type=JPEG)
    world.pass_time(GRACE)
    assert walk_bucket(world) == Swept(thumbnails_removed=2)
    assert ready.thumbnail is not None
    assert world.storage.keys() == {ready.upload_key, ready.thumbnail.key}


def test_a_marker_that_covers_a_thumbnail_is_removed(world: World) -> None:
    ready = world.add(Status.READY)
    assert ready.thumbnail is not None
    world.storage.cover(ready.thumbnail.key)
    world.pass_time(GRACE)
    assert walk_bucket(world) == Swept(thumbnails_removed=1)
    assert world.storage.head(ready.thumbnail.key)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.EXPIRED, Status.DELETED])
def test_bytes_of_a_record_that_is_over_are_removed(world: World, status: Status) -> None:
    attachment = world.add(status)
    world.storage.arrive(attachment.upload_key, b"late")
    world.pass_time(GRACE)
    assert walk_bucket(world).uploads_removed >= 1
    assert not world.storage.keys()


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
def test_what_an_undecided_record_may_need_is_never_removed(world: World, status: Status) -> None:
    """However slow the upload and however late the redrive."""
    attachment = world.add(status)
    world.storage.arrive(attachment.upload_key, b"bytes")
    world.storage.arrive(f"{attachment.thumbnail_prefix}t.jpg", b"a JPEG")
    keys = world.storage.keys()
    world.pass_time(TOMBSTONE_LIFE * 12)
    assert walk_bucket(world) == Swept()
    assert world.storage.keys() == keys


def test_a_pass_looks_at_a_slice_and_the_next_goes_on_from_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_walk, "PAGE_VERSIONS", 2)
    monkeypatch.setattr(bucket_walk, "PAGES", 2)
    for _ in range(3):
        world.add(Status.READY)
    orphans = [world.storage.arrive(f"uploads/{new_id()}", b"bytes") for _ in range(4)]
    world.pass_time(GRACE)
    removed, passes = 0, 0
    while removed < len(orphans):
        swept = walk_bucket(world)
        assert swept.versions_checked <= 4
        removed += swept.uploads_removed
        passes += 1
        assert passes < 10
    assert passes > 1
    assert len(world.storage.keys()) == 6


def test_a_slice_that_time_cut_off_is_looked_at_again(world: World) -> None:
    for _ in range(5):
        world.storage.arrive(f"uploads/{new_id()}", b"bytes")
    world.pass_time(GRACE)
    time = iter([True, True])
    assert walk_bucket(world, lambda: next(time, False)) == Swept(uploads_removed=2)
    assert walk_bucket(world) == Swept(uploads_removed=3)


def test_one_version_that_cannot_be_removed_stops_no_other() -> None:
    class Stuck(MemoryStorage):
        def delete_version(self, key: str, version_id: str) -> None:
            if key == "uploads/b":
                raise ConnectionError("cut")
            super().delete_version(key, version_id)

    world = World(storage=Stuck)
    for name in "abc":
        world.storage.arrive(f"uploads/{name}", b"bytes")
    world.pass_time(GRACE)
    assert walk_bucket(world) == Swept(uploads_removed=2, errors=1)
    assert world.storage.keys() == {"uploads/b"}


def test_two_walks_at_once_are_harmless() -> None:
    class Slow(MemoryStorage):
        """Another walk does all of its work between this one's listing and its first removal."""

        other: Callable[[], object] | None = None

        def versions(self, *, after: str | None, limit: int) -> VersionPage:
            page = super().versions(after=after, limit=limit)
            other, self.other = self.other, None
            if other is not None:
                other()
            return page

    world = World(storage=Slow)
    ready = world.add(Status.READY)
    world.storage.arrive(ready.upload_key, b"an intruder")
    world.pass_time(GRACE)
    assert isinstance(world.storage, Slow)
    world.storage.other = lambda: walk_bucket(world)
    walk_bucket(world)
    assert world.storage.head(ready.upload_key) == ready.version
    assert walk_bucket(world) == Swept()


def test_a_version_that_became_the_served_one_meanwhile_stays() -> None:
    """The record is read after the listing: what is ready by then is served."""

    class Inspecting(MemoryStorage):
        meanwhile: Callable[[], object] = staticmethod(lambda: None)

        def versions(self, *, after: str | None, limit: int) -> VersionPage:
            page = super().versions(after=after, limit=limit)
            self.meanwhile()
            return page

    world = World(storage=Inspecting)
    pending = world.add(Status.PENDING)
    stored = world.storage.arrive(pending.upload_key, b"bytes")
    world.pass_time(GRACE)
    assert isinstance(world.storage, Inspecting)
    ready = replace(pending, status=Status.READY, version=stored, revision=2)
    world.storage.meanwhile = lambda: world.catalog.records.update({ready.id: ready})
    assert walk_bucket(world) == Swept()
    assert world.storage.head(ready.upload_key) == stored


# ---------------------------------------------------------------- the records


def test_a_ready_record_whose_bytes_vanished_says_so(world: World) -> None:
    whole, lost = world.add(Status.READY), world.add(Status.READY)
    lose(world, lost)
    assert walk_records(world) == Swept(bytes_missing=1)
    record = world.catalog.get(lost.id)
    assert (record.status, record.missing) == (Status.READY, True)
    assert record.reason == "The bytes of this file are missing from the store."
    assert world.catalog.get(whole.id) == whole
    assert walk_records(world) == Swept(bytes_missing=1)  # it goes on to be counted
    assert world.catalog.get(lost.id) == record


def test_bytes_that_another_version_replaced_have_vanished_all_the_same(world: World) -> None:
    ready = world.add(Status.READY)
    lose(world, ready)
    world.storage.arrive(ready.upload_key, b"an intruder")
    assert walk_records(world) == Swept(bytes_missing=1)


def test_a_thumbnail_that_vanished_is_counted(world: World) -> None:
    ready = world.add(Status.READY)
    world.storage.delete_all(ready.thumbnail_prefix)
    assert walk_records(world) == Swept(thumbnails_missing=1)
    assert world.catalog.get(ready.id) == ready


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.READY}))
def test_a_record_that_serves_nothing_misses_nothing(world: World, status: Status) -> None:
    attachment = world.add(status)
    world.storage.delete_all(attachment.upload_key)
    assert walk_records(world) == Swept()


def test_records_are_looked_at_in_slices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_walk, "RECORDS", 2)
    made = [world.add(Status.READY) for _ in range(5)]
    for attachment in made:
        lose(world, attachment)
    assert [walk_records(world).bytes_missing for _ in range(4)] == [2, 2, 1, 2]
    assert all(world.catalog.get(each.id).missing for each in made)


def test_records_that_there_was_no_time_for_come_first_the_next_time(world: World) -> None:
    lose(world, world.add(Status.READY))
    assert walk_records(world, lambda: False) == Swept()
    assert walk_records(world) == Swept(bytes_missing=1)


def test_a_record_that_is_deleted_meanwhile_is_no_error() -> None:
    class Deleting(MemoryStorage):
        world: World

        def head(self, key: str, version_id: str | None = None) -> ObjectVersion:
            record = self.world.catalog.get(key.removeprefix("uploads/"))
            if record.status is Status.READY:
                self.world.deletion.mark(record, user_id="sender")
            raise ObjectMissingError(key)

    world = World(storage=Deleting)
    Deleting.world = world
    attachment = world.add(Status.READY)
    assert walk_records(world).errors == 0
    assert world.catalog.get(attachment.id).status is Status.DELETED


def test_one_record_that_cannot_be_looked_at_stops_no_other() -> None:
    class Unreadable(MemoryStorage):
        bad = ""

        def head(self, key: str, version_id: str | None = None) -> ObjectVersion:
            if key == self.bad:
                raise ConnectionError("cut")
            return super().head(key, version_id)

    world = World(storage=Unreadable)
    first, second = world.add(Status.READY), world.add(Status.READY)
    Unreadable.bad = first.upload_key
    lose(world, second)
    assert walk_records(world) == Swept(bytes_missing=1, errors=1)


def test_a_part_of_the_sweep_that_fails_keeps_no_other_from_its_work() -> None:
    class Unlistable(MemoryStorage):
        def versions(self, *, after: str | None, limit: int) -> VersionPage:
            raise ConnectionError("cut")

    world = World(storage=Unlistable)
    world.add(Status.PENDING)
    lost = world.add(Status.READY)
    lose(world, lost)
    world.pass_time(timedelta(hours=1))
    assert sweep(world) == Swept(expired=1, bytes_missing=1, errors=1)


# ---------------------------------------------------------------- the counters of the usage report


def test_what_is_counted_wrong_in_two_passes_has_drifted(world: World) -> None:
    counted, uncounted = world.add(), world.add()
    world.counters.count(1, counted)
    assert walk_records(world).usage_drift == 0, "the stream may be behind"
    assert walk_records(world).usage_drift == 1
    world.counters.count(1, uncounted)
    walk_records(world)
    assert walk_records(world).usage_drift == 0


def test_what_changes_between_two_passes_has_not_drifted(world: World) -> None:
    record = world.add()
    walk_records(world)
    world.catalog.change(record.deleted(now=world.now), None)
    assert walk_records(world).usage_drift == 0
