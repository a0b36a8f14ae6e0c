"""Messages, as the chat tells them."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from attachments import dynamo
from attachments.chat import HEAD_START
from attachments.errors import ConflictError
from attachments.ids import new_id
from attachments.model import Message
from tests.builders import SENDER
from tests.contract.conftest import Stores


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
