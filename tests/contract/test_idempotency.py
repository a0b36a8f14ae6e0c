"""An idempotency key is used once, by one user, for its life."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from attachments.catalog import IdempotencyKeyTakenError
from attachments.errors import NotFoundError
from attachments.guards import KEY_LIFE
from attachments.ids import new_id
from attachments.model import Attachment
from tests.builders import SENDER
from tests.contract.conftest import Stores
from tests.contract.records import attached, key_of, note


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
