"""One contract for the stores in memory and the real ones.

The real ones run on moto, which is lenient where AWS is not. moto does not (and who proves it):

    check signatures
        contract/test_gate.py          test_an_altered_url_is_refused
    refuse a URL that has expired
        stack/test_signed_requests.py  test_an_expired_url_is_refused
    hold a body to its signed length and type
        contract/test_gate.py          test_an_upload_other_than_signed_is_refused
    hold a body to its checksum
        contract/test_gate.py          test_a_body_must_have_the_digest_that_its_headers_say
    refuse headers that nobody signed
        contract/test_gate.py          test_an_unsigned_amz_header_is_refused
    apply CORS rules
        contract/test_gate.py          test_nobody_else_may_ask
        stack/test_cors.py             test_a_foreign_page_may_not_upload_to_the_bucket
    honour ClientRequestToken: a replayed transaction is applied twice
        contract/test_stores.py        test_a_replayed_transaction_finds_its_own_revision_taken
    refuse a copy to where an object is
        contract/test_gate.py          test_a_copy_takes_no_place_that_is_taken
    isolate transactions, or report a conflict of two (here it serves one request at a time)
        unit/test_dynamo.py            test_a_transaction_that_meets_another_is_tried_again
    remove items at the end of their TTL, and AWS does so only within days
        contract/test_stores.py        test_an_idempotency_key_ends_with_its_life
        contract/test_stores.py        test_what_expires_carries_its_ttl
        contract/test_stores.py        test_a_stored_record_past_its_ttl_is_absent
        contract/test_stores.py        test_a_stored_entry_past_its_ttl_is_absent
    delay its indexes
        contract/test_stores.py        test_an_index_that_lags_shows_nothing_old
        contract/test_stores.py        test_a_list_of_one_type_shows_no_other_however_its_index_lags
    refuse an empty string as a key
        unit/test_http_edge.py         test_every_wrong_field_of_a_query_is_named
"""

import itertools
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from attachments import catalog as catalog_module
from attachments import dynamo
from attachments.access import visible
from attachments.activity import ActivityLog, entry
from attachments.catalog import Catalog, IdempotencyKeyTakenError, Page
from attachments.chat import HEAD_START, Chat
from attachments.errors import (
    ConflictError,
    CopyUnfinishedError,
    InvalidCursorError,
    MessageGoneError,
    NotFoundError,
    ObjectMissingError,
    StaleRecordError,
)
from attachments.guards import KEY_LIFE, Guards, IdempotencyKey
from attachments.ids import new_id, rfc3339
from attachments.model import (
    Action,
    Activity,
    Attachment,
    FileType,
    Message,
    ObjectVersion,
    Status,
    WebPlayable,
)
from attachments.settings import read_settings
from attachments.storage import Storage
from attachments.users import Users
from local.provision import Stack
from tests.builders import ACTIVITY_LIFE, MEDIA, SENDER, VIDEO, in_state, pending
from tests.contract.conftest import Clock, Stores
from tests.fakes import (
    MemoryActivity,
    MemoryCatalog,
    MemoryChat,
    MemoryGuards,
    MemoryStorage,
    MemoryUsers,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


def attached(message: Message, at: datetime, **changes: Any) -> Attachment:
    """A pending attachment of this message."""
    fields = {
        "message_id": message.id,
        "conversation_id": message.conversation_id,
        "created_at": at,
        "due_at": at + timedelta(hours=1),
    }
    return pending(**{**fields, **changes})


def note(attachment: Attachment, action: Action = Action.UPLOAD_REQUESTED) -> Activity:
    return entry(action, attachment, user_id=attachment.uploaded_by, at=attachment.created_at)


def create(stores: Stores, *attachments: Attachment) -> None:
    for attachment in attachments:
        stores.catalog.create(attachment, note(attachment))


def made_at(stores: Stores, message: Message, times: Iterable[datetime]) -> list[Attachment]:
    """Attachments of a message at these times."""
    made = [attached(message, at) for at in times]
    create(stores, *made)
    return made


def every(_: Attachment) -> bool:
    return True


def walk(page_after: Callable[[str | None], Page]) -> list[list[str]]:
    """The ids of all pages, by following the positions; it must come to an end."""
    pages, after = [], None
    for _ in range(50):
        page = page_after(after)
        pages.append([attachment.id for attachment in page.items])
        after = page.next
        if after is None:
            return pages
    raise AssertionError("the pages do not end")


def flat(pages: list[list[str]]) -> list[str]:
    return list(itertools.chain.from_iterable(pages))


def ids(attachments: Iterable[Attachment]) -> list[str]:
    return [attachment.id for attachment in attachments]


# ---------------------------------------------------------------- the suite itself


def test_the_table_above_names_tests_that_exist() -> None:
    tests = Path(__file__).parents[1]
    named = re.findall(r"^ {8}(\S+\.py) +(test_\w+)$", __doc__ or "", re.MULTILINE)
    assert len(named) >= 10
    for file, test in named:
        assert f"def {test}(" in (tests / file).read_text(), test


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (MemoryCatalog, Catalog),
        (MemoryChat, Chat),
        (MemoryActivity, ActivityLog),
        (MemoryGuards, Guards),
        (MemoryUsers, Users),
        (MemoryStorage, Storage),
    ],
)
def test_a_fake_brings_every_public_method_itself(fake: type, real: type) -> None:
    inherited = {
        name
        for name, member in vars(real).items()
        if not name.startswith("_") and callable(member) and name not in vars(fake)
    }
    shared_on_purpose = {"read"} if real is ActivityLog else set()  # static: reads an item
    assert inherited <= shared_on_purpose


