"""The attachments that the document's examples show, built by the code that shows real ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

from attachments.ids import rfc3339
from attachments.model import (
    Attachment,
    FileType,
    Media,
    ObjectVersion,
    Thumbnail,
    WebPlayable,
)
from attachments.views import AttachmentView, fields_of

NOW = datetime(2026, 11, 20, 9, 52, 58, 524000, tzinfo=UTC)
LATER = rfc3339(NOW + timedelta(minutes=15))
ATTACHMENT = "01a1f85f-9e9c-7dfa-a787-37243673316d"
MESSAGE = "c7b253cb-5a0e-4a0a-8a52-0b1c6f0d2f11"
CONVERSATION = "610f7365-2d0f-4a41-9c8b-52b0a5a3e6d4"
COPY_ID = "01a1f861-03b2-7c1d-8f4e-6d5a4b3c2e1f"
OTHER_MESSAGE = "e2d9b1a4-7c35-4f0e-9b61-8a4d3c2f1e0b"
OTHER_CONVERSATION = "9b3c7d52-1e84-4a6f-b0d3-5c2e8f7a6b19"
CURSOR = "WyIyMDI2LTExLTIwVDA5OjUyOjU4LjUyNFojMDFhMWY4NWYiLCI1ZjBhMWMyZDNlNGY1YTZiIl0"

# Shortened: a real one carries S3's whole signature.
URL = f"https://bucket.s3.eu-central-1.amazonaws.com/uploads/{ATTACHMENT}?versionId=3sL4kq&X-Amz-…"
THUMBNAIL_URL = (
    f"https://bucket.s3.eu-central-1.amazonaws.com/thumbnails/{ATTACHMENT}/9f86d081.jpg?X-Amz-…"
)

_PENDING = Attachment(
    id=ATTACHMENT,
    message_id=MESSAGE,
    conversation_id=CONVERSATION,
    uploaded_by="sender",
    file_name="holiday.mp4",
    file_type=FileType.VIDEO,
    file_size=3_445_747,
    mime_type="video/mp4",
    created_at=NOW,
)
_VERSION = ObjectVersion("3sL4kq", "d41d8cd98f00b204e9800998ecf8427e", _PENDING.file_size)
_READY = _PENDING.ready(
    version=_VERSION,
    uploaded_at=NOW,
    file_type=FileType.VIDEO,
    mime_type="video/mp4",
    media=Media(
        duration_ms=10_000,
        width=1280,
        height=720,
        rotation=0,
        bitrate_kbps=2677,
        frame_rate=30.0,
        codec="h264",
        audio_codec="aac",
        has_audio=True,
        hdr=False,
        streamable=True,
        web_playable=WebPlayable("yes"),
    ),
    thumbnail=Thumbnail(f"{_PENDING.thumbnail_prefix}9f86d081.jpg", 320, 180, 1000),
    placeholder="H/gJtIpwhH14eId3d3ePh/iIhw==",
)
_REJECTED = _PENDING.rejected(
    version=_VERSION, reason="This is not a video: the file is a PNG image.", now=NOW
)
ATTACHMENTS = {"pending": _PENDING, "ready": _READY, "rejected": _REJECTED}


def _shown(attachment: Attachment, thumbnail_url: str | None = None) -> dict[str, Any]:
    view = AttachmentView.model_validate(fields_of(attachment, thumbnail_url=thumbnail_url))
    return view.model_dump(mode="json")


PENDING = _shown(_PENDING)
READY = _shown(_READY, THUMBNAIL_URL)
REJECTED = _shown(_REJECTED)
PAGE = {"items": [READY], "next_cursor": CURSOR}
LAST_PAGE = {"items": [READY], "next_cursor": None}
EMPTY_PAGE: dict[str, Any] = {"items": [], "next_cursor": None}
