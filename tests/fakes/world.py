"""All of it together, and a small chat to fill it with."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from attachments.activity import entry
from attachments.deletion import Deletion
from attachments.erasure import Erasure
from attachments.limits import RateLimiter
from attachments.model import Action, Activity, Attachment, Message, Status
from tests.builders import (
    CONVERSATION,
    MESSAGE,
    NOON,
    PARTICIPANT,
    SENDER,
    TOMBSTONE_LIFE,
    VIDEO,
    in_state,
    pending,
    settings_of,
)
from tests.fakes.activity import MemoryActivity
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.chat import MemoryChat
from tests.fakes.counters import MemoryCounters
from tests.fakes.guards import MemoryGuards
from tests.fakes.storage import MemoryStorage
from tests.fakes.transactions import Fuse
from tests.fakes.users import MemoryUsers


class World:
    """All stores, a clock that stands still, and a conversation with one message of the sender."""

    def __init__(
        self,
        *,
        chat: type[MemoryChat] = MemoryChat,
        guards: type[MemoryGuards] = MemoryGuards,
        catalog: type[MemoryCatalog] = MemoryCatalog,
        storage: type[MemoryStorage] = MemoryStorage,
    ) -> None:
        self.now = NOON
        self.fuse = Fuse()
        self.chat = chat(self.fuse)
        self.guards = guards()
        self.counters = MemoryCounters()
        self.users = MemoryUsers(self.chat, self.fuse)
        self.activity = MemoryActivity(self.clock, self.fuse)
        self.catalog = catalog(self.chat, self.activity, self.guards, self.clock, self.fuse)
        self.storage = storage(self.fuse, self.clock)
        self.deletion = Deletion(
            catalog=self.catalog,
            chat=self.chat,
            storage=self.storage,
            clock=self.clock,
            tombstone_life=TOMBSTONE_LIFE,
        )
        self.erasure = Erasure(
            catalog=self.catalog,
            users=self.users,
            activity=self.activity,
            guards=self.guards,
            deletion=self.deletion,
            clock=self.clock,
        )
        self.limiter = RateLimiter(self.guards, settings_of(), self.clock)
        self.chat.put_conversation(CONVERSATION, [SENDER.user_id, PARTICIPANT.user_id], 1)
        self.chat.put_message(
            Message(id=MESSAGE, conversation_id=CONVERSATION, sender_id="sender", version=1)
        )

    def clock(self) -> datetime:
        return self.now

    def pass_time(self, span: timedelta) -> None:
        self.now += span

    def add(self, status: Status = Status.READY, **changes: Any) -> Attachment:
        """A record in this state, its bytes in the bucket where the state has any; not logged."""
        attachment = pending(**changes)
        logged = list(self.activity.entries)
        self.catalog.create(attachment, _note(attachment))
        if status not in {Status.PENDING, Status.EXPIRED}:
            stored = self.storage.arrive(attachment.upload_key, VIDEO)
            moved = in_state(attachment, status)
            if moved.version is not None:
                moved = replace(moved, version=stored)
            if moved.thumbnail is not None:
                self.storage.put_once(moved.thumbnail.key, b"a JPEG", mime_type="image/jpeg")
        else:
            moved = in_state(attachment, status)
        if moved != attachment:
            self.catalog.change(moved, None)
        self.activity.entries[:] = logged
        return moved


def _note(attachment: Attachment) -> Activity:
    return entry(
        Action.UPLOAD_REQUESTED,
        attachment,
        user_id=attachment.uploaded_by,
        at=attachment.created_at,
    )
