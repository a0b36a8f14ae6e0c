"""What an inspection says of an object: accepted with what it learnt, or refused with a reason."""

from dataclasses import dataclass, field
from enum import StrEnum

from attachments.model import FileType, Media


@dataclass(frozen=True, slots=True)
class Declared:
    """What the uploader said of the file; `video_only` when it came by the video route."""

    file_name: str
    mime_type: str
    video_only: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished thumbnail: JPEG bytes, their size in pixels, the instant shown, a ThumbHash."""

    jpeg: bytes
    width: int
    height: int
    at_ms: int | None
    placeholder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The detected type and what is known; `note` says why there is no picture, if so."""

    file_type: FileType
    mime_type: str
    media: Media = field(default_factory=Media)
    picture: Picture | None = None
    note: str | None = None


class Cause(StrEnum):
    """Why a file is refused, in few words: what refusals are counted by."""

    DAMAGED = "damaged"
    TRUNCATED = "truncated"
    NOT_A_VIDEO = "not_a_video"
    NO_STREAMS = "no_streams"
    TOO_LARGE = "too_large"
    TOO_COSTLY = "too_costly"
    OTHER_SIZE = "other_size"


@dataclass(frozen=True, slots=True)
class Refused:
    """Final: `reason` is a sentence for the person who uploaded the file."""

    reason: str
    cause: Cause = Cause.DAMAGED


Finding = Accepted | Refused
