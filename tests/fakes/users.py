"""The users of a chat in memory."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from attachments.chat import HEAD_START
from attachments.dynamo import Write
from attachments.ids import new_id
from attachments.users import ErasedUser, Named, Users
from tests.fakes.chat import Mark, MemoryChat
from tests.fakes.transactions import Fuse, conditional


class MemoryUsers(Users):
    """The users of a chat in memory."""

    def __init__(self, chat: MemoryChat, fuse: Fuse | None = None) -> None:
        self._chat = chat
        self._fuse = fuse or Fuse()

    def must_not_be_erased(self, user_id: str) -> Write:
        return conditional(lambda: user_id not in self._chat.marks, lambda: None)

    def erased(self, user_id: str) -> ErasedUser | None:
        mark = self._chat.marks.get(user_id)
        return mark.erased if mark else None

    def all_erased(self) -> Iterator[str]:
        yield from sorted(self._chat.marks)

    def erase(self, user_id: str, now: datetime) -> ErasedUser:
        known = self.erased(user_id)
        pseudonym = known.pseudonym if known else f"erased-{new_id()}"
        erased = ErasedUser(user_id, pseudonym, now)
        self._chat.marks[user_id] = Mark(erased, now + HEAD_START)
        self._fuse.burn()
        return erased

    def finish(self, erased: ErasedUser, *, expires_at: datetime) -> bool:
        mark = self._chat.marks[erased.user_id]
        if mark.erased.since != erased.since:
            return False
        mark.due_at = None
        self._fuse.burn()
        return True

    def named(self, user_id: str, *, after: str | None = None) -> Iterator[Named]:
        conversations, messages = self._chat._conversations, self._chat._messages
        found = [
            Named("conversation", identifier)
            for identifier in sorted(conversations)
            if user_id in conversations[identifier].participants
        ] + [
            Named("message", identifier)
            for identifier in sorted(messages)
            if (message := messages[identifier].message) and message.sender_id == user_id
        ]
        return iter([each for each in found if f"{each.kind}#{each.id}" > (after or "")])

    def forget(self, named: Named, erased: ErasedUser) -> bool:
        if named.kind == "conversation":
            participants = self._chat._conversations[named.id].participants
            necessary = erased.user_id in participants
            participants.discard(erased.user_id)
        else:
            node = self._chat._messages[named.id]
            known = node.message
            necessary = known is not None and known.sender_id == erased.user_id
            if known is not None and necessary:
                node.message = replace(known, sender_id=erased.pseudonym)
        self._fuse.burn()
        return necessary
