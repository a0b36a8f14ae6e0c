"""What an upload turns out to be: read from its bytes, whatever its name says."""

from io import BytesIO

import httpx
import pytest
from PIL import Image

from tests.stack.client import File, Stack, eventually, problem
from tests.stack.conftest import MIME_TYPES, Clip

CODECS = {
    "mp4": ("h264", "aac"),
    "mov": ("h264", "aac"),
    "mkv": ("h264", "aac"),
    "webm": ("vp8", "opus"),
    "ogg": ("theora", "vorbis"),
    "avi": ("mpeg4", "mp3"),
}
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def image(kind: str, size: tuple[int, int] = (640, 480)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "teal").save(written, kind)
    return written.getvalue()


@pytest.mark.parametrize("extension", MIME_TYPES)
def test_a_video_of_each_format_is_described_as_it_is(
    stack: Stack, message: str, clip: Clip, extension: str
) -> None:
    video = clip(extension)
    record = stack.sender.upload(message, video)
    assert record["duration_ms"] == pytest.approx(10_000, abs=50)
    assert record["bitrate"] == pytest.approx(len(video.body) * 8 / 10_000, rel=0.05)
    assert record["uploaded_at"] >= record["created_at"]
    expected = {
        "file_type": "video",
        "file_size": len(video.body),
        "mime_type": MIME_TYPES[extension],
        "duration": 10,
        "duration_formatted": "0:10",
        "width": 1280,
        "height": 720,
        "rotation": 0,
        "frame_rate": 30.0,
        "codec": CODECS[extension][0],
        "audio_codec": CODECS[extension][1],
        "has_audio": True,
        "hdr": False,
        "reason": None,
        "thumbnail": {"width": 320, "height": 180, "at_ms": 1000},
        "url": None,
    }
    assert {name: record[name] for name in expected} == expected
    thumbnail = httpx.get(record["thumbnail_url"])
    assert thumbnail.headers["content-type"] == "image/jpeg"
    assert len(thumbnail.content) <= 50 * 1024
    with Image.open(BytesIO(thumbnail.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 180))
        # The test picture is colourful: this is no black frame.
        assert len(picture.getcolors(maxcolors=320 * 180) or ()) > 100


def test_a_png_named_mp4_is_rejected_with_a_reason_that_a_person_understands(
    stack: Stack, message: str
) -> None:
    fake = File("holiday.mp4", "video/mp4", image("PNG"))
    record = stack.sender.settled(stack.sender.send_file(message, fake)["id"])
    assert record["status"] == "rejected"
    assert "PNG" in record["reason"]
    assert "not a video" in record["reason"]
    assert record["thumbnail_url"] is None
    refused = stack.sender.get(f"/attachments/{record['id']}/download/")
    assert record["reason"] in problem(refused, 409)["detail"]
    problem(stack.participant.get(f"/attachments/{record['id']}/"), 404)
    actions = [entry["action"] for entry in stack.history(record["id"])]
    assert actions == ["upload_requested", "file_rejected"]


def test_the_bytes_of_a_rejected_upload_are_gone_in_all_versions(
    stack: Stack, message: str
) -> None:
    fake = File("holiday.mp4", "video/mp4", image("PNG"))
    ticket = stack.sender.send_file(message, fake)
    assert stack.sender.settled(ticket["id"])["status"] == "rejected"
    assert eventually(lambda: stack.stored(ticket["id"]), lambda keys: not keys) == []


def test_a_video_cut_in_half_is_rejected(stack: Stack, message: str, clip: Clip) -> None:
    whole = clip("mov", seconds=2).body  # its index stands at the end
    cut = File("holiday.mov", "video/quicktime", whole[: len(whole) // 2])
    record = stack.sender.settled(stack.sender.send_file(message, cut)["id"])
    assert record["status"] == "rejected"
    assert len(record["reason"]) > 10


@pytest.mark.parametrize(
    ("file", "file_type", "mime_type"),
    [
        (File("plan.pdf", "application/pdf", PDF), "document", "application/pdf"),
        (File("plan.txt", "text/plain", b"Bring the tent.\n"), "document", "text/plain"),
        (File("plan.csv", "text/csv", b"who,what\nme,tent\n"), "document", "text/csv"),
        (File("a.dwg", "application/acad", b"\x01\x02\x03\xff" * 9), "other", "application/acad"),
        (File("a.jpg", "image/jpeg", image("JPEG")), "image", "image/jpeg"),
    ],
    ids=lambda value: value.name if isinstance(value, File) else "",
)
def test_a_file_that_is_no_video_becomes_ready_as_what_it_is(
    stack: Stack, message: str, file: File, file_type: str, mime_type: str
) -> None:
    record = stack.sender.upload(message, file)
    assert (record["file_type"], record["mime_type"]) == (file_type, mime_type)
    assert (record["file_size"], record["duration"]) == (len(file.body), None)


def test_the_bytes_decide_what_a_file_is_and_not_what_the_client_said(
    stack: Stack, message: str
) -> None:
    record = stack.sender.upload(message, File("plan.pdf", "application/pdf", image("PNG")))
    assert (record["file_type"], record["mime_type"]) == ("image", "image/png")
    assert (record["width"], record["height"]) == (640, 480)
    assert record["thumbnail"] == {"width": 320, "height": 240, "at_ms": None}
