"""What the chat told, in memory."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from attachments import dynamo
from attachments.chat import HEAD_START, Chat, Membership
from attachments.dynamo import Item, Write
from attachments.errors import ConflictError
from attachments.model import Attachment, Message
from attachments.users import ErasedUser
from tests.fakes.items import newest_first, sort_of
from tests.fakes.transactions import LOCK, Fuse, conditional


@dataclass
class _Node:
    """A conversation or a message: what its `meta` item and its other rows say."""

    version: int | None = None
    deleted: bool = False
    due_at: datetime | None = None
    participants: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    message: Message | None = None
    links: set[str] = field(default_factory=set)


@dataclass
class Mark:
    erased: ErasedUser
    due_at: datetime | None


class MemoryChat(Chat):
    def __init__(self, fuse: Fuse | None = None) -> None:
        self._fuse = fuse or Fuse()
        self._conversations: dict[str, _Node] = defaultdict(_Node)
        self._messages: dict[str, _Node] = defaultdict(_Node)
        self.marks: dict[str, Mark] = {}

    def message(self, message_id: str) -> Message | None:
        node = self._messages[message_id]
        return None if node.deleted else node.message

    def membership(self, conversation_id: str, user_id: str) -> Membership:
        node = self._conversations[conversation_id]
        alive = node.version is not None and not node.deleted
        return Membership(known=alive, participant=alive and user_id in node.participants)

    def attachments_of(self, message_id: str, *, before: str | None = None) -> Iterator[Item]:
        items = [
            {"id": sort.partition("#")[2], "sort": sort}
            for sort in self._messages[message_id].links
        ]
        return newest_first(items, before)

    def messages_of(self, conversation_id: str) -> Iterator[str]:
        return iter(sorted(self._conversations[conversation_id].messages))

    def unfinished(self, now: datetime, shard: int) -> Iterator[tuple[str, str]]:
        for kind, nodes in (("conversation", self._conversations), ("message", self._messages)):
            for identifier, node in list(nodes.items()):
                due = node.due_at is not None and node.due_at <= now
                if due and dynamo.shard(f"{kind}#{identifier}") == shard:
                    yield kind, identifier
        for user_id, mark in list(self.marks.items()):
            due = mark.due_at is not None and mark.due_at <= now
            if due and dynamo.shard(f"user#{user_id}") == shard:
                yield "user", user_id

    def must_live(self, message_id: str) -> Write:
        return conditional(lambda: self.message(message_id) is not None, lambda: None)

    def link(self, attachment: Attachment) -> Write:
        links = self._messages[attachment.message_id].links
        return conditional(lambda: True, lambda: links.add(sort_of(attachment)))

    def unlink(self, attachment: Attachment) -> Write:
        links = self._messages[attachment.message_id].links
        return conditional(lambda: True, lambda: links.discard(sort_of(attachment)))

    def put_conversation(
        self, conversation_id: str, participants: Sequence[str], version: int
    ) -> bool:
        node = self._conversations[conversation_id]
        newest = -1 if node.version is None else node.version
        same = version == newest and set(participants) == node.participants
        if node.deleted:
            if version > newest:
                raise ConflictError("The conversation was deleted.")
            return False
        if version == newest and not same:
            raise ConflictError("Other participants were given with this version before.")
        if version < newest:
            return False
        node.version, node.participants = version, set(participants)
        self._fuse.burn()
        return True

    def delete_conversation(self, conversation_id: str, version: int, now: datetime) -> bool:
        return self._mark_deleted_node(self._conversations[conversation_id], version, now)

    def finish_conversation(self, conversation_id: str, *, expires_at: datetime) -> None:
        node = self._conversations[conversation_id]
        node.participants.clear()
        self._fuse.burn()
        node.due_at = None
        self._fuse.burn()

    def put_message(self, message: Message) -> bool:
        with LOCK:
            node = self._messages[message.id]
            conversation = self._conversations[message.conversation_id]
            if node.version is not None:
                known = node.message
                if node.deleted:
                    if message.version > node.version:
                        raise ConflictError("The message was deleted.")
                    return False
                if known is None or (known.conversation_id, known.sender_id) != (
                    message.conversation_id,
                    message.sender_id,
                ):
                    raise ConflictError("A message keeps its conversation and its sender.")
                if message.version <= node.version:
                    return message.version == node.version
            if conversation.deleted:
                raise ConflictError("The conversation was deleted.")
            node.message, node.version = message, message.version
            conversation.messages.add(message.id)
        self._fuse.burn()
        return True

    def delete_message(self, message_id: str, version: int, now: datetime) -> bool:
        return self._mark_deleted_node(self._messages[message_id], version, now)

    def finish_message(self, message_id: str, *, expires_at: datetime) -> None:
        node = self._messages[message_id]
        if node.message is not None:
            self._conversations[node.message.conversation_id].messages.discard(message_id)
            self._fuse.burn()
        node.due_at = None
        self._fuse.burn()

    def _mark_deleted_node(self, node: _Node, version: int, now: datetime) -> bool:
        with LOCK:
            if node.version is not None and node.version > version:
                return False
            node.deleted, node.version, node.due_at = True, version, now + HEAD_START
        self._fuse.burn()
        return True
