"""What the chat backend tells, and what becomes of the attachments."""

import json
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from attachments.chat import HEAD_START
from attachments.errors import ConflictError, InvalidRequestError
from attachments.ids import new_id
from attachments.model import Action, Status
from functions.sync_chat.sync import (
    MAX_PARTICIPANTS,
    ConversationBody,
    MessageBody,
    Sync,
    Synced,
    VersionBody,
)
from tests.builders import CONVERSATION, MESSAGE, SERVICE
from tests.fakes import World


@pytest.fixture
def sync(world: World) -> Sync:
    return Sync(
        chat=world.chat,
        deletion=world.deletion,
        clock=world.clock,
        user_id=SERVICE.user_id,
        has_time=lambda: True,
    )


def conversation(*participants: str, version: int) -> ConversationBody:
    return ConversationBody(participants=list(participants), version=version)


def message(
    version: int, conversation_id: str = CONVERSATION, sender: str = "sender"
) -> MessageBody:
    return MessageBody(conversation_id=UUID(conversation_id), sender_id=sender, version=version)


def test_participants_are_replaced(world: World, sync: Sync) -> None:
    told = sync.put_conversation(CONVERSATION, conversation("sender", "new", version=2))
    assert told == Synced(id=CONVERSATION, version=2, applied=True)
    assert world.chat.membership(CONVERSATION, "new").participant
    assert not world.chat.membership(CONVERSATION, "participant").participant


def test_an_older_version_is_answered_but_not_applied(world: World, sync: Sync) -> None:
    sync.put_conversation(CONVERSATION, conversation("sender", version=5))
    told = sync.put_conversation(CONVERSATION, conversation("participant", version=4))
    assert told == Synced(id=CONVERSATION, version=4, applied=False)
    assert not world.chat.membership(CONVERSATION, "participant").participant


def test_a_message_is_taken_over(world: World, sync: Sync) -> None:
    told = sync.put_message(other := new_id(), message(3))
    assert told == Synced(id=other, version=3, applied=True)
    known = world.chat.message(other)
    assert known is not None
    assert (known.conversation_id, known.sender_id, known.version) == (CONVERSATION, "sender", 3)


def test_a_message_that_moves_is_a_conflict(sync: Sync) -> None:
    with pytest.raises(ConflictError):
        sync.put_message(MESSAGE, message(2, new_id()))
    with pytest.raises(ConflictError):
        sync.put_message(MESSAGE, message(2, sender="somebody else"))


def test_deleting_a_message_deletes_its_attachments_bytes_included(
    world: World, sync: Sync
) -> None:
    made = [world.add(status) for status in (Status.READY, Status.PENDING, Status.FAILED)]
    told = sync.delete_message(MESSAGE, 2, None)
    assert told == Synced(id=MESSAGE, version=2, applied=True, deleted_attachments=3)
    assert world.chat.message(MESSAGE) is None
    assert not world.storage.keys()
    assert {world.catalog.get(each.id).status for each in made} == {Status.DELETED}
    assert {(entry.action, entry.user_id) for entry in world.activity.entries} == {
        (Action.FILE_DELETED, SERVICE.user_id)
    }


def test_deleting_a_message_leaves_the_others_alone(world: World, sync: Sync) -> None:
    other = new_id()
    sync.put_message(other, message(1))
    kept = world.add(message_id=other)
    world.add()
    sync.delete_message(MESSAGE, 2, None)
    assert world.catalog.get(kept.id) == kept
    assert world.storage.keys() == {kept.upload_key, f"{kept.thumbnail_prefix}t.jpg"}


def test_deleting_twice_is_harmless(world: World, sync: Sync) -> None:
    world.add()
    sync.delete_message(MESSAGE, 2, None)
    again = sync.delete_message(MESSAGE, 2, None)
    assert again == Synced(id=MESSAGE, version=2, applied=True, deleted_attachments=0)
    assert world.activity.actions() == [Action.FILE_DELETED]


