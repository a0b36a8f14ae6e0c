"""What other systems are told: the events on the bus, and their schemas.

An event holds ids and facts. Names of files and URLs are in none: who may see these asks the API.
Within a version fields are only added; whoever reads one passes over what it does not know. It has
the form of a webhook's body (Standard Webhooks, "Payload structure"), so that both are the same.
"""

from typing import Any, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

from attachments.model import Attachment, FileType, Status
from attachments.views import Instant
from functions.announce.changes import Change

SOURCE = "offchat.attachments"
# uuid5 of the DNS name attachments.offchat: an id is the same wherever and how often it is made.
NAMESPACE = UUID("e0afe610-6f75-5a6f-938e-25c19ec4608e")


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class AttachmentFacts(_Told):
    """What every event tells of its attachment."""

    id: str
    message_id: str
    conversation_id: str
    uploaded_by: str
    file_type: FileType
    file_size: int = Field(description="Bytes.", ge=0)
    mime_type: str
    created_at: Instant
    revision: int = Field(
        description="Grows with each change of the record: orders the events of one attachment.",
        ge=1,
    )


class ReadyFacts(AttachmentFacts):
    uploaded_at: Instant
    duration_ms: int | None = Field(description="Null for what has no duration.")
    width: int | None = Field(description="Pixels as shown; null for what has none.")
    height: int | None = Field(description="Pixels as shown; null for what has none.")
    has_thumbnail: bool


class ReasonedFacts(AttachmentFacts):
    reason: str | None = Field(description="Why, in words for people.")


class DeletedFacts(AttachmentFacts):
    was: Status = Field(description="What it was before.")


class _Event(_Told):
    id: UUID = Field(description="The same however often the event is delivered.")
    version: Literal[1] = Field(default=1, description="Of this schema.")
    timestamp: Instant = Field(description="When it happened, to the second.")


class AttachmentReady(_Event):
    """A file was inspected and can be downloaded."""

    type: Literal["attachment.ready"] = "attachment.ready"
    data: ReadyFacts


class AttachmentRejected(_Event):
    """A file was refused, and its bytes are removed."""

    type: Literal["attachment.rejected"] = "attachment.rejected"
    data: ReasonedFacts


class AttachmentFailed(_Event):
    """A file could not be inspected; it may still become ready or rejected."""

    type: Literal["attachment.failed"] = "attachment.failed"
    data: ReasonedFacts


class AttachmentDeleted(_Event):
    """An attachment is out of everybody's sight, and its bytes go."""

    type: Literal["attachment.deleted"] = "attachment.deleted"
    data: DeletedFacts


Announcement = AttachmentReady | AttachmentRejected | AttachmentFailed | AttachmentDeleted
ANNOUNCEMENTS: tuple[type[Announcement], ...] = (
    AttachmentReady,
    AttachmentRejected,
    AttachmentFailed,
    AttachmentDeleted,
)


def announcement_of(change: Change) -> Announcement | None:
    """What there is to tell of a change: that the status became one of the four, or nothing."""
    new = change.new
    if new is None or (change.old is not None and change.old.status is new.status):
        return None
    event = {"id": event_id(new), "timestamp": change.at}
    facts = {name: getattr(new, name) for name in AttachmentFacts.model_fields}
    told: dict[str, Any]
    match new.status:
        case Status.READY:
            told = {
                "uploaded_at": new.uploaded_at or new.created_at,
                "duration_ms": new.media.duration_ms,
                "width": new.media.width,
                "height": new.media.height,
                "has_thumbnail": new.thumbnail is not None,
            }
            return AttachmentReady.model_validate({**event, "data": facts | told})
        case Status.REJECTED:
            told = {"reason": new.reason}
            return AttachmentRejected.model_validate({**event, "data": facts | told})
        case Status.FAILED:
            told = {"reason": new.reason}
            return AttachmentFailed.model_validate({**event, "data": facts | told})
        case Status.DELETED:
            told = {"was": change.old.status if change.old else new.status}
            return AttachmentDeleted.model_validate({**event, "data": facts | told})
    return None


def event_id(attachment: Attachment) -> UUID:
    """Of the event that this revision of a record is told with."""
    return uuid5(NAMESPACE, f"{attachment.id}/{attachment.status}/{attachment.revision}")
