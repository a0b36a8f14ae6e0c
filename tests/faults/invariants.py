"""What holds of tables and bucket together, whatever happened in which order."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter

from attachments.model import NEXT, Action, Attachment, Status
from tests.faults.cloud import Account

BECAME = {
    Action.UPLOAD_REQUESTED: Status.PENDING,
    Action.FILE_UPLOADED: Status.READY,
    Action.FILE_REJECTED: Status.REJECTED,
    Action.FILE_FAILED: Status.FAILED,
    Action.FILE_DELETED: Status.DELETED,
    Action.UPLOAD_EXPIRED: Status.EXPIRED,
}
KEEP_BYTES = {Status.PENDING, Status.READY, Status.FAILED}
_RECORD = TypeAdapter(Attachment)
Row = dict[str, Any]


class State:
    """All that the tables and the bucket hold at one moment."""

    def __init__(self, account: Account) -> None:
        settings = account.settings
        self.records = [
            _RECORD.validate_python(row) for row in account.rows(settings.attachments_table)
        ]
        self.chat = {(row["pk"], row["sk"]): row for row in account.rows(settings.chat_table)}
        self.activity = sorted(
            account.rows(settings.activity_table), key=lambda row: str(row["sort"])
        )
        self.objects = [(row["Key"], row["VersionId"]) for row in account.versions("")]

    def history(self, attachment: Attachment) -> list[Status]:
        """The states that an attachment went through, by the activity log."""
        states: list[Status] = []
        for row in self.activity:
            if row["attachment_id"] == attachment.id:
                action = Action(row["action"])
                if action is Action.FILE_FORWARDED and attachment.copied_from and not states:
                    states.append(Status.PENDING)  # it began as a copy; later it may be copied
                elif action in BECAME:
                    states.append(BECAME[action])
        return states

    def message_deleted(self, message_id: str) -> bool:
        return bool(self.chat.get((f"message#{message_id}", "meta"), {}).get("deleted"))

    @property
    def something_is_due(self) -> bool:
        """Whether there is work for the sweep, at some time."""
        marked = any("due_at" in row for row in self.chat.values())
        return marked or any(record.due_at is not None for record in self.records)

    def violations(self, *, events_wait: bool = False) -> list[str]:
        """What does not hold, in words. Objects whose events wait may be anybody's."""
        return [
            f"{attachment.status} {attachment.id}: {problem}"
            for attachment in self.records
            for problem in (
                *self._of_history(attachment),
                *self._of_message(attachment),
                *self._of_bytes(attachment, events_wait),
            )
        ]

    def violations_at_rest(self) -> list[str]:
        """The same, and what must hold besides once all events came and a sweep looked."""
        owners = {attachment.id: attachment for attachment in self.records}
        strays = [
            key
            for key, _ in self.objects
            if (owner := owners.get(key.split("/")[1])) is None or owner.status not in KEEP_BYTES
        ]
        unfinished = [
            f"{attachment.status} {attachment.id} is due since {attachment.due_at}"
            for attachment in self.records
            if attachment.due_at is not None
        ]
        marks = [pk for (pk, sk), row in self.chat.items() if sk == "meta" and "due_at" in row]
        orphans = [
            f"{attachment.status} {attachment.id} outlives its message"
            for attachment in self.records
            if self.message_deleted(attachment.message_id)
            and attachment.status is not Status.DELETED
        ]
        return [
            *self.violations(),
            *(f"stray object {key}" for key in strays),
            *unfinished,
            *(f"{pk} is not deleted to its end" for pk in marks),
            *orphans,
        ]

    def _of_history(self, attachment: Attachment) -> Iterator[str]:
        history = self.history(attachment)
        if history[:1] != [Status.PENDING]:
            yield f"began as {history[:1]}"
        for before, after in pairwise(history):
            if after not in NEXT[before]:
                yield f"went from {before} to {after}"
        if history[-1:] != [attachment.status]:
            yield f"is {attachment.status}, its history ends in {history[-1:]}"

    def _of_message(self, attachment: Attachment) -> Iterator[str]:
        prefix = f"message#{attachment.message_id}"
        linked = any(pk == prefix and sk.endswith(attachment.id) for pk, sk in self.chat)
        if linked is (attachment.status is Status.DELETED):
            yield "is linked" if linked else "is not linked to its message"

    def _of_bytes(self, attachment: Attachment, events_wait: bool) -> Iterator[str]:
        uploads = [version for key, version in self.objects if key == attachment.upload_key]
        thumbnails = [key for key, _ in self.objects if key.startswith(attachment.thumbnail_prefix)]
        if attachment.status is Status.READY:
            if attachment.version is None or attachment.version.version_id not in uploads:
                yield "serves a version that is not there"
            wanted = [attachment.thumbnail.key] if attachment.thumbnail else []
            if thumbnails != wanted:
                yield f"has the thumbnails {thumbnails}, its record says {wanted}"
        gone = attachment.status is Status.DELETED and attachment.due_at is None
        if gone and not events_wait and (uploads or thumbnails):
            yield f"has left {uploads} {thumbnails}"
