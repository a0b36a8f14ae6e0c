"""Records: created once, changed by their revision, deleted from every list."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from attachments.errors import MessageGoneError, NotFoundError, StaleRecordError
from attachments.ids import new_id
from attachments.model import Action, Status, WebPlayable
from tests.builders import MEDIA, in_state, pending
from tests.contract.conftest import Stores
from tests.contract.records import attached, create, every, ids, made_at, note


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
