"""Conversations and messages as the chat backend knows them; an older version changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, Strict

from attachments.chat import Chat
from attachments.deletion import Deletion, HasTime
from attachments.errors import InvalidRequestError
from attachments.model import Message
from attachments.tokens import MAX_USER_ID_CHARACTERS

MAX_PARTICIPANTS = 1000
UserId = Annotated[str, Field(min_length=1, max_length=MAX_USER_ID_CHARACTERS)]
Version = Annotated[int, Field(ge=0, lt=2**63, description="Grows with every change.")]
# In JSON `false` and "7" are no numbers; in a query everything is text.
JsonVersion = Annotated[Version, Strict()]


class ConversationBody(BaseModel):
    """All participants of a conversation, as they are from now on."""

    participants: list[UserId] = Field(max_length=MAX_PARTICIPANTS)
    version: JsonVersion


class MessageBody(BaseModel):
    """Where a message belongs and who sent it; neither ever changes."""

    conversation_id: UUID
    sender_id: UserId
    version: JsonVersion


class VersionBody(BaseModel):
    version: JsonVersion


class Synced(BaseModel):
    """`applied` is False if a newer version was here before: then nothing changed."""

    id: str
    version: int
    applied: bool
    deleted_attachments: int | None = None


@dataclass(frozen=True, slots=True)
class Sync:
    """What the chat backend can tell us."""

    chat: Chat
    deletion: Deletion
    clock: Callable[[], datetime]
    user_id: str
    has_time: HasTime

    def put_conversation(self, conversation_id: str, body: ConversationBody) -> Synced:
        """Raises ConflictError if it was deleted, or came otherwise with the same version."""
        applied = self.chat.put_conversation(conversation_id, body.participants, body.version)
        return Synced(id=conversation_id, version=body.version, applied=applied)

    def delete_conversation(
        self, conversation_id: str, version: int | None, body: VersionBody | None
    ) -> Synced:
        """Mark it first; its messages follow, as far as the time goes. The sweep does the rest."""
        version = _version(version, body)
        applied = self.chat.delete_conversation(conversation_id, version, self.clock())
        count = (
            self.deletion.conversation(
                conversation_id, version, user_id=self.user_id, has_time=self.has_time
            )
            if applied
            else None
        )
        return Synced(
            id=conversation_id, version=version, applied=applied, deleted_attachments=count
        )

    def put_message(self, message_id: str, body: MessageBody) -> Synced:
        """Raises ConflictError if it was deleted, or would change conversation or sender."""
        message = Message(
            id=message_id,
            conversation_id=str(body.conversation_id),
            sender_id=body.sender_id,
            version=body.version,
        )
        return Synced(id=message_id, version=body.version, applied=self.chat.put_message(message))

    def delete_message(
        self, message_id: str, version: int | None, body: VersionBody | None
    ) -> Synced:
        """Mark it first, so that no upload begins or becomes ready; then its files go."""
        version = _version(version, body)
        applied = self.chat.delete_message(message_id, version, self.clock())
        count = (
            self.deletion.message(message_id, user_id=self.user_id, has_time=self.has_time)
            if applied
            else None
        )
        return Synced(id=message_id, version=version, applied=applied, deleted_attachments=count)


def _version(version: int | None, body: VersionBody | None) -> int:
    if version is not None:
        return version
    if body is not None:
        return body.version
    problem = 'Send {"version": n}, or ?version=n.'
    raise InvalidRequestError(problem, fields={"version": problem})
