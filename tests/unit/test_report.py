"""The activity log as admins read it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from attachments.activity import entry
from attachments.errors import ForbiddenError, InvalidCursorError, InvalidRequestError
from attachments.model import Action, Activity, Attachment, Caller
from attachments.views import PageView
from functions.report.activity import ActivityQuery, ActivityView, list_activity
from tests.builders import ADMIN, NOON, PARTICIPANT, SENDER, SERVICE, STRANGER, pending
from tests.fakes import World


def asked(**changes: Any) -> ActivityQuery:
    fields = {"user": None, "attachment": None, "first": None, "last": None}
    return ActivityQuery(**{**fields, **changes})


def report(
    world: World,
    query: ActivityQuery,
    *,
    caller: Caller = ADMIN,
    limit: int = 50,
    cursor: str | None = None,
) -> PageView[ActivityView]:
    return list_activity(
        query,
        caller=caller,
        activity=world.activity,
        clock=world.clock,
        limit=limit,
        cursor=cursor,
    )


def walk(world: World, query: ActivityQuery, limit: int) -> list[str]:
    """The ids of all pages; it must come to an end."""
    found: list[str] = []
    cursor: str | None = None
    for _ in range(50):
        page = report(world, query, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        found += [item.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


def add(
    world: World, times: Iterable[datetime], attachment: Attachment, user: str = "participant"
) -> list[Activity]:
    made = [entry(Action.FILE_DOWNLOADED, attachment, user_id=user, at=at) for at in times]
    for each in made:
        world.activity.add(each)
    return made


def ids(entries: Iterable[Activity]) -> list[str]:
    return [each.id for each in entries]


@pytest.mark.parametrize(
    "caller", [SENDER, PARTICIPANT, STRANGER, SERVICE], ids=lambda caller: caller.user_id
)
def test_only_admins_read_the_log(world: World, caller: Caller) -> None:
    with pytest.raises(ForbiddenError):
        report(world, asked(), caller=caller)


def test_an_entry_is_shown_whole(world: World) -> None:
    attachment = pending()
    written = entry(
        Action.FILE_DELETED,
        attachment,
        user_id="admin",
        at=NOON,
        admin_override=True,
        description="why",
    )
    world.activity.add(written)
    page = report(world, asked(attachment=attachment.id))
    assert page.model_dump(mode="json") == {
        "items": [
            {
                "id": written.id,
                "action": "file_deleted",
                "user_id": "admin",
                "attachment_id": attachment.id,
                "message_id": attachment.message_id,
                "conversation_id": attachment.conversation_id,
                "at": "2024-05-17T12:00:00.000Z",
                "admin_override": True,
                "description": "why",
            }
        ],
        "next_cursor": None,
    }


def test_entries_are_found_by_attachment_by_user_and_by_both(world: World) -> None:
    one, other = pending(), pending()
    times = [NOON + timedelta(minutes=n) for n in range(4)]
    by_ann = add(world, times[:2], one, "ann")
    by_bob = add(world, times[2:3], one, "bob")
    elsewhere = add(world, times[3:], other, "ann")
    for limit in (1, 50):
        assert walk(world, asked(attachment=one.id), limit) == ids([*by_bob, *reversed(by_ann)])
        assert walk(world, asked(user="ann"), limit) == ids([*elsewhere, *reversed(by_ann)])
        both = asked(user="ann", attachment=one.id)
        assert walk(world, both, limit) == ids(reversed(by_ann))
    assert walk(world, asked(user="nobody"), 50) == []


@pytest.mark.parametrize("by", ["all", "user", "attachment"])
def test_both_ends_of_a_span_belong_to_it(world: World, by: str) -> None:
    attachment = pending()
    second = timedelta(seconds=1)
    times = [NOON - second, NOON, NOON + second, NOON + 2 * second]
    made = add(world, times, attachment)
    whose = {"user": {"user": "participant"}, "attachment": {"attachment": attachment.id}}
    query = asked(first=NOON, last=NOON + second, **whose.get(by, {}))
    assert walk(world, query, 1) == ids([made[2], made[1]])


def test_without_a_span_the_last_thirty_days_are_shown(world: World) -> None:
    attachment = pending()
    recent, _ = add(world, [NOON - timedelta(days=29), NOON - timedelta(days=33)], attachment)
    assert walk(world, asked(), 50) == [recent.id]
    ending = asked(last=NOON - timedelta(days=32))
    assert len(walk(world, ending, 50)) == 1


def test_a_long_span_is_walked_by_cursors(world: World) -> None:
    times = [NOON - timedelta(days=n) for n in (0, 31, 32, 100, 364)]
    made = add(world, times, pending())
    assert walk(world, asked(first=times[-1], last=NOON), 2) == ids(made)


def test_a_time_of_another_zone_is_the_same_instant(world: World) -> None:
    east, west = timezone(timedelta(hours=2)), timezone(timedelta(hours=-3))
    late_evening = datetime(2024, 5, 16, 22, 45, tzinfo=UTC)
    after_midnight = datetime(2024, 5, 17, 0, 15, tzinfo=UTC)
    made = add(world, [after_midnight, late_evening], pending())
    # Both ends name another day than UTC does.
    query = asked(
        first=late_evening.astimezone(east) - timedelta(minutes=5),
        last=after_midnight.astimezone(west) + timedelta(minutes=5),
    )
    assert query.first is not None
    assert query.first.day == 17
    assert query.last is not None
    assert query.last.day == 16
    assert walk(world, query, 50) == ids(made)


def test_a_time_without_a_zone_is_utc(world: World) -> None:
    [made] = add(world, [NOON], pending())
    naive = NOON.replace(tzinfo=None)
    assert walk(world, asked(first=naive, last=naive), 50) == [made.id]


def test_a_span_that_ends_before_it_begins_is_refused(world: World) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        report(world, asked(first=NOON, last=NOON - timedelta(seconds=1)))
    assert list(refused.value.fields) == ["from"]
    with pytest.raises(InvalidRequestError):
        report(world, asked(first=NOON.replace(tzinfo=None), last=NOON - timedelta(seconds=1)))


@pytest.mark.parametrize("end", ["first", "last"])
@pytest.mark.parametrize("offset", [-14, 0, 14])
@pytest.mark.parametrize("instant", [datetime.min, datetime.max])  # noqa: DTZ901
def test_the_ends_of_the_calendar_are_refused(
    world: World, end: str, offset: int, instant: datetime
) -> None:
    zone = timezone(timedelta(hours=offset))
    with pytest.raises(InvalidRequestError) as refused:
        report(world, asked(**{end: instant.replace(tzinfo=zone)}))
    assert list(refused.value.fields) == [{"first": "from", "last": "to"}[end]]


def test_a_cursor_belongs_to_its_query(world: World) -> None:
    add(world, [NOON, NOON + timedelta(seconds=1)], pending())
    cursor = report(world, asked(user="participant"), limit=1).next_cursor
    assert cursor is not None
    for other in (asked(), asked(user="ann"), asked(user="participant", last=NOON)):
        with pytest.raises(InvalidCursorError):
            report(world, other, limit=1, cursor=cursor)
    rest = report(world, asked(user="participant"), limit=1, cursor=cursor)
    assert (len(rest.items), rest.next_cursor) == (1, None)
