"""What the service answers: records, pages of them, and the activity log.

Fields are those of the API, under the same names and in the same units. A field that this version
does not know is left out; `json` has the answer as it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

Json = Mapping[str, Any]


class Status(StrEnum):
    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"
    DELETED = "deleted"


class FileType(StrEnum):
    VIDEO = "video"
    IMAGE = "image"
    AUDIO = "audio"
    DOCUMENT = "document"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One object of the API. `of` raises KeyError, TypeError or ValueError for any other."""

    json: Json = field(repr=False, compare=False)

    @classmethod
    def of(cls, json: Json) -> Self:
        known = {f.name: json[f.name] for f in fields(cls) if f.name in json}
        return cls(json=json, **cls._typed(known))

    @classmethod
    def _typed(cls, known: dict[str, Any]) -> dict[str, Any]:
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPlayable(Answer):
    """Whether browsers play a video: `yes`, `some` or `no`, and why not."""

    verdict: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail(Answer):
    """A JPEG of this many pixels; `at_ms` is the instant of the video that it shows."""

    width: int
    height: int
    at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment(Answer):
    """One file of a message. Sizes in bytes, `duration` in whole seconds, `bitrate` in kbit/s."""

    id: str
    message_id: str
    conversation_id: str
    uploaded_by: str
    file_name: str
    file_type: FileType
    file_size: int
    mime_type: str
    status: Status
    created_at: datetime
    uploaded_at: datetime | None = None
    reason: str | None = None
    duration: int | None = None
    duration_ms: int | None = None
    duration_formatted: str | None = None
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    bitrate: int | None = None
    frame_rate: float | None = None
    codec: str | None = None
    audio_codec: str | None = None
    has_audio: bool | None = None
    hdr: bool | None = None
    streamable: bool | None = None
    web_playable: WebPlayable | None = None
    waveform: list[int] | None = None
    thumbnail_url: str | None = None
    thumbnail: Thumbnail | None = None
    placeholder: str | None = None

    @classmethod
    def _typed(cls, known: dict[str, Any]) -> dict[str, Any]:
        playable, thumbnail = known.get("web_playable"), known.get("thumbnail")
        return known | {
            "file_type": FileType(known["file_type"]),
            "status": Status(known["status"]),
            "created_at": _instant(known["created_at"]),
            "uploaded_at": _instant(known["uploaded_at"]) if known.get("uploaded_at") else None,
            "web_playable": WebPlayable.of(playable) if playable else None,
            "thumbnail": Thumbnail.of(thumbnail) if thumbnail else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Answer):
    """One entry of the activity log."""

    id: str
    action: str
    user_id: str
    attachment_id: str
    message_id: str
    conversation_id: str
    at: datetime
    admin_override: bool = False
    description: str = ""

    @classmethod
    def _typed(cls, known: dict[str, Any]) -> dict[str, Any]:
        return known | {"at": _instant(known["at"])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount(Answer):
    """Files and their bytes; of a kind, a day or a user, where it says so."""

    files: int
    bytes: int
    file_type: FileType | None = None
    status: Status | None = None
    day: date | None = None
    user_id: str | None = None

    @classmethod
    def _typed(cls, known: dict[str, Any]) -> dict[str, Any]:
        types = {"file_type": FileType, "status": Status, "day": date.fromisoformat}
        return known | {name: types[name](known[name]) for name in types if name in known}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Answer):
    """How much there is, as of the newest change that is counted."""

    as_of: datetime | None
    stored: Amount
    kinds: list[Amount]
    days: list[Amount]
    users: list[Amount]

    @classmethod
    def _typed(cls, known: dict[str, Any]) -> dict[str, Any]:
        lists = {name: [Amount.of(each) for each in known[name]] for name in _AMOUNTS}
        as_of = _instant(known["as_of"]) if known["as_of"] else None
        return {**known, **lists, "as_of": as_of, "stored": Amount.of(known["stored"])}


_AMOUNTS = ("kinds", "days", "users")


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(Answer):
    """Where the bytes are until `expires_at`."""

    id: str
    url: str
    expires_at: datetime
    thumbnail_url: str | None = None

    @classmethod
    def _typed(cls, known: dict[str, Any]) -> dict[str, Any]:
        return known | {"expires_at": _instant(known["expires_at"])}


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that S3 accepts until it expires; `headers` go with it exactly."""

    url: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, json: Json) -> Self:
        return cls(str(json["url"]), dict(json.get("headers") or {}))


@dataclass(frozen=True, slots=True)
class Reservation:
    """How to send the bytes: by `put`, or in parts of `part_size` bytes (the last: the rest)."""

    put: SignedRequest
    key: str
    part_size: int

    @classmethod
    def of(cls, json: Json) -> Self:
        return cls(SignedRequest.of(json), str(json["key"]), int(json["part_size"]))


@dataclass(frozen=True, slots=True)
class Ticket:
    """A reserved attachment; `upload` is None once something was uploaded."""

    attachment: Attachment
    upload: Reservation | None

    @classmethod
    def of(cls, json: Json) -> Self:
        upload = json["upload"]
        attachment = Attachment.of({k: v for k, v in json.items() if k != "upload"})
        return cls(attachment, None if upload is None else Reservation.of(upload))


def _instant(text: str) -> datetime:
    """RFC 3339."""
    return datetime.fromisoformat(text)