def test_an_older_deletion_deletes_nothing(world: World, sync: Sync) -> None:
    attachment = world.add()
    sync.put_message(MESSAGE, message(5))
    told = sync.delete_message(MESSAGE, 4, None)
    assert told == Synced(id=MESSAGE, version=4, applied=False)
    assert world.catalog.get(attachment.id) == attachment


def test_a_message_that_is_put_after_its_deletion_stays_deleted(world: World, sync: Sync) -> None:
    late = new_id()
    assert sync.delete_message(late, 2, None).applied
    assert not sync.put_message(late, message(1)).applied
    assert world.chat.message(late) is None
    with pytest.raises(ConflictError):
        sync.put_message(late, message(3))


def test_deleting_a_conversation_deletes_all_its_messages(world: World, sync: Sync) -> None:
    other = new_id()
    sync.put_message(other, message(9))
    world.add()
    world.add(message_id=other)
    told = sync.delete_conversation(CONVERSATION, 2, None)
    assert told == Synced(id=CONVERSATION, version=2, applied=True, deleted_attachments=2)
    assert not world.chat.membership(CONVERSATION, "sender").known
    assert world.chat.message(MESSAGE) is None
    assert world.chat.message(other) is None
    assert not world.storage.keys()
    assert not list(world.chat.messages_of(CONVERSATION))


def test_nothing_is_left_for_the_sweep_after_a_whole_deletion(world: World, sync: Sync) -> None:
    world.add()
    sync.delete_conversation(CONVERSATION, 2, None)
    later = world.now + HEAD_START
    assert not [each for n in range(8) for each in world.chat.unfinished(later, n)]
    assert not [each for n in range(8) for each in world.catalog.due(later, n)]


def test_an_older_deletion_of_a_conversation_deletes_nothing(world: World, sync: Sync) -> None:
    attachment = world.add()
    sync.put_conversation(CONVERSATION, conversation("sender", version=5))
    assert not sync.delete_conversation(CONVERSATION, 4, None).applied
    assert world.catalog.get(attachment.id) == attachment


def test_a_version_comes_in_the_body_or_the_query(sync: Sync) -> None:
    assert sync.delete_message(new_id(), None, VersionBody(version=3)).version == 3
    assert sync.delete_message(new_id(), 4, VersionBody(version=3)).version == 4
    assert sync.delete_conversation(new_id(), 0, None).version == 0
    for delete in (sync.delete_message, sync.delete_conversation):
        with pytest.raises(InvalidRequestError) as refused:
            delete(new_id(), None, None)
        assert list(refused.value.fields) == ["version"]


@pytest.mark.parametrize(
    ("participants", "version", "wrong"),
    [
        (["x"] * (MAX_PARTICIPANTS + 1), 1, "participants"),
        (["x", ""], 1, "participants"),
        (["x" * 129], 1, "participants"),
        ("sender", 1, "participants"),
        (["x"], -1, "version"),
        (["x"], 2**63, "version"),
        (["x"], None, "version"),
    ],
)
def test_a_body_with_a_wrong_field_is_none(
    participants: object, version: object, wrong: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        ConversationBody.model_validate({"participants": participants, "version": version})
    assert {error["loc"][0] for error in refused.value.errors()} == {wrong}


def test_the_largest_conversation_fits() -> None:
    users = [f"user-{number}" for number in range(MAX_PARTICIPANTS)]
    body = ConversationBody(participants=users, version=2**63 - 1)
    assert len(body.participants) == MAX_PARTICIPANTS


BODIES: list[tuple[type[BaseModel], dict[str, object]]] = [
    (VersionBody, {}),
    (ConversationBody, {"participants": []}),
    (MessageBody, {"conversation_id": CONVERSATION, "sender_id": "sender"}),
]


@pytest.mark.parametrize(("model", "rest"), BODIES)
@pytest.mark.parametrize("version", [False, True, "7", 7.0, -1, 2**63])
def test_a_version_in_a_body_is_a_number_and_nothing_that_looks_like_one(
    model: type[BaseModel], rest: dict[str, object], version: object
) -> None:
    model.model_validate_json(json.dumps({**rest, "version": 7}))
    with pytest.raises(ValidationError):
        model.model_validate_json(json.dumps({**rest, "version": version}))
