"""What is forwarded, where to, and what is left of it."""

from typing import Any

from attachments.model import Attachment, Caller, Message
from functions.issue_upload.forward import forward
from functions.issue_upload.schemas import CopyRequest
from tests.builders import PARTICIPANT, settings_of
from tests.fakes import World

FRIEND = Caller("friend")
ELSEWHERE = "0192f000-0000-7000-8000-0000000000aa"
TARGET = "0192f000-0000-7000-8000-0000000000ab"


def told(world: World, message_id: str = TARGET, sender: Caller = PARTICIPANT) -> World:
    """The chat backend tells of a message of the participant, in a conversation with a friend."""
    world.chat.put_conversation(ELSEWHERE, [PARTICIPANT.user_id, FRIEND.user_id], 1)
    world.chat.put_message(
        Message(id=message_id, conversation_id=ELSEWHERE, sender_id=sender.user_id, version=1)
    )
    return world


def send(
    world: World,
    source: Attachment,
    *,
    caller: Caller = PARTICIPANT,
    to: str = TARGET,
    key: str | None = None,
    **settings: Any,
) -> Attachment:
    return forward(
        source.id,
        CopyRequest.model_validate({"message_id": to}),
        caller=caller,
        idempotency_key=key,
        settings=settings_of(**settings),
        catalog=world.catalog,
        chat=world.chat,
        guards=world.guards,
        storage=world.storage,
        clock=world.clock,
    )


def copies(world: World) -> list[Attachment]:
    return [record for record in world.catalog.records.values() if record.copied_from]


def left_of(world: World, copy: Attachment) -> set[str]:
    """The keys under which bytes of a copy lie."""
    keys = world.storage.keys()
    return {key for key in keys if copy.id in key}