# ---------------------------------------------------------------- records


def test_a_record_comes_back_as_it_was_written(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon, sha256="c2hhMjU2", video_only=True)
    create(stores, attachment)
    assert stores.catalog.get(attachment.id) == attachment


def test_all_that_inspection_learnt_comes_back(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    media = replace(
        MEDIA, web_playable=WebPlayable("some", "HEVC plays in Safari only."), waveform=(0, 7, 255)
    )
    ready = replace(
        in_state(attachment, Status.READY),
        media=media,
        uploaded_at=noon + timedelta(microseconds=123_456),
    )
    stores.catalog.change(ready, note(attachment, Action.FILE_UPLOADED))
    assert stores.catalog.get(attachment.id) == ready


@pytest.mark.parametrize("status", list(Status))
def test_a_record_comes_back_in_every_state(stores: Stores, noon: datetime, status: Status) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    moved = in_state(attachment, status)
    if status is not Status.PENDING:
        stores.catalog.change(moved, None)
    assert stores.catalog.get(attachment.id) == moved


def test_an_unknown_record_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFoundError):
        stores.catalog.get(new_id())


def test_a_record_is_created_once(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    with pytest.raises(StaleRecordError):
        create(stores, replace(attachment, file_name="other.mp4"))
    assert stores.catalog.get(attachment.id) == attachment


def test_nothing_is_attached_to_a_message_that_is_not_there(stores: Stores, noon: datetime) -> None:
    attachment = pending(message_id=new_id(), created_at=noon)
    with pytest.raises(MessageGoneError):
        create(stores, attachment)
    with pytest.raises(NotFoundError):
        stores.catalog.get(attachment.id)
    assert list(stores.activity.of_attachment(attachment.id, after=None)) == []


def test_nothing_is_attached_to_a_deleted_message(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    stores.chat.delete_message(message.id, 2, noon)
    with pytest.raises(MessageGoneError):
        create(stores, attached(message, noon))
    assert list(stores.chat.attachments_of(message.id)) == []


def test_a_change_of_what_was_read_before_another_change_is_refused(
    stores: Stores, noon: datetime
) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    failed = in_state(attachment, Status.FAILED)
    stores.catalog.change(failed, None)
    expired = in_state(attachment, Status.EXPIRED)
    with pytest.raises(StaleRecordError):
        stores.catalog.change(expired, note(attachment, Action.UPLOAD_EXPIRED))
    assert stores.catalog.get(attachment.id) == failed
    log = stores.activity.of_attachment(attachment.id, after=None)
    assert [stores.activity.read(item).action for item in log] == [Action.UPLOAD_REQUESTED]


def test_a_record_that_was_never_created_cannot_be_changed(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon)
    with pytest.raises(StaleRecordError):
        stores.catalog.change(in_state(attachment, Status.FAILED), None)


def test_of_twenty_writers_at_once_one_wins(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    start = threading.Barrier(20)

    def write(number: int) -> bool:
        mine = attachment.failed(reason=f"writer {number}")
        start.wait()
        try:
            stores.catalog.change(mine, note(attachment, Action.FILE_FAILED))
        except StaleRecordError:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        won = list(threads.map(write, range(20)))
    assert won.count(True) == 1
    assert stores.catalog.get(attachment.id).reason == f"writer {won.index(True)}"
    log = stores.activity.of_attachment(attachment.id, after=None)
    assert sorted(stores.activity.read(item).action for item in log) == [
        Action.FILE_FAILED,
        Action.UPLOAD_REQUESTED,
    ]


def test_a_replayed_transaction_finds_its_own_revision_taken(
    stores: Stores, noon: datetime
) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    failed = in_state(attachment, Status.FAILED)
    stores.catalog.change(failed, None)
    with pytest.raises(StaleRecordError):
        stores.catalog.change(failed, None)


def test_nothing_becomes_ready_after_its_message_was_deleted(
    stores: Stores, noon: datetime
) -> None:
    message = stores.message()
    attachment = attached(message, noon)
    create(stores, attachment)
    stores.chat.delete_message(message.id, 2, noon)
    with pytest.raises(MessageGoneError):
        stores.catalog.change(in_state(attachment, Status.READY), None)
    assert stores.catalog.get(attachment.id) == attachment


def test_a_deleted_record_leaves_its_message_and_every_list(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    attachment, other = made_at(stores, message, [noon, noon + timedelta(seconds=1)])
    stores.catalog.change(attachment.deleted(now=noon), None)
    day = noon.date()
    pages = [
        stores.catalog.of_message(message.id, keep=every, limit=9, after=None),
        stores.catalog.of_conversation(
            message.conversation_id, None, keep=every, limit=9, after=None
        ),
        stores.catalog.of_days(day, day, None, keep=every, limit=9, after=None),
    ]
    assert [ids(page.items) for page in pages] == [[other.id]] * 3
    assert [item["id"] for item in stores.chat.attachments_of(message.id)] == [other.id]


# ---------------------------------------------------------------- idempotency keys


def key_of(attachment: Attachment, value: str, user: str = SENDER.user_id) -> IdempotencyKey:
    return IdempotencyKey(user, value, "hash-of-the-body", attachment.id)


def test_an_idempotency_key_is_found_by_user_and_value(stores: Stores, noon: datetime) -> None:
    attachment, key = attached(stores.message(), noon), new_id()
    stores.catalog.create(attachment, note(attachment), key_of(attachment, key))
    assert stores.guards.find(SENDER.user_id, key, noon) == ("hash-of-the-body", attachment.id)
    assert stores.guards.find("participant", key, noon) is None
    assert stores.guards.find(SENDER.user_id, new_id(), noon) is None


def test_a_key_is_used_once_and_the_second_record_is_not_written(
    stores: Stores, noon: datetime
) -> None:
    message, key = stores.message(), new_id()
    first, second = attached(message, noon), attached(message, noon)
    stores.catalog.create(first, note(first), key_of(first, key))
    with pytest.raises(IdempotencyKeyTakenError):
        stores.catalog.create(second, note(second), key_of(second, key))
    with pytest.raises(NotFoundError):
        stores.catalog.get(second.id)
    assert list(stores.activity.of_attachment(second.id, after=None)) == []
    assert [item["id"] for item in stores.chat.attachments_of(message.id)] == [first.id]


def test_of_twenty_requests_at_once_with_one_key_one_is_written(
    stores: Stores, noon: datetime
) -> None:
    message, key = stores.message(), new_id()
    drafts = [attached(message, noon) for _ in range(20)]
    start = threading.Barrier(20)

    def reserve(draft: Attachment) -> bool:
        start.wait()
        try:
            stores.catalog.create(draft, note(draft), key_of(draft, key))
        except IdempotencyKeyTakenError:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        won = list(threads.map(reserve, drafts))
    assert won.count(True) == 1
    winner = drafts[won.index(True)]
    assert [item["id"] for item in stores.chat.attachments_of(message.id)] == [winner.id]


def test_two_users_may_use_the_same_key(stores: Stores, noon: datetime) -> None:
    message, key = stores.message(), new_id()
    first, second = attached(message, noon), attached(message, noon)
    stores.catalog.create(first, note(first), key_of(first, key, "sender"))
    stores.catalog.create(second, note(second), key_of(second, key, "admin"))
    assert stores.guards.find("admin", key, noon) == ("hash-of-the-body", second.id)


def test_an_idempotency_key_ends_with_its_life(stores: Stores, noon: datetime) -> None:
    message, key = stores.message(), new_id()
    first, second = attached(message, noon), attached(message, noon + KEY_LIFE)
    stores.catalog.create(first, note(first), key_of(first, key))
    almost = noon + KEY_LIFE - timedelta(seconds=1)
    assert stores.guards.find(SENDER.user_id, key, almost) is not None
    assert stores.guards.find(SENDER.user_id, key, noon + KEY_LIFE) is None
    stores.catalog.create(second, note(second), key_of(second, key))
    found = stores.guards.find(SENDER.user_id, key, noon + KEY_LIFE)
    assert found == ("hash-of-the-body", second.id)


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


# ---------------------------------------------------------------- deadlines


def due(stores: Stores, now: datetime, among: Sequence[Attachment]) -> set[str]:
    found = [id_ for n in range(dynamo.SHARDS) for id_ in stores.catalog.due(now, n)]
    assert len(found) == len(set(found))
    return set(found) & set(ids(among))


def test_a_record_is_due_from_its_deadline_on(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    made = [attached(message, noon, due_at=noon + timedelta(hours=n)) for n in (1, 2, 3)]
    create(stores, *made)
    assert due(stores, noon, made) == set()
    assert due(stores, noon + timedelta(hours=2), made) == {made[0].id, made[1].id}


def test_a_renewed_record_is_due_later(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    stores.catalog.change(attachment.renewed(due_at=noon + timedelta(hours=5)), None)
    assert due(stores, noon + timedelta(hours=4), [attachment]) == set()
    assert due(stores, noon + timedelta(hours=5), [attachment]) == {attachment.id}


def test_what_is_decided_is_due_no_more_until_it_is_deleted(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    ready = in_state(attachment, Status.READY)
    stores.catalog.change(ready, None)
    later = noon + timedelta(days=9)
    assert due(stores, later, [attachment]) == set()
    deleted = ready.deleted(now=noon)
    stores.catalog.change(deleted, None)
    assert due(stores, later, [attachment]) == {attachment.id}
    stores.catalog.change(deleted.purged(now=noon, keep=timedelta(days=30)), None)
    assert due(stores, later, [attachment]) == set()


def test_what_expires_carries_its_ttl(
    aws_stores: Stores, noon: datetime, stack: Stack, dynamodb: "DynamoDBClient"
) -> None:
    message, key = aws_stores.message(), new_id()
    attachment = attached(message, noon)
    used = key_of(attachment, key)
    aws_stores.catalog.create(attachment, note(attachment), used)
    keep = timedelta(days=30)
    purged = attachment.deleted(now=noon).purged(now=noon, keep=keep)
    aws_stores.catalog.change(replace(purged, revision=2), None)
    aws_stores.chat.delete_message(message.id, 2, noon)
    aws_stores.chat.finish_message(message.id, expires_at=noon + keep)
    [logged] = aws_stores.activity.of_attachment(attachment.id, after=None)

    def ttl(table: str, item_key: dict[str, Any]) -> int:
        item = dynamodb.get_item(TableName=stack.names[table], Key=item_key)["Item"]
        return int(str(item["ttl"]))

    assert ttl("Attachments", {"id": attachment.id}) == (noon + keep).timestamp()
    assert ttl("Chat", {"pk": f"message#{message.id}", "sk": "meta"}) == (noon + keep).timestamp()
    assert ttl("Guards", {"pk": used.pk}) == (noon + KEY_LIFE).timestamp()
    activity_key = {"attachment_id": attachment.id, "sort": logged["sort"]}
    assert ttl("Activity", activity_key) == (noon + timedelta(days=365)).timestamp()
    for table in ("Attachments", "Chat", "Guards", "Activity"):
        switch = dynamodb.describe_time_to_live(TableName=stack.names[table])
        assert switch["TimeToLiveDescription"] == {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": "ttl",
        }


def test_a_stored_record_past_its_ttl_is_absent(
    stores: Stores, noon: datetime, clock: Clock
) -> None:
    message, keep = stores.message(), timedelta(days=30)
    attachment, other = made_at(stores, message, [noon, noon + timedelta(seconds=1)])
    expired = attachment.expired(now=noon, keep=keep)
    stores.catalog.change(expired, None)

    def listed() -> list[list[str]]:
        conversation, day = message.conversation_id, noon.date()
        pages = (
            stores.catalog.of_message(message.id, keep=every, limit=9, after=None),
            stores.catalog.of_conversation(conversation, None, keep=every, limit=9, after=None),
            stores.catalog.of_days(day, day, None, keep=every, limit=9, after=None),
        )
        return [ids(page.items) for page in pages]

    clock.now = noon + keep - timedelta(seconds=1)
    assert stores.catalog.get(attachment.id) == expired
    assert listed() == [[other.id, attachment.id]] * 3
    clock.now = noon + keep
    with pytest.raises(NotFoundError):
        stores.catalog.get(attachment.id)
    assert listed() == [[other.id]] * 3


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


# ---------------------------------------------------------------- conversations


def members(stores: Stores, conversation: str, *users: str) -> set[str]:
    return {user for user in users if stores.chat.membership(conversation, user).participant}


def test_participants_are_those_of_the_newest_version(stores: Stores) -> None:
    conversation = new_id()
    assert stores.chat.put_conversation(conversation, ["ann", "bob"], 1)
    assert members(stores, conversation, "ann", "bob", "cy") == {"ann", "bob"}
    assert stores.chat.put_conversation(conversation, ["bob", "cy"], 2)
    assert members(stores, conversation, "ann", "bob", "cy") == {"bob", "cy"}


def test_an_older_version_lets_nobody_in_again(stores: Stores) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["bob"], 5)
    assert not stores.chat.put_conversation(conversation, ["ann", "bob"], 4)
    assert members(stores, conversation, "ann", "bob") == {"bob"}


def test_the_same_version_with_the_same_participants_is_a_repetition(stores: Stores) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann", "bob"], 3)
    assert stores.chat.put_conversation(conversation, ["bob", "ann", "ann"], 3)
    assert members(stores, conversation, "ann", "bob") == {"ann", "bob"}


def test_the_same_version_with_other_participants_is_a_conflict(stores: Stores) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann"], 3)
    with pytest.raises(ConflictError):
        stores.chat.put_conversation(conversation, ["bob"], 3)
    assert members(stores, conversation, "ann", "bob") == {"ann"}


def test_participants_may_need_several_transactions(stores: Stores) -> None:
    conversation = new_id()
    crowd = [f"user-{n:03}" for n in range(130)]
    assert stores.chat.put_conversation(conversation, crowd, 1)
    asked = ("user-000", "user-098", "user-099", "user-129")
    assert members(stores, conversation, *asked) == set(asked)
    assert stores.chat.put_conversation(conversation, crowd[110:], 2)
    assert members(stores, conversation, *asked) == {"user-129"}


def test_an_unknown_conversation_has_nobody(stores: Stores) -> None:
    membership = stores.chat.membership(new_id(), "ann")
    assert (membership.known, membership.participant) == (False, False)


def test_nobody_is_in_a_deleted_conversation(stores: Stores, noon: datetime) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann"], 1)
    assert stores.chat.delete_conversation(conversation, 2, noon)
    for _ in ("marked", "finished"):
        membership = stores.chat.membership(conversation, "ann")
        assert (membership.known, membership.participant) == (False, False)
        stores.chat.finish_conversation(conversation, expires_at=noon)


def test_a_finished_conversation_leaves_only_its_tombstone(
    aws_stores: Stores, noon: datetime, stack: Stack, dynamodb: "DynamoDBClient"
) -> None:
    conversation = new_id()
    aws_stores.chat.put_conversation(conversation, [f"user-{n}" for n in range(20)], 1)
    aws_stores.chat.delete_conversation(conversation, 2, noon)
    aws_stores.chat.finish_conversation(conversation, expires_at=noon)
    left = dynamodb.query(
        TableName=stack.names["Chat"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": f"conversation#{conversation}"},
    )["Items"]
    assert [str(row["sk"]) for row in left] == ["meta"]


def test_a_deleted_conversation_stays_deleted(stores: Stores, noon: datetime) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann"], 1)
    stores.chat.delete_conversation(conversation, 5, noon)
    assert not stores.chat.put_conversation(conversation, ["ann"], 4)
    assert not stores.chat.put_conversation(conversation, ["ann"], 5)
    with pytest.raises(ConflictError):
        stores.chat.put_conversation(conversation, ["ann"], 6)
    assert not stores.chat.membership(conversation, "ann").known


def test_an_older_deletion_of_a_conversation_changes_nothing(
    stores: Stores, noon: datetime
) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann"], 5)
    assert not stores.chat.delete_conversation(conversation, 4, noon)
    assert stores.chat.membership(conversation, "ann").participant


def test_a_deletion_may_come_before_the_conversation_itself(stores: Stores, noon: datetime) -> None:
    conversation = new_id()
    assert stores.chat.delete_conversation(conversation, 2, noon)
    assert not stores.chat.put_conversation(conversation, ["ann"], 1)
    assert not stores.chat.membership(conversation, "ann").known


# ---------------------------------------------------------------- messages


def test_a_message_is_known_as_it_was_told(stores: Stores) -> None:
    message = stores.message()
    assert stores.chat.message(message.id) == message
    assert stores.chat.message(new_id()) is None
    assert list(stores.chat.messages_of(message.conversation_id)) == [message.id]


def test_a_message_may_come_before_its_conversation(stores: Stores) -> None:
    message = Message(id=new_id(), conversation_id=new_id(), sender_id="ann", version=1)
    assert stores.chat.put_message(message)
    assert stores.chat.message(message.id) == message
    assert not stores.chat.membership(message.conversation_id, "ann").known


def test_a_message_takes_newer_versions_only(stores: Stores) -> None:
    message = stores.message()
    newer = replace(message, version=5)
    assert stores.chat.put_message(newer)
    assert stores.chat.put_message(newer)
    assert not stores.chat.put_message(replace(message, version=4))
    assert stores.chat.message(message.id) == newer


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("change", [{"conversation_id": new_id()}, {"sender_id": "bob"}])
def test_a_message_keeps_its_conversation_and_its_sender(
    stores: Stores, version: int, change: dict[str, Any]
) -> None:
    message = stores.message()
    with pytest.raises(ConflictError):
        stores.chat.put_message(replace(message, version=version, **change))
    assert stores.chat.message(message.id) == message


def test_a_deleted_message_stays_deleted(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    assert stores.chat.delete_message(message.id, 5, noon)
    assert stores.chat.message(message.id) is None
    assert not stores.chat.put_message(replace(message, version=4))
    assert not stores.chat.put_message(replace(message, version=5))
    with pytest.raises(ConflictError):
        stores.chat.put_message(replace(message, version=6))
    assert stores.chat.message(message.id) is None


def test_a_deletion_with_the_version_in_force_counts_also_when_it_is_repeated(
    stores: Stores, noon: datetime
) -> None:
    message = stores.message()
    for _ in range(2):
        assert stores.chat.delete_message(message.id, 1, noon)
        assert stores.chat.delete_conversation(message.conversation_id, 1, noon)
    assert stores.chat.message(message.id) is None
    assert not stores.chat.membership(message.conversation_id, SENDER.user_id).known


def test_an_older_deletion_of_a_message_changes_nothing(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    stores.chat.put_message(replace(message, version=5))
    assert not stores.chat.delete_message(message.id, 4, noon)
    assert stores.chat.message(message.id) == replace(message, version=5)


def test_a_deletion_may_come_before_the_message_itself(stores: Stores, noon: datetime) -> None:
    message = Message(id=new_id(), conversation_id=new_id(), sender_id="ann", version=1)
    assert stores.chat.delete_message(message.id, 2, noon)
    assert not stores.chat.put_message(message)
    assert stores.chat.message(message.id) is None


def test_no_message_enters_a_deleted_conversation(stores: Stores, noon: datetime) -> None:
    conversation = new_id()
    stores.chat.delete_conversation(conversation, 1, noon)
    message = Message(id=new_id(), conversation_id=conversation, sender_id="ann", version=1)
    with pytest.raises(ConflictError):
        stores.chat.put_message(message)
    assert stores.chat.message(message.id) is None


def unfinished(stores: Stores, now: datetime) -> set[tuple[str, str]]:
    return {each for n in range(dynamo.SHARDS) for each in stores.chat.unfinished(now, n)}


def test_a_deletion_is_unfinished_until_it_is_finished(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    conversation = message.conversation_id
    stores.chat.delete_conversation(conversation, 2, noon)
    stores.chat.delete_message(message.id, 2, noon)
    both = {("conversation", conversation), ("message", message.id)}
    assert not both & unfinished(stores, noon)
    late = noon + HEAD_START
    assert both <= unfinished(stores, late)
    stores.chat.finish_message(message.id, expires_at=noon)
    assert list(stores.chat.messages_of(conversation)) == []
    stores.chat.finish_conversation(conversation, expires_at=noon)
    assert not both & unfinished(stores, late)
    assert stores.chat.message(message.id) is None


# ---------------------------------------------------------------- storage


def signed(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def key_of_its_own() -> str:
    return f"uploads/{new_id()}"


def test_an_upload_is_signed_with_length_type_and_once_only(stores: Stores) -> None:
    key = key_of_its_own()
    request = stores.storage.sign_put(key, size=7, mime_type="video/mp4", sha256=None, seconds=900)
    assert request.method == "PUT"
    assert request.headers == {"Content-Type": "video/mp4", "If-None-Match": "*"}
    assert urlsplit(request.url).path.endswith(key)
    query = signed(request.url)
    assert query["X-Amz-SignedHeaders"] == "content-length;content-type;host;if-none-match"
    assert query["X-Amz-Expires"] == "900"


def test_an_upload_is_signed_with_its_checksum(stores: Stores) -> None:
    request = stores.storage.sign_put(
        key_of_its_own(), size=7, mime_type="video/mp4", sha256="c2hhMjU2", seconds=60
    )
    assert request.headers["x-amz-checksum-sha256"] == "c2hhMjU2"
    assert signed(request.url)["X-Amz-SignedHeaders"] == (
        "content-length;content-type;host;if-none-match;x-amz-checksum-sha256"
    )
    assert set(signed(request.url)["X-Amz-SignedHeaders"].split(";")) == {
        "content-length",
        "host",
        *(name.lower() for name in request.headers),
    }


def test_an_upload_as_signed_arrives_once(aws_stores: Stores) -> None:
    key = key_of_its_own()
    request = aws_stores.storage.sign_put(
        key, size=len(VIDEO), mime_type="video/mp4", sha256=None, seconds=60
    )
    with httpx.Client() as web:
        answers = [web.put(request.url, headers=request.headers, content=VIDEO) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 412]
    assert aws_stores.storage.head(key).size == len(VIDEO)


def test_each_step_of_an_upload_in_parts_is_signed(stores: Stores) -> None:
    key, store = key_of_its_own(), stores.storage
    steps = [
        store.sign_create_multipart(key, mime_type="video/mp4", seconds=60),
        store.sign_part(key, upload_id="u+1", number=3, size=7, seconds=60),
        store.sign_list_parts(key, upload_id="u+1", seconds=60),
        store.sign_complete(key, upload_id="u+1", seconds=60),
        store.sign_abort(key, upload_id="u+1", seconds=60),
    ]
    assert [step.method for step in steps] == ["POST", "PUT", "GET", "POST", "DELETE"]
    assert [step.headers for step in steps] == [
        {"Content-Type": "video/mp4"},
        {},
        {},
        {"If-None-Match": "*"},
        {},
    ]
    assert [signed(step.url)["X-Amz-SignedHeaders"] for step in steps] == [
        "content-type;host",
        "content-length;host",
        "host",
        "host;if-none-match",
        "host",
    ]
    for step in steps:
        assert urlsplit(step.url).path.endswith(key)
        assert signed(step.url)["X-Amz-Expires"] == "60"
    assert [signed(step.url).get("uploadId") for step in steps] == [None, *["u+1"] * 4]
    assert [signed(step.url).get("partNumber") for step in steps] == [None, "3", None, None, None]
    assert "uploads=" in urlsplit(steps[0].url).query or "uploads&" in steps[0].url


def test_every_upload_in_parts_to_a_key_is_aborted_and_no_other(stores: Stores) -> None:
    key = key_of_its_own()
    other = f"{key}0"
    for begun in (key, key, other):
        stores.begin(begun)
    assert stores.storage.abort_uploads(key) == 2
    assert stores.storage.abort_uploads(key) == 0
    assert stores.begun(key) == []
    assert len(stores.begun(other)) == 1


def test_an_upload_that_somebody_else_aborted_meanwhile_is_passed_over(
    aws_stores: Stores, s3: "S3Client"
) -> None:
    key, bucket = key_of_its_own(), aws_stores.storage.bucket
    begun = [aws_stores.begin(key) for _ in range(2)]

    def abort_all(**_: Any) -> None:
        for upload_id in begun:
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)

    listed = "after-call.s3.ListMultipartUploads"
    s3.meta.events.register(listed, abort_all)
    try:
        assert aws_stores.storage.abort_uploads(key) == 0
    finally:
        s3.meta.events.unregister(listed, abort_all)
    assert aws_stores.begun(key) == []


def test_a_download_is_signed_with_version_type_and_name(stores: Stores) -> None:
    key = key_of_its_own()
    disposition = "attachment; filename=\"a b.mp4\"; filename*=UTF-8''a%20b.mp4"
    url = stores.storage.sign_get(
        key, version_id="v7", seconds=300, content_type="video/mp4", disposition=disposition
    )
    assert urlsplit(url).path.endswith(key)
    query = signed(url)
    assert query["versionId"] == "v7"
    assert query["response-content-type"] == "video/mp4"
    assert query["response-content-disposition"] == disposition
    assert query["X-Amz-Expires"] == "300"
    assert query["X-Amz-SignedHeaders"] == "host"


def test_a_download_without_a_version_names_none(stores: Stores) -> None:
    url = stores.storage.sign_get(
        key_of_its_own(), version_id=None, seconds=60, content_type="a/b", disposition="inline"
    )
    assert "versionId" not in signed(url)


def test_the_newest_version_is_found_and_so_is_a_named_one(stores: Stores) -> None:
    key = key_of_its_own()
    first = stores.arrive(key, b"first")
    second = stores.arrive(key, b"second!")
    assert first.version_id != second.version_id
    assert stores.storage.head(key) == second
    assert stores.storage.head(key, first.version_id) == first
    assert (first.size, second.size) == (5, 7)
    assert '"' not in first.etag


def test_a_version_is_read_by_range(stores: Stores) -> None:
    key = key_of_its_own()
    first = stores.arrive(key, b"0123456789")
    stores.arrive(key, b"another")
    assert b"".join(stores.storage.stream(key, first, 2, 3)) == b"234"
    assert b"".join(stores.storage.stream(key, first, 8, 100)) == b"89"


def test_a_transfer_may_be_ended_early(stores: Stores) -> None:
    key = key_of_its_own()
    version = stores.arrive(key, bytes(1_000_000))
    for _ in range(3):
        with closing(stores.storage.stream(key, version, 0, 1_000_000)) as pieces:
            assert 0 < len(next(pieces)) <= 1_000_000
    assert len(b"".join(stores.storage.stream(key, version, 0, 1_000_000))) == 1_000_000


def test_what_is_not_there_is_missing(stores: Stores) -> None:
    key = key_of_its_own()
    with pytest.raises(ObjectMissingError):
        stores.storage.head(key)
    with pytest.raises(ObjectMissingError):
        next(stores.storage.stream(key, ObjectVersion("v0", "etag", 1), 0, 1))
    stored = stores.arrive(key, b"here")
    stores.storage.delete_version(key, stored.version_id)
    stores.arrive(key, b"another")
    with pytest.raises(ObjectMissingError):
        stores.storage.head(key, stored.version_id)
    with pytest.raises(ObjectMissingError):
        next(stores.storage.stream(key, stored, 0, 1))


def test_what_a_delete_marker_covers_is_missing(stores: Stores) -> None:
    key = key_of_its_own()
    stored = stores.arrive(key, b"here")
    stores.cover(key)
    with pytest.raises(ObjectMissingError):
        stores.storage.head(key)
    assert stores.storage.head(key, stored.version_id) == stored


def test_writing_once_twice_keeps_the_first(stores: Stores) -> None:
    key = f"thumbnails/{new_id()}/abc.jpg"
    stores.storage.put_once(key, b"first", mime_type="image/jpeg")
    first = stores.storage.head(key)
    stores.storage.put_once(key, b"second", mime_type="image/jpeg")
    assert stores.storage.head(key) == first
    assert stores.storage.delete_all(key) == 1


def test_a_copy_is_of_the_version_that_was_named(stores: Stores) -> None:
    source, key = key_of_its_own(), key_of_its_own()
    first, newest = stores.arrive(source, b"first"), stores.arrive(source, b"newest")
    copied = stores.storage.copy(source, key, version_id=first.version_id)
    assert stores.storage.head(key) == copied
    assert (copied.size, copied.etag) == (first.size, first.etag)
    assert b"".join(stores.storage.stream(key, copied, 0, 5)) == b"first"
    assert stores.storage.copy(source, key_of_its_own()).etag == newest.etag
    assert stores.storage.head(source) == newest


def test_what_is_not_there_is_not_copied(stores: Stores) -> None:
    source, key = key_of_its_own(), key_of_its_own()
    with pytest.raises(ObjectMissingError):
        stores.storage.copy(source, key)
    gone = stores.arrive(source, b"gone")
    stores.arrive(source, b"another")
    stores.storage.delete_version(source, gone.version_id)
    with pytest.raises(ObjectMissingError):
        stores.storage.copy(source, key, version_id=gone.version_id)
    with pytest.raises(ObjectMissingError):
        stores.storage.head(key)


@pytest.mark.parametrize("code", ["PreconditionFailed", "412"])
def test_a_copy_that_an_earlier_try_made_is_found_again(aws_stores: Stores, code: str) -> None:
    """On S3; moto knows no condition, so its answer is put in its place."""
    source, key = key_of_its_own(), key_of_its_own()
    stored = aws_stores.arrive(source, b"bytes")
    first = aws_stores.storage.copy(source, key, version_id=stored.version_id)
    with answering(aws_stores, "CopyObject", ClientError({"Error": {"Code": code}}, "CopyObject")):
        again = aws_stores.storage.copy(source, key, version_id=stored.version_id)
    assert again == first


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="http://s3.example"),
        ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "CopyObject"),
    ],
    ids=["slow", "busy"],
)
def test_a_copy_that_s3_goes_on_with_is_unfinished(aws_stores: Stores, error: Exception) -> None:
    source = key_of_its_own()
    aws_stores.arrive(source, b"bytes")
    with answering(aws_stores, "CopyObject", error), pytest.raises(CopyUnfinishedError):
        aws_stores.storage.copy(source, key_of_its_own())


@contextmanager
def answering(stores: Stores, operation: str, error: Exception) -> Iterator[None]:
    """Inside, S3 answers this operation with the error."""

    def fail(**_: Any) -> None:
        raise error

    events = stores.storage._client.meta.events
    name = f"before-call.s3.{operation}"
    events.register(name, fail)
    try:
        yield
    finally:
        events.unregister(name, fail)


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


def test_deleting_a_version_uncovers_the_one_before(stores: Stores) -> None:
    key = key_of_its_own()
    first, second = stores.arrive(key, b"1"), stores.arrive(key, b"2")
    stores.storage.delete_version(key, second.version_id)
    assert stores.storage.head(key) == first
    stores.storage.delete_version(key, second.version_id)
    assert stores.storage.head(key) == first


def test_deleting_all_removes_every_version_and_marker_below_the_prefix(stores: Stores) -> None:
    prefix = f"thumbnails/{new_id()}/"
    kept = f"thumbnails/{new_id()}/kept.jpg"
    stores.arrive(kept, b"kept")
    for name in ("a.jpg", "b.jpg"):
        stores.arrive(prefix + name, b"1")
        stores.arrive(prefix + name, b"2")
        stores.cover(prefix + name)
    assert stores.storage.delete_all(prefix) == 6
    assert stores.storage.delete_all(prefix) == 0
    with pytest.raises(ObjectMissingError):
        stores.storage.head(prefix + "a.jpg")
    assert stores.storage.head(kept).size == 4


# ---------------------------------------------------------------- what the template says


def test_the_templates_environment_makes_settings(stack: Stack) -> None:
    for function in stack.functions:
        settings = read_settings(dict(function.environment))
        assert settings.bucket == stack.names["Files"]
        assert settings.guards_table == stack.names["Guards"]
        assert settings.max_bytes(FileType.VIDEO) == 100 * 1024 * 1024
        assert settings.token_secret_arn


def test_positions_sort_as_time_does(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    at = noon + timedelta(milliseconds=5)
    create(stores, attached(message, at))
    [item] = stores.chat.attachments_of(message.id)
    assert item["sort"] == f"{rfc3339(at)}#{item['id']}"
