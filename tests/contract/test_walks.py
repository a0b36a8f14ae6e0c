"""What the sweep walks through, slice after slice: the bucket, the table, and how far it came."""

from datetime import datetime, timedelta

import pytest

from attachments.errors import NotFoundError
from attachments.ids import new_id
from attachments.model import Status
from tests.builders import in_state
from tests.contract.conftest import Clock, Stores
from tests.contract.records import made_at

TTL = timedelta(days=30)


def test_records_are_got_by_their_ids_and_absent_ones_left_out(
    stores: Stores, noon: datetime
) -> None:
    made = made_at(stores, stores.message(), [noon] * 3)
    wanted = [made[2].id, new_id(), made[0].id]
    assert stores.catalog.get_many(wanted) == {made[0].id: made[0], made[2].id: made[2]}
    assert stores.catalog.get_many([]) == {}


def test_more_records_are_got_than_one_request_takes(stores: Stores, noon: datetime) -> None:
    [made] = made_at(stores, stores.message(), [noon])
    absent = [new_id() for _ in range(150)]
    assert stores.catalog.get_many([*absent, made.id]) == {made.id: made}


def test_a_record_past_its_ttl_is_left_out(stores: Stores, clock: Clock, noon: datetime) -> None:
    [made] = made_at(stores, stores.message(), [noon])
    stores.catalog.change(made.expired(now=noon, keep=TTL), None)
    clock.now = noon + TTL
    with pytest.raises(NotFoundError):
        stores.catalog.get(made.id)
    assert stores.catalog.get_many([made.id]) == {}
    assert made.id not in walked(stores, limit=1000)


def walked(stores: Stores, *, limit: int) -> list[str]:
    """The ids of all records, by following the positions."""
    found: list[str] = []
    after: str | None = None
    for _ in range(1000):
        records, after = stores.catalog.walk(after=after, limit=limit)
        assert len(records) <= limit
        found += [record.id for record in records]
        if after is None:
            return found
    raise AssertionError("the walk does not end")


def test_a_walk_through_the_table_meets_every_record_once(stores: Stores, noon: datetime) -> None:
    made = made_at(stores, stores.message(), [noon + timedelta(seconds=n) for n in range(5)])
    deleted = in_state(made[1], Status.DELETED)
    stores.catalog.change(deleted, None)
    for limit in (7, 1000):
        found = walked(stores, limit=limit)
        assert len(found) == len(set(found))
        assert {record.id for record in made} <= set(found)


def test_a_walk_through_the_bucket_meets_every_version_and_marker_once(stores: Stores) -> None:
    folder = f"zz/{new_id()}"
    first = stores.arrive(f"{folder}/0", b"before")
    versions = {
        (f"{folder}/{name}", stores.arrive(f"{folder}/{name}", name.encode()).version_id)
        for name in "aabcd"
    }
    stores.cover(f"{folder}/c")
    page = stores.storage.versions(after=f"{folder}/0", limit=1000)
    found = [version for version in page.versions if version.key.startswith(folder)]
    assert {(v.key, v.version_id) for v in found if not v.marker} == versions
    assert [v.key for v in found if v.marker] == [f"{folder}/c"]
    assert [v.key for v in found] == sorted(v.key for v in found)
    assert all(v.modified.tzinfo for v in found)
    assert (f"{folder}/0", first.version_id) not in versions


def test_a_page_of_the_bucket_shows_whole_keys_and_says_where_the_next_begins(
    stores: Stores,
) -> None:
    folder = f"zz/{new_id()}"
    for name in "0aabbc":
        stores.arrive(f"{folder}/{name}", b"bytes")
    page = stores.storage.versions(after=f"{folder}/0", limit=3)
    assert [version.key for version in page.versions] == [f"{folder}/a"] * 2
    assert page.next == f"{folder}/a"


def test_a_position_is_remembered_until_the_next(stores: Stores) -> None:
    walk = new_id()
    assert stores.guards.position(walk) is None
    for position in ("uploads/a", "uploads/b", None):
        stores.guards.remember(walk, position)
        assert stores.guards.position(walk) == position
