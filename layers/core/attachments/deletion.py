"""Deleting: mark first, then remove the bytes. What a crash leaves, the sweep finishes.

Every step is harmless when it is done twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from attachments.activity import entry
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.errors import NotFoundError, StaleRecordError
from attachments.model import Action, Attachment, Status
from attachments.storage import Storage

TRIES = 5
HasTime = Callable[[], bool]


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Deletion:
    """Deletes attachments, messages and conversations, bytes included."""

    catalog: Catalog
    chat: Chat
    storage: Storage
    clock: Callable[[], datetime]
    tombstone_life: timedelta

    def attachment(self, attachment: Attachment, *, user_id: str, admin_override: bool) -> None:
        """Out of sight at once, then out of the bucket. Raises StaleRecordError."""
        marked = self.mark(attachment, user_id=user_id, admin_override=admin_override)
        self.purge(marked)

    def mark(
        self, attachment: Attachment, *, user_id: str, admin_override: bool = False
    ) -> Attachment:
        """Deleted for everybody from here on; a record that changed meanwhile is read again."""
        for _ in range(TRIES):
            if attachment.status is Status.DELETED:
                return attachment
            now = self.clock()
            marked = attachment.deleted(now=now)
            note = entry(
                Action.FILE_DELETED,
                attachment,
                user_id=user_id,
                at=now,
                admin_override=admin_override,
            )
            try:
                self.catalog.change(marked, note)
            except StaleRecordError:
                attachment = self.catalog.get(attachment.id)
            else:
                return marked
        raise StaleRecordError(attachment.id)

    def purge(self, attachment: Attachment) -> None:
        """Remove all bytes of an attachment that will never be ready, and note that they are gone.

        Uploads in parts go first: one that is completed before is an object then.
        """
        if attachment.due_at is None:
            return
        self.storage.abort_uploads(attachment.upload_key)
        self.storage.delete_all(attachment.upload_key)
        self.storage.delete_all(attachment.thumbnail_prefix)
        purged = attachment.purged(now=self.clock(), keep=self.tombstone_life)
        try:
            self.catalog.change(purged, None)
        except StaleRecordError:
            return  # somebody else purged it, or it was deleted after its rejection

    def message(self, message_id: str, *, user_id: str, has_time: HasTime = always) -> int:
        """Delete the attachments of a message that is marked deleted; how many there were.

        All are out of sight before the first bytes go. What time or an error leaves over, the
        sweep finishes; one attachment that cannot be deleted keeps no other from it. Raises the
        first error.
        """
        marked: list[Attachment] = []
        errors: list[Exception] = []
        links = list(self.chat.attachments_of(message_id))
        for link in links:
            if not has_time():
                return len(marked)
            try:
                marked.append(self.mark(self.catalog.get(link["id"]), user_id=user_id))
            except NotFoundError:
                continue
            except Exception as error:
                errors.append(error)
        for attachment in marked:
            if not has_time():
                return len(marked)
            try:
                self.purge(attachment)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]
        self.chat.finish_message(message_id, expires_at=self.clock() + self.tombstone_life)
        return len(marked)

    def conversation(
        self, conversation_id: str, version: int, *, user_id: str, has_time: HasTime = always
    ) -> int:
        """The same for all messages of a conversation that is marked deleted."""
        count = 0
        errors: list[Exception] = []
        for message_id in self.chat.messages_of(conversation_id):
            if not has_time():
                return count
            message = self.chat.message(message_id)
            newest = max(version, message.version) if message else version
            self.chat.delete_message(message_id, newest, self.clock())
            try:
                count += self.message(message_id, user_id=user_id, has_time=has_time)
            except Exception as error:
                errors.append(error)
        if not has_time():
            return count
        if errors:
            raise errors[0]
        self.chat.finish_conversation(
            conversation_id, expires_at=self.clock() + self.tombstone_life
        )
        return count
