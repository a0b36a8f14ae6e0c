"""What clients see of a record."""

from dataclasses import replace
from datetime import timedelta

import pytest

from attachments.model import Media, Status, WebPlayable
from attachments.views import formatted_duration, view_of
from tests.builders import MEDIA, NOON, in_state, pending
from tests.fakes import MemoryStorage


@pytest.mark.parametrize(
    ("duration_ms", "formatted"),
    [
        (None, None),
        (0, "0:00"),
        (499, "0:00"),
        (500, "0:01"),
        (59_499, "0:59"),
        (59_500, "1:00"),
        (119_960, "2:00"),
        (3_599_499, "59:59"),
        (3_599_500, "1:00:00"),
        (3_661_000, "1:01:01"),
        (360_000_000, "100:00:00"),
    ],
)
def test_a_duration_is_said_in_minutes_or_hours(
    duration_ms: int | None, formatted: str | None
) -> None:
    assert formatted_duration(duration_ms) == formatted


def test_a_ready_video_shows_all_that_is_known_and_no_url() -> None:
    attachment = replace(
        in_state(pending(), Status.READY),
        uploaded_at=NOON + timedelta(seconds=2, microseconds=345_678),
        media=replace(MEDIA, web_playable=WebPlayable("yes")),
    )
    view = view_of(attachment, MemoryStorage(), seconds=60).model_dump(mode="json")
    thumbnail_url = view.pop("thumbnail_url")
    assert thumbnail_url.startswith(f"https://memory/thumbnails/{attachment.id}/t.jpg?")
    assert view == {
        "id": attachment.id,
        "message_id": attachment.message_id,
        "conversation_id": attachment.conversation_id,
        "uploaded_by": "sender",
        "file_name": "holiday.mp4",
        "file_type": "video",
        "file_size": attachment.file_size,
        "mime_type": "video/mp4",
        "status": "ready",
        "reason": None,
        "duration": 120,
        "duration_ms": 119_960,
        "duration_formatted": "2:00",
        "width": 1920,
        "height": 1080,
        "rotation": 0,
        "bitrate": 5000,
        "frame_rate": 29.97,
        "codec": "h264",
        "audio_codec": "aac",
        "has_audio": True,
        "hdr": False,
        "streamable": True,
        "web_playable": {"verdict": "yes", "reason": None},
        "waveform": None,
        "url": None,
        "thumbnail": {"width": 320, "height": 180, "at_ms": 1000},
        "placeholder": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
        "created_at": "2024-05-17T12:00:00.000Z",
        "uploaded_at": "2024-05-17T12:00:02.345Z",
    }


def test_a_pending_upload_shows_what_was_declared_and_nothing_more() -> None:
    view = view_of(pending(), MemoryStorage(), seconds=60).model_dump(mode="json")
    known = {name for name, value in view.items() if value is not None}
    assert known == {
        "id",
        "message_id",
        "conversation_id",
        "uploaded_by",
        "file_name",
        "file_type",
        "file_size",
        "mime_type",
        "status",
        "created_at",
    }


@pytest.mark.parametrize("waveform", [(), (0, 128, 255)])
def test_a_waveform_is_a_list(waveform: tuple[int, ...]) -> None:
    attachment = replace(in_state(pending(), Status.READY), media=Media(waveform=waveform))
    view = view_of(attachment, MemoryStorage(), seconds=60)
    assert view.waveform == list(waveform)


def test_a_rejection_says_why() -> None:
    view = view_of(in_state(pending(), Status.REJECTED), MemoryStorage(), seconds=60)
    assert (view.status, view.reason) == (Status.REJECTED, "This is a PNG image.")
    assert view.thumbnail_url is None


def test_a_thumbnail_is_shown_of_a_ready_file_only() -> None:
    deleted = in_state(pending(), Status.READY).deleted(now=NOON)
    assert deleted.thumbnail is not None
    assert view_of(deleted, MemoryStorage(), seconds=60).thumbnail_url is None
