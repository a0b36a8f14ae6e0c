"""The activity log: found by attachment, by user and by day."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from attachments.activity import entry
from attachments.model import Action, Activity, Attachment
from tests.builders import ACTIVITY_LIFE, pending
from tests.contract.conftest import Clock, Stores
from tests.contract.records import attached, create, note

# ---------------------------------------------------------------- activity


def entries_at(stores: Stores, attachment: Attachment, times: Iterable[datetime]) -> list[Activity]:
    made = [
        entry(Action.FILE_DOWNLOADED, attachment, user_id=f"reader-{attachment.id}", at=at)
        for at in times
    ]
    for each in made:
        stores.activity.add(each)
    return made


def test_an_entry_comes_back_as_it_was_written(stores: Stores, noon: datetime) -> None:
    attachment = pending(created_at=noon)
    written = entry(
        Action.FILE_DELETED,
        attachment,
        user_id="admin",
        at=noon,
        admin_override=True,
        description="by hand",
    )
    stores.activity.add(written)
    [item] = stores.activity.of_attachment(attachment.id, after=None)
    assert stores.activity.read(item) == written


def test_activity_is_found_by_attachment_by_user_and_by_day(stores: Stores, noon: datetime) -> None:
    times = [noon + timedelta(minutes=n) for n in range(12)]
    attachment, other = pending(created_at=noon), pending(created_at=noon)
    made = entries_at(stores, attachment, times)
    others = entries_at(stores, other, [noon + timedelta(seconds=1)])
    entries_at(stores, other, [noon + timedelta(days=1), noon - timedelta(days=1)])

    def read(items: Iterable[dict[str, Any]]) -> list[str]:
        return [stores.activity.read(item).id for item in items]

    newest_first = [each.id for each in reversed(made)]
    assert read(stores.activity.of_attachment(attachment.id, after=None)) == newest_first
    user = f"reader-{attachment.id}"
    assert read(stores.activity.of_user(user, after=None)) == newest_first
    of_day = [*newest_first[:-1], others[0].id, newest_first[-1]]
    assert read(stores.activity.of_day(noon.date(), after=None)) == of_day


def test_a_stored_entry_past_its_ttl_is_absent(
    stores: Stores, noon: datetime, clock: Clock
) -> None:
    attachment = pending(created_at=noon)
    first, second = entries_at(stores, attachment, [noon, noon + timedelta(seconds=1)])

    def read() -> list[list[str]]:
        streams = (
            stores.activity.of_attachment(attachment.id, after=None),
            stores.activity.of_user(f"reader-{attachment.id}", after=None),
            stores.activity.of_day(noon.date(), after=None),
        )
        return [[str(item["id"]) for item in stream] for stream in streams]

    clock.now = noon + ACTIVITY_LIFE - timedelta(seconds=1)
    assert read() == [[second.id, first.id]] * 3
    clock.now = noon + ACTIVITY_LIFE
    assert read() == [[second.id]] * 3


@pytest.mark.parametrize("by", ["attachment", "user", "day"])
def test_activity_goes_on_after_a_position(stores: Stores, noon: datetime, by: str) -> None:
    attachment = pending(created_at=noon)
    made = entries_at(stores, attachment, [noon + timedelta(minutes=n) for n in range(5)])

    def stream(after: str | None) -> list[dict[str, Any]]:
        if by == "attachment":
            return list(stores.activity.of_attachment(attachment.id, after=after))
        if by == "user":
            return list(stores.activity.of_user(f"reader-{attachment.id}", after=after))
        return list(stores.activity.of_day(noon.date(), after=after))

    position = stream(None)[1]["sort"]
    assert [item["id"] for item in stream(position)] == [each.id for each in reversed(made[:3])]


# ---------------------------------------------------------------- storage


def test_a_record_made_from_another_is_logged_with_both(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    source, copy = attached(message, noon), attached(message, noon)
    create(stores, source)
    here = note(copy, Action.FILE_FORWARDED)
    there = note(source, Action.FILE_FORWARDED)
    stores.catalog.create(copy, here, also=there)
    logged = {
        attachment.id: [
            stores.activity.read(item)
            for item in stores.activity.of_attachment(attachment.id, after=None)
        ]
        for attachment in (source, copy)
    }
    assert there in logged[source.id]
    assert logged[copy.id] == [here]
