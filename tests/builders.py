"""A small chat: its people, its one message, and attachments of it in every state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from attachments.ids import new_id
from attachments.model import (
    Attachment,
    Caller,
    FileType,
    Media,
    ObjectVersion,
    Status,
    Thumbnail,
)
from attachments.settings import Settings

NOON = datetime(2024, 5, 17, 12, 0, tzinfo=UTC)
TOMBSTONE_LIFE = timedelta(days=30)
ACTIVITY_LIFE = timedelta(days=365)
CONVERSATION = "0192f000-0000-7000-8000-00000000000c"
MESSAGE = "0192f000-0000-7000-8000-00000000000e"

SENDER = Caller("sender")
PARTICIPANT = Caller("participant")
STRANGER = Caller("stranger")
ADMIN = Caller("admin", admin=True)
SERVICE = Caller("backend", service=True)

VIDEO = b"the bytes of a video"
VERSION = ObjectVersion("v1", "an-etag", len(VIDEO))
MEDIA = Media(
    duration_ms=119_960,
    width=1920,
    height=1080,
    rotation=0,
    bitrate_kbps=5000,
    frame_rate=29.97,
    codec="h264",
    audio_codec="aac",
    has_audio=True,
    hdr=False,
    streamable=True,
)


def pending(**changes: Any) -> Attachment:
    """A video that the sender asked to upload at noon."""
    fields: dict[str, Any] = {
        "id": new_id(),
        "message_id": MESSAGE,
        "conversation_id": CONVERSATION,
        "uploaded_by": SENDER.user_id,
        "file_name": "holiday.mp4",
        "file_type": FileType.VIDEO,
        "file_size": len(VIDEO),
        "mime_type": "video/mp4",
        "created_at": NOON,
        "due_at": NOON + timedelta(hours=1),
    }
    return Attachment(**{**fields, **changes})


def in_state(attachment: Attachment, status: Status) -> Attachment:
    """A pending attachment, moved to a state by the model's own methods."""
    now = attachment.created_at
    match status:
        case Status.READY:
            return attachment.ready(
                version=VERSION,
                uploaded_at=now,
                file_type=attachment.file_type,
                mime_type=attachment.mime_type,
                media=MEDIA,
                thumbnail=Thumbnail(f"{attachment.thumbnail_prefix}t.jpg", 320, 180, 1000),
                placeholder="1QcSHQRnh493V4dIh4eXh1h4kJUI",
            )
        case Status.REJECTED:
            return attachment.rejected(version=VERSION, reason="This is a PNG image.", now=now)
        case Status.FAILED:
            return attachment.failed(reason="The file could not be inspected.")
        case Status.EXPIRED:
            expired = attachment.expired(now=now, keep=TOMBSTONE_LIFE)
            return replace(expired, due_at=None)  # what was begun is aborted
        case Status.DELETED:
            return attachment.deleted(now=now)
        case _:
            return attachment


def settings_of(**changes: Any) -> Settings:
    """Settings as the template gives them, but for limits that no test reaches, and its changes."""
    fields: dict[str, Any] = {
        "bucket": "memory",
        "attachments_table": "attachments",
        "chat_table": "chat",
        "activity_table": "activity",
        "guards_table": "guards",
        "counters_table": "counters",
        "token_issuer": "chat.example",
        "token_audience": "attachments",
        "max_video_megabytes": 100,
        "max_image_megabytes": 20,
        "max_audio_megabytes": 50,
        "max_document_megabytes": 50,
        "max_other_megabytes": 25,
        "calls_per_minute": 1_000_000,
        "sign_calls_per_minute": 1_000_000,
        "uploads_per_minute": 1_000_000,
        "admin_calls_per_minute": 1_000_000,
        "max_pending_uploads": 1_000_000,
        "max_stored_megabytes": 1_000_000,
        "upload_url_seconds": 900,
        "download_url_seconds": 900,
        "tombstone_days": TOMBSTONE_LIFE.days,
        "activity_days": ACTIVITY_LIFE.days,
    }
    return Settings(**{**fields, **changes})
