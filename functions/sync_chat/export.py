"""All that is kept about a user, page after page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel

from attachments.activity import ActivityLog
from attachments.catalog import Catalog
from attachments.cursors import decode_cursor, encode_cursor
from attachments.errors import InvalidCursorError
from attachments.guards import Guards
from attachments.ids import rfc3339
from attachments.model import Status
from attachments.users import Users
from attachments.views import AttachmentView, PageView, fields_of

Kind = Literal["attachment", "conversation", "message", "activity", "usage"]
Found = tuple[str, "ExportItem"]  # the position after the item, and the item


class ExportItem(BaseModel):
    """One thing that is kept: `about` says what, in the form that the API shows it elsewhere."""

    kind: Kind
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """Reads what is kept about users."""

    catalog: Catalog
    users: Users
    activity: ActivityLog
    guards: Guards

    def page(self, user_id: str, *, limit: int, cursor: str | None) -> PageView[ExportItem]:
        """Attachments (deleted ones too, while their tombstones last), memberships, messages sent,
        activity, and what is counted. Raises InvalidCursorError."""
        query = {"export": user_id}
        section, _, after = (decode_cursor(cursor, query) or "").partition("/")
        sections: dict[str, Callable[[str, str | None], Iterator[Found]]] = {
            "attachments": self._attachments,
            "chat": self._chat,
            "activity": self._activity,
            "usage": self._usage,
        }
        names = list(sections)
        if section and section not in names:
            raise InvalidCursorError("The cursor was altered.")
        left = names[names.index(section) :] if section else names
        stream = (
            (f"{name}/{position}", item)
            for name in left
            for position, item in sections[name](user_id, after if name == section else None)
        )
        found = list(islice(stream, limit + 1))
        resume = found[limit - 1][0] if len(found) > limit else None
        return PageView(
            items=[item for _, item in found[:limit]], next_cursor=encode_cursor(resume, query)
        )

    def _attachments(self, user_id: str, after: str | None) -> Iterator[Found]:
        for attachment in self.catalog.of_uploader(user_id, after=after):
            shown = AttachmentView.model_validate(fields_of(attachment)).model_dump(mode="json")
            gone = attachment.status is Status.DELETED
            yield (
                attachment.id,
                ExportItem(
                    kind="attachment",
                    about={**shown, "sha256": attachment.sha256, "bytes_kept": not gone},
                ),
            )

    def _chat(self, user_id: str, after: str | None) -> Iterator[Found]:
        for named in self.users.named(user_id, after=after):
            item = ExportItem(kind=named.kind, about={"id": named.id})
            yield f"{named.kind}#{named.id}", item

    def _activity(self, user_id: str, after: str | None) -> Iterator[Found]:
        for item in self.activity.of_user(user_id, after=after):
            entry = self.activity.read(item)
            about = {
                "id": entry.id,
                "action": str(entry.action),
                "attachment_id": entry.attachment_id,
                "message_id": entry.message_id,
                "conversation_id": entry.conversation_id,
                "at": rfc3339(entry.at),
                "admin_override": entry.admin_override,
                "description": entry.description,
            }
            yield str(item["sort"]), ExportItem(kind="activity", about=about)

    def _usage(self, user_id: str, after: str | None) -> Iterator[Found]:
        held = self.guards.held(user_id)
        if held is not None and after is None:
            about = {
                "pending_uploads": held.usage.pending_uploads,
                "stored_bytes": held.usage.stored_bytes,
                "changed_at": rfc3339(held.changed_at),
            }
            yield "held", ExportItem(kind="usage", about=about)
