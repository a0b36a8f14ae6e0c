"""What the service promises, as a program that keeps everything in a dictionary.

No bytes, no tables, no retries: each operation answers with the HTTP status that the real one must
answer with, and changes what users see in the way that the real one must.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

ADMIN = "admin"
DISGUISED = "disguised"  # the file that is not what it says
UPLOAD_LIFE = timedelta(seconds=900, hours=1)  # a URL's life, and a slow upload's
KEY_LIFE = timedelta(hours=24)
TOMBSTONE_LIFE = timedelta(days=30)
OPEN = {"pending", "failed"}


@dataclass
class Conversation:
    version: int
    participants: set[str] = field(default_factory=set)
    deleted: bool = False


@dataclass
class Message:
    version: int
    conversation: str | None = None
    sender: str | None = None
    deleted: bool = False


@dataclass
class Attachment:
    """`stored` is whether the object is what was declared, None while there is no object."""

    id: str
    message: str
    conversation: str
    uploader: str
    genuine: bool
    due_at: datetime
    status: str = "pending"
    stored: bool | None = None
    gone_at: datetime | None = None
    log: list[str] = field(default_factory=lambda: ["upload_requested"])

    def become(self, status: str, action: str) -> None:
        self.status = status
        self.log.append(action)


class Model:
    def __init__(self, now: datetime) -> None:
        self.now = now
        self.conversations: dict[str, Conversation] = {}
        self.messages: dict[str, Message] = {}
        self.attachments: list[Attachment] = []  # oldest first
        # By user and key: message, file, and what came of them when.
        self.keys: dict[tuple[str, str], tuple[str, str, Attachment, datetime]] = {}

    def participates(self, user: str, conversation: str | None) -> bool:
        known = self.conversations.get(conversation or "")
        return known is not None and not known.deleted and user in known.participants

    def sees(self, user: str, it: Attachment) -> bool:
        if it.status == "deleted" or self._outlived(it):
            return False
        mine = it.status == "ready" or it.uploader == user
        return user == ADMIN or (mine and self.participates(user, it.conversation))

    def media(self, user: str, conversation: str) -> list[tuple[str, str]] | None:
        """(id, status) of what a user sees of a conversation, newest first; None is a 404."""
        known = self.conversations.get(conversation)
        if known is None or known.deleted or user not in {ADMIN, *known.participants}:
            return None
        return [
            (it.id, it.status)
            for it in reversed(self.attachments)
            if it.conversation == conversation and self.sees(user, it)
        ]

    def put_conversation(self, name: str, participants: set[str], version: int) -> int:
        known = self.conversations.get(name)
        if known is None or (version > known.version and not known.deleted):
            self.conversations[name] = Conversation(version, participants)
            return 200
        clash = version == known.version and participants != known.participants
        return 409 if (version > known.version if known.deleted else clash) else 200

    def delete_conversation(self, name: str, version: int) -> int:
        known = self.conversations.setdefault(name, Conversation(version))
        if known.version <= version:
            known.version, known.deleted = version, True
            for message_id, message in self.messages.items():
                if message.conversation == name and not message.deleted:
                    self.delete_message(message_id, max(version, message.version))
        return 200

    def put_message(self, name: str, conversation: str, sender: str, version: int) -> int:
        known = self.messages.get(name)
        if known is not None:
            if known.deleted:
                return 409 if version > known.version else 200
            if (known.conversation, known.sender) != (conversation, sender):
                return 409
            if version <= known.version:
                return 200
        if conversation in self.conversations and self.conversations[conversation].deleted:
            return 409
        self.messages[name] = Message(version, conversation, sender)
        return 200

    def delete_message(self, name: str, version: int) -> int:
        known = self.messages.setdefault(name, Message(version))
        if known.version <= version:
            known.version, known.deleted = version, True
            for it in self.attachments:
                if it.message == name and it.status != "deleted" and not self._outlived(it):
                    self._delete(it)
        return 200

    def ask(self, user: str, message: str, file: str, key: str | None) -> int | Attachment:
        """A status that refuses, or the attachment of this key; 201 asks for `accept`."""
        known = self.messages.get(message)
        if known is None or known.deleted:
            return 404
        if user != ADMIN and not self.participates(user, known.conversation):
            return 404
        if user not in {ADMIN, known.sender}:
            return 403
        used = self.keys.get((user, key or ""))
        if used is None or used[3] + KEY_LIFE <= self.now:
            return 201
        if used[:2] != (message, file):
            return 422
        it = used[2]
        if it.status == "pending":
            it.due_at = max(it.due_at, self.now + UPLOAD_LIFE)
        return 409 if it.status == "deleted" else it

    def accept(self, name: str, user: str, message: str, file: str, key: str | None) -> None:
        """The attachment that was just made."""
        conversation = self.messages[message].conversation
        assert conversation is not None
        it = Attachment(
            name, message, conversation, user, file != DISGUISED, self.now + UPLOAD_LIFE
        )
        self.attachments.append(it)
        if key is not None:
            self.keys[user, key] = (message, file, it, self.now)

    def send(self, it: Attachment, right: bool) -> int:
        before, it.stored = it.stored, right if it.stored is None else it.stored
        return 200 if before is None else 412

    def inspect(self, it: Attachment) -> None:
        """An event of the attachment's object arrives."""
        if it.stored is None or it.status == "ready":
            return
        if it.status in OPEN and it.stored and it.genuine:
            it.become("ready", "file_uploaded")
            return
        if it.status in OPEN:
            it.become("rejected", "file_rejected")
        it.stored = None

    def download(self, user: str, it: Attachment) -> int:
        if not self.sees(user, it):
            return 404
        if it.status != "ready":
            return 409
        it.log.append("file_downloaded")
        return 200

    def delete(self, user: str, it: Attachment) -> int:
        if not self.sees(user, it):
            return 404
        if user not in (ADMIN, it.uploader):
            return 403
        self._delete(it)
        return 200

    def sweep(self) -> None:
        for it in self.attachments:
            if it.status == "pending" and it.due_at <= self.now:
                if it.stored is None:
                    it.become("expired", "upload_expired")
                    it.gone_at = self.now + TOMBSTONE_LIFE
                else:
                    it.become("failed", "file_failed")

    def _delete(self, it: Attachment) -> None:
        it.become("deleted", "file_deleted")
        it.stored = None
        it.gone_at = self.now + TOMBSTONE_LIFE

    def _outlived(self, it: Attachment) -> bool:
        return it.gone_at is not None and it.gone_at <= self.now
