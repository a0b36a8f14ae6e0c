"""What clients see of a record."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from attachments.ids import rfc3339
from attachments.model import Attachment, FileType, Media, Status
from attachments.serving import thumbnail_url
from attachments.storage import Storage

Instant = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
Limit = Annotated[int, Field(ge=1, le=100, description="Most items on the page.")]
Cursor = Annotated[
    str | None, Field(max_length=1024, description="`next_cursor` of the page before.")
]
DEFAULT_LIMIT = 50


class WebPlayableView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    verdict: Literal["yes", "some", "no"]
    reason: str | None


class ThumbnailView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    width: int
    height: int
    at_ms: int | None


class AttachmentView(BaseModel):
    """One attachment. Sizes in bytes, `duration` in whole seconds, `bitrate` in kbit/s."""

    id: str
    message_id: str
    conversation_id: str
    uploaded_by: str
    file_name: str
    file_type: FileType
    file_size: int
    mime_type: str
    status: Status
    reason: str | None
    duration: int | None
    duration_ms: int | None
    duration_formatted: str | None
    width: int | None
    height: int | None
    rotation: int | None
    bitrate: int | None
    frame_rate: float | None
    codec: str | None
    audio_codec: str | None
    has_audio: bool | None
    hdr: bool | None
    streamable: bool | None
    web_playable: WebPlayableView | None
    waveform: list[int] | None
    url: None = Field(description="Filled only by the download answers.")
    thumbnail_url: str | None
    thumbnail: ThumbnailView | None
    placeholder: str | None
    created_at: Instant
    uploaded_at: Instant | None


Item = TypeVar("Item")


class PageView(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None


def fields_of(attachment: Attachment, *, thumbnail_url: str | None = None) -> dict[str, object]:
    """What an AttachmentView is made of."""
    return {
        "id": attachment.id,
        "message_id": attachment.message_id,
        "conversation_id": attachment.conversation_id,
        "uploaded_by": attachment.uploaded_by,
        "file_name": attachment.file_name,
        "file_type": attachment.file_type,
        "file_size": attachment.file_size,
        "mime_type": attachment.mime_type,
        "status": attachment.status,
        "reason": attachment.reason,
        **_fields_of_media(attachment.media),
        "url": None,
        "thumbnail_url": thumbnail_url,
        "thumbnail": attachment.thumbnail,
        "placeholder": attachment.placeholder,
        "created_at": attachment.created_at,
        "uploaded_at": attachment.uploaded_at,
    }


def _fields_of_media(media: Media) -> dict[str, object]:
    return {
        "duration": None if media.duration_ms is None else (media.duration_ms + 500) // 1000,
        "duration_ms": media.duration_ms,
        "duration_formatted": formatted_duration(media.duration_ms),
        "width": media.width,
        "height": media.height,
        "rotation": media.rotation,
        "bitrate": media.bitrate_kbps,
        "frame_rate": media.frame_rate,
        "codec": media.codec,
        "audio_codec": media.audio_codec,
        "has_audio": media.has_audio,
        "hdr": media.hdr,
        "streamable": media.streamable,
        "web_playable": media.web_playable,
        "waveform": media.waveform and list(media.waveform),
    }


def view_of(attachment: Attachment, storage: Storage, *, seconds: int) -> AttachmentView:
    """The attachment as clients see it; the thumbnail's URL lives for `seconds`."""
    ready = attachment.status is Status.READY
    url = thumbnail_url(attachment, storage, seconds=seconds) if ready else None
    return AttachmentView.model_validate(fields_of(attachment, thumbnail_url=url))


def formatted_duration(duration_ms: int | None) -> str | None:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    if duration_ms is None:
        return None
    minutes, seconds = divmod((duration_ms + 500) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
