"""Which attachments each caller finds in lists, a page at a time."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from attachments.errors import ForbiddenError, InvalidCursorError, InvalidRequestError
from attachments.ids import new_id
from attachments.model import Attachment, Caller, FileType, Message, Status
from attachments.views import AttachmentView, PageView
from functions.serve_attachments.serve import LIST_DAYS
from tests.builders import (
    ADMIN,
    CONVERSATION,
    MESSAGE,
    NOON,
    PARTICIPANT,
    SENDER,
    SERVICE,
    STRANGER,
)
from tests.fakes import World
from tests.unit.callers import ids, outcome, serving

# ---------------------------------------------------------------- lists


def test_a_message_lists_what_the_caller_may_see(world: World) -> None:
    made = {
        status: world.add(status, created_at=NOON + timedelta(seconds=number)).id
        for number, status in enumerate(Status)
    }
    alive = [made[status] for status in reversed(Status) if status is not Status.DELETED]

    def listed(caller: Caller) -> list[str]:
        return ids(serving(world, caller).of_message(MESSAGE, limit=50, cursor=None))

    assert listed(SENDER) == alive
    assert listed(ADMIN) == alive
    assert listed(PARTICIPANT) == [made[Status.READY]]


def walk(
    page_after: Callable[[str | None], PageView[AttachmentView]],
) -> tuple[list[str], list[str]]:
    """All ids, page by page, and the cursors between the pages."""
    found: list[str] = []
    cursors: list[str] = []
    page = page_after(None)
    while True:
        found += ids(page)
        if page.next_cursor is None:
            return found, cursors
        cursors.append(page.next_cursor)
        page = page_after(page.next_cursor)


def several(world: World, count: int, **changes: Any) -> list[str]:
    """Ids of ready attachments, newest first."""
    made = [world.add(created_at=NOON + timedelta(seconds=n), **changes) for n in range(count)]
    return [attachment.id for attachment in reversed(made)]


def test_a_conversation_is_paged_newest_first(world: World) -> None:
    newest_first = several(world, 5)
    mine = serving(world, PARTICIPANT)
    found, cursors = walk(
        lambda cursor: mine.of_conversation(CONVERSATION, None, limit=2, cursor=cursor)
    )
    assert found == newest_first
    assert len(cursors) == 2


def test_a_conversation_is_filtered_by_type(world: World) -> None:
    several(world, 2)
    images = several(world, 2, file_type=FileType.IMAGE)
    page = serving(world).of_conversation(CONVERSATION, FileType.IMAGE, limit=9, cursor=None)
    assert ids(page) == images


def test_a_cursor_belongs_to_its_list(world: World) -> None:
    several(world, 3)
    mine = serving(world, ADMIN)
    other = Message(id=new_id(), conversation_id=CONVERSATION, sender_id="sender", version=1)
    world.chat.put_message(other)
    cursor = mine.of_message(MESSAGE, limit=1, cursor=None).next_cursor
    assert cursor is not None
    elsewhere: list[Callable[[], object]] = [
        lambda: mine.of_message(other.id, limit=1, cursor=cursor),
        lambda: mine.of_conversation(CONVERSATION, None, limit=1, cursor=cursor),
        lambda: mine.of_conversation(CONVERSATION, FileType.VIDEO, limit=1, cursor=cursor),
        lambda: mine.of_days(None, None, None, limit=1, cursor=cursor),
        lambda: mine.of_message(MESSAGE, limit=1, cursor=cursor[:-1]),
        lambda: mine.of_message(MESSAGE, limit=1, cursor="x" + cursor),
    ]
    for act in elsewhere:
        with pytest.raises(InvalidCursorError):
            act()
    assert len(mine.of_message(MESSAGE, limit=9, cursor=cursor).items) == 2


def test_a_cursor_belongs_to_its_filter(world: World) -> None:
    several(world, 3)
    mine = serving(world, ADMIN)
    of_all = mine.of_conversation(CONVERSATION, None, limit=1, cursor=None).next_cursor
    with pytest.raises(InvalidCursorError):
        mine.of_conversation(CONVERSATION, FileType.VIDEO, limit=1, cursor=of_all)
    day = NOON.date()
    of_day = mine.of_days(day, day, None, limit=1, cursor=None).next_cursor
    assert of_day is not None
    for first, file_type in ((day - timedelta(days=1), None), (day, FileType.VIDEO)):
        with pytest.raises(InvalidCursorError):
            mine.of_days(first, day, file_type, limit=1, cursor=of_day)


def test_lists_of_what_is_unknown_or_deleted_are_not_found_even_for_admins(world: World) -> None:
    mine = serving(world, ADMIN)
    assert outcome(lambda: mine.of_message(new_id(), limit=9, cursor=None)) == "NotFound"
    assert outcome(lambda: mine.of_conversation(new_id(), None, limit=9, cursor=None)) == "NotFound"
    world.chat.delete_message(MESSAGE, 2, NOON)
    assert outcome(lambda: mine.of_message(MESSAGE, limit=9, cursor=None)) == "NotFound"


# ---------------------------------------------------------------- the list of all


def on(world: World, *days: date) -> list[Attachment]:
    return [
        world.add(created_at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC)) for day in days
    ]


@pytest.mark.parametrize(
    "caller", [SENDER, PARTICIPANT, STRANGER, SERVICE], ids=lambda caller: caller.user_id
)
def test_only_admins_list_all(world: World, caller: Caller) -> None:
    with pytest.raises(ForbiddenError):
        serving(world, caller).of_days(None, None, None, limit=9, cursor=None)


def test_all_is_listed_from_the_first_day_to_the_last(world: World) -> None:
    days = [date(2024, 5, day) for day in (17, 16, 15, 14)]
    made = on(world, *days)
    page = serving(world, ADMIN).of_days(days[2], days[1], None, limit=9, cursor=None)
    assert ids(page) == [made[1].id, made[2].id]


def test_without_days_the_last_thirty_are_listed(world: World) -> None:
    today = NOON.date()
    first = today - timedelta(days=LIST_DAYS - 1)
    made = on(world, today - timedelta(days=1), first, first - timedelta(days=1))
    found, _ = walk(
        lambda cursor: serving(world, ADMIN).of_days(None, None, None, limit=1, cursor=cursor)
    )
    assert found == [made[0].id, made[1].id]
    ending = serving(world, ADMIN).of_days(
        None, first - timedelta(days=1), None, limit=9, cursor=None
    )
    assert ids(ending) == [made[2].id]


def test_a_long_span_is_walked_by_cursors(world: World) -> None:
    days = [date(2024, 5, 17) - timedelta(days=n) for n in (0, 30, 90, 200)]
    made = on(world, *days)
    found, _ = walk(
        lambda cursor: serving(world, ADMIN).of_days(
            days[-1], days[0], None, limit=9, cursor=cursor
        )
    )
    assert found == [attachment.id for attachment in made]


def test_days_that_make_no_span_are_refused(world: World) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        serving(world, ADMIN).of_days(
            date(2024, 5, 2), date(2024, 5, 1), None, limit=9, cursor=None
        )
    assert list(refused.value.fields) == ["from"]


def test_the_first_days_of_the_calendar_are_empty(world: World) -> None:
    page = serving(world, ADMIN).of_days(None, date.min, None, limit=9, cursor=None)
    assert (page.items, page.next_cursor) == ([], None)
