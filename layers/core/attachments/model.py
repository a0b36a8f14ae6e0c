"""An attachment, and the only ways in which it can change.

pending ──> ready ──────────┐
   │  ├───> rejected ───────┤
   │  └───> failed ─────────┼──> deleted
   └──────> expired ────────┘
(failed can still become ready or rejected, after a redrive)
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

NOT_UPLOADED = "Nothing was uploaded before the upload request expired."
NOT_COPIED = "The file that it forwards could not be copied."


class Status(StrEnum):
    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"
    DELETED = "deleted"


NEXT: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(Status) - {Status.PENDING},
    Status.FAILED: frozenset({Status.READY, Status.REJECTED, Status.DELETED}),
    Status.READY: frozenset({Status.DELETED}),
    Status.REJECTED: frozenset({Status.DELETED}),
    Status.EXPIRED: frozenset({Status.DELETED}),
    Status.DELETED: frozenset(),
}


HOLDS_BYTES = frozenset({Status.PENDING, Status.READY, Status.FAILED})


class FileType(StrEnum):
    VIDEO = "video"
    IMAGE = "image"
    AUDIO = "audio"
    DOCUMENT = "document"
    OTHER = "other"


class IllegalTransitionError(Exception):
    """The state diagram has no such arrow."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who the token speaks for."""

    user_id: str
    admin: bool = False
    service: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """What somebody holds: uploads that are not over, and bytes that are stored or promised."""

    pending_uploads: int = 0
    stored_bytes: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.pending_uploads + other.pending_uploads, self.stored_bytes + other.stored_bytes
        )

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(
            self.pending_uploads - other.pending_uploads, self.stored_bytes - other.stored_bytes
        )


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """Exactly one object in S3: what was inspected is what is served."""

    version_id: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class WebPlayable:
    """Whether browsers play a video: `yes`, `some` or `no`, and why not."""

    verdict: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What inspection learnt; None where the file does not say or it does not apply.

    Width and height are as shown: rotation (clockwise degrees) and pixel aspect are applied.
    """

    duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    bitrate_kbps: int | None = None
    frame_rate: float | None = None
    codec: str | None = None
    audio_codec: str | None = None
    has_audio: bool | None = None
    hdr: bool | None = None
    streamable: bool | None = None
    web_playable: WebPlayable | None = None
    waveform: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG beside the upload; `at_ms` is the instant of the video that it shows."""

    key: str
    width: int
    height: int
    at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One file sent with a message: its record.

    `revision` grows with each change; every write is conditional on the one that was read.
    `video_only`: it came by the video route, and anything else is rejected. `copied_from` is the
    attachment that it forwards: its bytes come from there, and nobody uploads any.
    `due_at` is when the sweep must look (None: never); `expires_at` when the record itself goes.
    `sequencer` is that of the newest S3 event that was judged: an older one changes nothing.
    `missing`: it is ready, but its bytes have vanished from the bucket.
    `usage_before` is what the revision that was read counted for; it is not stored.
    """

    id: str
    message_id: str
    conversation_id: str
    uploaded_by: str
    file_name: str
    file_type: FileType
    file_size: int
    mime_type: str
    created_at: datetime
    sha256: str | None = None
    video_only: bool = False
    copied_from: str | None = None
    status: Status = Status.PENDING
    reason: str | None = None
    uploaded_at: datetime | None = None
    version: ObjectVersion | None = None
    sequencer: str | None = None
    missing: bool = False
    media: Media = field(default_factory=Media)
    thumbnail: Thumbnail | None = None
    placeholder: str | None = None
    revision: int = 1
    due_at: datetime | None = None
    expires_at: datetime | None = None
    usage_before: Usage = field(default=Usage(), compare=False, repr=False)

    @property
    def usage(self) -> Usage:
        """What it counts for: its bytes from the request on, for that is what S3 was told."""
        return Usage(
            pending_uploads=1 if self.status is Status.PENDING else 0,
            stored_bytes=self.file_size if self.status in HOLDS_BYTES else 0,
        )

    @property
    def upload_key(self) -> str:
        return f"uploads/{self.id}"

    @property
    def thumbnail_prefix(self) -> str:
        return f"thumbnails/{self.id}/"

    def renewed(self, *, due_at: datetime) -> "Attachment":
        """Still pending, with a later deadline: its upload was signed again."""
        if self.status is not Status.PENDING:
            raise IllegalTransitionError(f"{self.status} cannot be renewed")
        return self._next(due_at=due_at)

    def ready(
        self,
        *,
        version: ObjectVersion,
        uploaded_at: datetime,
        file_type: FileType,
        mime_type: str,
        media: Media,
        thumbnail: Thumbnail | None,
        placeholder: str | None,
        reason: str | None = None,
        sequencer: str | None = None,
    ) -> "Attachment":
        """Inspected and served from now on; `reason` says why there is no thumbnail, if so."""
        return replace(
            self._to(Status.READY),
            version=version,
            file_size=version.size,
            uploaded_at=uploaded_at,
            file_type=file_type,
            mime_type=mime_type,
            media=media,
            thumbnail=thumbnail,
            placeholder=placeholder,
            reason=reason,
            due_at=None,
            sequencer=sequencer or self.sequencer,
        )

    def rejected(
        self, *, version: ObjectVersion, reason: str, now: datetime, sequencer: str | None = None
    ) -> "Attachment":
        """Never to be served; the sweep removes the bytes if the inspector did not get to it."""
        return replace(
            self._to(Status.REJECTED),
            version=version,
            reason=reason,
            due_at=now,
            sequencer=sequencer or self.sequencer,
        )

    def failed(self, *, reason: str, sequencer: str | None = None) -> "Attachment":
        """Inspection could not finish; the bytes stay, so that a redrive can complete it."""
        return replace(
            self._to(Status.FAILED),
            reason=reason,
            due_at=None,
            sequencer=sequencer or self.sequencer,
        )

    def lost(self) -> "Attachment":
        """Ready, but its bytes have vanished: the record says so instead of hiding it."""
        if self.status is not Status.READY:
            raise IllegalTransitionError(f"{self.status} has no bytes to lose")
        return self._next(missing=True, reason="The bytes of this file are missing from the store.")

    def expired(self, *, now: datetime, keep: timedelta) -> "Attachment":
        """No bytes came in time; `due_at` stays until what was begun is aborted."""
        return replace(
            self._to(Status.EXPIRED),
            reason=NOT_COPIED if self.copied_from else NOT_UPLOADED,
            due_at=now,
            expires_at=now + keep,
        )

    def deleted(self, *, now: datetime) -> "Attachment":
        """Out of everybody's sight; `due_at` stays until the bytes are gone too."""
        return replace(self._to(Status.DELETED), due_at=now, expires_at=None)

    def purged(self, *, now: datetime, keep: timedelta) -> "Attachment":
        """The bytes are gone. A deleted record stays as a tombstone for `keep`."""
        gone = now + keep if self.status is Status.DELETED else self.expires_at
        return self._next(due_at=None, expires_at=gone)

    def anonymised(self, pseudonym: str) -> "Attachment":
        """A tombstone that tells nothing of its uploader or of the file."""
        if self.status is not Status.DELETED:
            raise IllegalTransitionError(f"{self.status} cannot be anonymised")
        return self._next(
            uploaded_by=pseudonym,
            file_name="erased",
            sha256=None,
            version=None,  # its ETag is a digest of the bytes
            reason=None,
            media=Media(),
            thumbnail=None,
            placeholder=None,
        )

    def _to(self, status: Status) -> "Attachment":
        if status not in NEXT[self.status]:
            raise IllegalTransitionError(f"{self.status} -> {status}")
        return self._next(status=status)

    def _next(self, **changes: Any) -> "Attachment":
        return replace(self, revision=self.revision + 1, usage_before=self.usage, **changes)


class Action(StrEnum):
    """What the activity log records."""

    UPLOAD_REQUESTED = "upload_requested"
    FILE_FORWARDED = "file_forwarded"
    FILE_UPLOADED = "file_uploaded"
    FILE_REJECTED = "file_rejected"
    FILE_FAILED = "file_failed"
    FILE_DOWNLOADED = "file_downloaded"
    FILE_DELETED = "file_deleted"
    UPLOAD_EXPIRED = "upload_expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One entry of the activity log."""

    id: str
    action: Action
    user_id: str
    attachment_id: str
    message_id: str
    conversation_id: str
    at: datetime
    admin_override: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as the chat backend told it; its conversation and sender never change."""

    id: str
    conversation_id: str
    sender_id: str
    version: int
