"""Lists of a message, of a conversation and of days, a page at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from attachments import catalog as catalog_module
from attachments import dynamo
from attachments.access import visible
from attachments.catalog import Catalog, Page
from attachments.errors import InvalidCursorError
from attachments.ids import new_id
from attachments.model import FileType, Status
from local.provision import Stack
from tests.builders import in_state
from tests.contract.conftest import Clock, Stores
from tests.contract.records import attached, create, every, flat, ids, made_at, walk

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


# ---------------------------------------------------------------- lists


def test_a_message_lists_its_attachments_newest_first(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    made = made_at(stores, message, [noon + timedelta(milliseconds=n) for n in (2, 0, 4, 1, 3)])
    made_at(stores, stores.message(), [noon])
    newest_first = ids(sorted(made, key=lambda attachment: attachment.created_at, reverse=True))
    pages = walk(
        lambda after: stores.catalog.of_message(message.id, keep=every, limit=2, after=after)
    )
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:]]


def test_a_full_last_page_has_no_next(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    made_at(stores, message, [noon, noon + timedelta(seconds=1)])
    page = stores.catalog.of_message(message.id, keep=every, limit=2, after=None)
    assert (len(page.items), page.next) == (2, None)


def test_attachments_of_the_same_instant_are_all_listed_once(
    stores: Stores, noon: datetime
) -> None:
    message = stores.message()
    made = made_at(stores, message, [noon] * 5)
    for limit in (1, 2, 5, 50):

        def page_after(after: str | None, limit: int = limit) -> Page:
            return stores.catalog.of_message(message.id, keep=every, limit=limit, after=after)

        assert sorted(flat(walk(page_after))) == sorted(ids(made))


def test_a_conversation_lists_all_its_messages_or_one_type(stores: Stores, noon: datetime) -> None:
    first = stores.message()
    second = replace(stores.message(), id=new_id(), conversation_id=first.conversation_id)
    assert stores.chat.put_message(second)
    video = attached(first, noon)
    image = attached(second, noon + timedelta(seconds=1), file_type=FileType.IMAGE)
    later_video = attached(second, noon + timedelta(seconds=2))
    create(stores, video, image, later_video)

    def listed(file_type: FileType | None, limit: int = 2) -> list[str]:
        return flat(
            walk(
                lambda after: stores.catalog.of_conversation(
                    first.conversation_id, file_type, keep=every, limit=limit, after=after
                )
            )
        )

    assert listed(None) == ids([later_video, image, video])
    assert listed(FileType.VIDEO, 1) == ids([later_video, video])
    assert listed(FileType.IMAGE) == ids([image])
    assert listed(FileType.AUDIO) == []


def test_a_record_moves_to_the_list_of_the_type_that_it_turned_out_to_be(
    stores: Stores, noon: datetime
) -> None:
    message = stores.message()
    attachment = attached(message, noon)
    create(stores, attachment)
    ready = replace(in_state(attachment, Status.READY), file_type=FileType.AUDIO)
    stores.catalog.change(ready, None)

    def listed(file_type: FileType) -> list[str]:
        page = stores.catalog.of_conversation(
            message.conversation_id, file_type, keep=every, limit=9, after=None
        )
        return ids(page.items)

    assert listed(FileType.AUDIO) == [attachment.id]
    assert listed(FileType.VIDEO) == []


def test_what_is_not_kept_is_passed_over(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    made = made_at(stores, message, [noon + timedelta(seconds=n) for n in range(9)])
    wanted = {made[1].id, made[4].id, made[7].id}
    pages = walk(
        lambda after: stores.catalog.of_conversation(
            message.conversation_id,
            None,
            keep=lambda attachment: attachment.id in wanted,
            limit=2,
            after=after,
        )
    )
    assert pages == [[made[7].id, made[4].id], [made[1].id]]


def test_a_page_ends_early_after_many_that_were_not_kept(
    stores: Stores, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "MAX_EXAMINED", 20)
    message = stores.message()
    made = made_at(stores, message, [noon + timedelta(seconds=n) for n in range(30)])
    wanted = {made[0].id, made[28].id}
    pages = walk(
        lambda after: stores.catalog.of_message(
            message.id, keep=lambda attachment: attachment.id in wanted, limit=10, after=after
        )
    )
    assert pages == [[made[28].id], [made[0].id]]


def test_an_index_that_lags_shows_nothing_old(
    aws_stores: Stores, noon: datetime, stack: Stack, dynamodb: "DynamoDBClient"
) -> None:
    """What a list shows is the record itself: here its index still says that it is pending."""
    message = aws_stores.message()
    attachment = attached(message, noon)
    create(aws_stores, attachment)
    dynamodb.update_item(
        TableName=stack.names["Attachments"],
        Key={"id": attachment.id},
        UpdateExpression="SET #status = :deleted",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":deleted": "deleted"},
    )
    page = aws_stores.catalog.of_conversation(
        message.conversation_id,
        None,
        keep=lambda shown: visible(shown, frozenset()),
        limit=9,
        after=None,
    )
    assert page == Page([], None)


# ---------------------------------------------------------------- lists by day


def test_days_are_listed_over_their_ends_and_shards_newest_first(
    stores: Stores, noon: datetime
) -> None:
    message = stores.message()
    midnight = noon + timedelta(hours=12)
    times = [midnight + timedelta(hours=3 * n, milliseconds=1) for n in range(-8, 8)]
    made = made_at(stores, message, times)
    assert len({dynamo.shard(attachment.id) for attachment in made}) > 1
    first, last = times[0].date(), times[-1].date()
    for limit in (5, 100):

        def page_after(after: str | None, limit: int = limit) -> Page:
            return stores.catalog.of_days(first, last, None, keep=every, limit=limit, after=after)

        assert flat(walk(page_after)) == ids(reversed(made))


def test_only_the_days_asked_for_are_listed(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    day = timedelta(days=1)
    start = datetime(noon.year, noon.month, noon.day, tzinfo=UTC)
    end = start + day - timedelta(milliseconds=1)
    _, first, last, _ = made_at(stores, message, [start - day, start, end, start + day])
    page = stores.catalog.of_days(noon.date(), noon.date(), None, keep=every, limit=9, after=None)
    assert (ids(page.items), page.next) == ([last.id, first.id], None)


class Lagging:
    """A client whose queries answer as they did the first time: an index that lags."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self._client = client
        self._answers: dict[str, Any] = {}

    def query(self, **asked: Any) -> Any:
        key = repr(sorted(asked.items()))
        if key not in self._answers:
            self._answers[key] = self._client.query(**asked)
        return self._answers[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_list_of_one_type_shows_no_other_however_its_index_lags(
    aws_stores: Stores, noon: datetime, stack: Stack, dynamodb: "DynamoDBClient", clock: Clock
) -> None:
    message = aws_stores.message()
    attachment = attached(message, noon)
    create(aws_stores, attachment)
    lagging = Catalog(
        cast(Any, Lagging(dynamodb)),
        stack.names["Attachments"],
        chat=aws_stores.chat,
        users=aws_stores.users,
        activity=aws_stores.activity,
        guards=aws_stores.guards,
        clock=clock,
    )

    def videos() -> list[list[str]]:
        day = noon.date()
        pages = (
            lagging.of_conversation(
                message.conversation_id, FileType.VIDEO, keep=every, limit=9, after=None
            ),
            lagging.of_days(day, day, FileType.VIDEO, keep=every, limit=9, after=None),
        )
        return [ids(page.items) for page in pages]

    assert videos() == [[attachment.id]] * 2
    ready = replace(in_state(attachment, Status.READY), file_type=FileType.AUDIO)
    aws_stores.catalog.change(ready, None)
    assert videos() == [[]] * 2


def test_days_are_listed_by_type(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    video, image = attached(message, noon), attached(message, noon, file_type=FileType.IMAGE)
    create(stores, video, image)
    page = stores.catalog.of_days(
        noon.date(), noon.date(), FileType.IMAGE, keep=every, limit=9, after=None
    )
    assert ids(page.items) == [image.id]


def test_a_long_span_is_walked_a_month_at_a_time(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    made = made_at(stores, message, [noon - timedelta(days=n) for n in (0, 29, 31, 70, 99)])
    first, last = (noon - timedelta(days=99)).date(), noon.date()
    pages = walk(
        lambda after: stores.catalog.of_days(first, last, None, keep=every, limit=2, after=after)
    )
    assert flat(pages) == ids(made)
    assert 3 <= len(pages) <= 5


def test_the_first_days_of_the_calendar_can_be_asked_for(stores: Stores) -> None:
    page = stores.catalog.of_days(date.min, date.min, None, keep=every, limit=9, after=None)
    assert page == Page([], None)


def test_a_position_in_no_day_is_refused(stores: Stores, noon: datetime) -> None:
    with pytest.raises(InvalidCursorError):
        stores.catalog.of_days(
            noon.date(), noon.date(), None, keep=every, limit=9, after="yesterday"
        )
