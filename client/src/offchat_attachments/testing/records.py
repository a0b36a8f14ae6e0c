"""What the service in memory keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from offchat_attachments.models import FileType, Status

DOCUMENTS = ("application/pdf", "text/plain", "text/csv", "text/markdown")
# What only inspection can know.
UNKNOWN = (
    "duration", "duration_ms", "duration_formatted", "width", "height", "rotation", "bitrate",
    "frame_rate", "codec", "audio_codec", "has_audio", "hdr", "streamable", "web_playable",
    "waveform", "url", "thumbnail_url", "thumbnail", "placeholder",
)  # fmt: skip


class RefusalError(Exception):
    """What the service answers to what it does not accept."""

    def __init__(self, status: int, kind: str, detail: str, **fields: str) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {
            "type": f"urn:offchat:problem:{kind}",
            "title": kind.replace("-", " ").capitalize(),
            "status": status,
            "detail": detail,
            "request_id": uuid4().hex,
        }
        if fields:
            self.body["errors"] = [{"field": name, "detail": text} for name, text in fields.items()]


@dataclass(frozen=True)
class User:
    user_id: str
    admin: bool = False


@dataclass(frozen=True)
class Message:
    conversation_id: str
    sender: str


@dataclass
class Record:
    """An attachment."""

    message_id: str
    conversation_id: str
    uploaded_by: str
    file_name: str
    file_size: int
    mime_type: str
    sha256: str | None = None
    status: Status = Status.PENDING
    reason: str | None = None
    uploaded_at: str | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: str = field(default_factory=lambda: now())
    media: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"uploads/{self.id}"

    @property
    def file_type(self) -> FileType:
        return file_type_of(self.mime_type)

    def json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            **dict.fromkeys(UNKNOWN),
            "id": self.id,
            "message_id": self.message_id,
            "conversation_id": self.conversation_id,
            "uploaded_by": self.uploaded_by,
            "file_name": self.file_name,
            "file_type": self.file_type,
            "file_size": self.file_size,
            "mime_type": self.mime_type,
            "status": self.status,
            "reason": self.reason,
            "created_at": self.created_at,
            "uploaded_at": self.uploaded_at,
            **self.media,
        }


def file_type_of(mime_type: str) -> FileType:
    family = mime_type.partition("/")[0]
    if family in ("video", "image", "audio"):
        return FileType(family)
    return FileType.DOCUMENT if mime_type in DOCUMENTS else FileType.OTHER


def now() -> str:
    """RFC 3339 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
