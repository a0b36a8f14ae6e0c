"""Files that are not what they say, or that claim what they do not have."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from functions.inspect_upload.findings import Accepted, Declared, Finding, Refused
from functions.inspect_upload.inspectors import examine
from functions.inspect_upload.sandbox import Sandbox
from tests.media.boxes import box_of, rewritten
from tests.media.clips import (
    AAC,
    H264,
    MPEG4,
    THEORA,
    VP8,
    clip,
    clip_path,
    picture,
    remade,
    sound,
)
from tests.media.conftest import BytesReader

Inspect = Callable[..., Finding]
Accept = Callable[..., Accepted]
Refuse = Callable[..., str]

SECRET = b"the-planted-secret"
FORMATS = ("mp4", "webm", "ogv", "mov", "avi", "mkv")


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """An address that nothing may call, and what called it."""
    calls: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                calls.append(connection.recv(1000))

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/seen", calls
    server.close()


PLAYLISTS = {
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{}</MPD>',
    "ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 9 RTP/AVP 96\na=control:{}\n",
    "PLS": "[playlist]\nFile1={}\n",
}


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_under_a_video_name_is_refused_and_nothing_follows_it(
    kind: str,
    extension: str,
    sandbox: Sandbox,
    tmp_path: Path,
    listener: tuple[str, list[bytes]],
) -> None:
    url, calls = listener
    private = tmp_path / "private.txt"
    private.write_bytes(SECRET)
    for target in (url, f"file:{private}"):
        reader = BytesReader(PLAYLISTS[kind].format(target).encode())
        upload = Declared(f"a.{extension}", "video/mp4", video_only=True)
        finding = examine(reader, upload, sandbox=sandbox)
        assert isinstance(finding, Refused)
        assert "not a video" in finding.reason
        assert SECRET.decode() not in finding.reason
    assert calls == []


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "avi", "webm", "ogv"])
def test_a_playlist_within_a_real_container_is_never_followed(
    extension: str, inspect: Inspect, listener: tuple[str, list[bytes]]
) -> None:
    """The playlist takes the place of the frames, or follows them as rubbish at the end."""
    url, calls = listener
    text = PLAYLISTS["HLS"].format(url).encode()
    codec = {"webm": VP8, "ogv": THEORA, "avi": MPEG4}.get(extension, H264)
    data = clip(extension, *picture(1.5), *codec)
    middle = len(data) // 2
    for hostile in (data[:middle] + text + data[middle + len(text) :], data + text):
        inspect(hostile)
    assert calls == []


def test_a_mov_that_refers_to_another_file_does_not_reach_it(
    inspect: Inspect, listener: tuple[str, list[bytes]]
) -> None:
    url, calls = listener
    data = clip("mov", *picture(1.5), *H264)
    at = data.index(b"dref") - 4
    entry = struct.pack(">I4sI", 12 + len(url) + 1, b"url ", 0) + url.encode() + b"\0"
    dref = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    old = struct.unpack(">I", data[at : at + 4])[0]
    grown = data[:at] + dref + data[at + old :]
    for kind in (b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = grown.rindex(kind, 0, at) - 4
        size = struct.unpack(">I", grown[place : place + 4])[0] + len(dref) - old
        grown = grown[:place] + struct.pack(">I", size) + grown[place + 4 :]
    inspect(grown)
    assert calls == []


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "webm", "ogg", "avi"])
def test_sound_alone_is_refused_on_the_video_route(extension: str, refuse: Refuse) -> None:
    codec = {"webm": "libopus", "ogg": "libvorbis", "avi": "libmp3lame"}.get(extension, "aac")
    data = clip(extension, *sound(), "-c:a", codec)
    assert refuse(data).endswith("file has no video stream.")


def test_cover_art_is_not_video(refuse: Refuse, accept: Accept) -> None:
    cover = ("-f", "lavfi", "-i", "testsrc2=s=300x300:r=1:d=1")
    shape = ("-map", "0:a", "-map", "1:v", "-c:v", "mjpeg", "-frames:v", "1", *AAC)
    data = clip("m4a", *sound(), *cover, *shape, "-disposition:v:0", "attached_pic")
    assert refuse(data) == "This M4A file has no video stream."
    finding = accept(data, file=True)
    assert (finding.file_type, finding.mime_type) == ("audio", "audio/mp4")
    assert finding.media.width is None


def test_a_video_with_cover_art_is_described_by_its_video(accept: Accept) -> None:
    cover = ("-f", "lavfi", "-i", "testsrc2=s=300x300:r=1:d=1")
    shape = ("-map", "1:v", "-map", "0:v", "-c:v:0", "mjpeg", "-frames:v:0", "1")
    both = (*picture(1.5), *cover, *shape, "-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p")
    media = accept(clip("mp4", *both, "-disposition:v:0", "attached_pic")).media
    assert (media.width, media.height, media.codec) == (640, 360, "h264")


@pytest.mark.parametrize(
    ("codec", "extension", "name"),
    [
        ("png", "png", "a PNG image"),
        ("mjpeg", "jpg", "a JPEG image"),
        ("gif", "gif", "a GIF image"),
    ],
)
def test_a_picture_under_a_video_name_is_refused_as_what_it_is(
    codec: str, extension: str, name: str, refuse: Refuse
) -> None:
    data = clip(extension, *picture(1, "64x64", "1"), "-c:v", codec, "-frames:v", "1")
    assert refuse(data) == (
        f"This is {name}, not a video. Videos can be MP4, WebM, OGG, MOV, AVI or MKV."
    )


@pytest.mark.parametrize("data", [b"", b"\0", b"ftyp", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3"])
def test_stubs_are_refused(data: bytes, refuse: Refuse) -> None:
    assert refuse(data).endswith(".")


def test_a_frame_of_65535_by_65535_is_not_decoded(inspect: Inspect) -> None:
    """The size is claimed by the sample entry and the track header of an otherwise good file."""
    data = clip("mov", *picture(1.5, "64x64"), "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
    frame = data.index(b"\xff\xc0")
    huge = bytearray(data)
    while frame >= 0:
        huge[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
        frame = data.find(b"\xff\xc0", frame + 2)
    claimed = rewritten(bytes(huge), b"jpeg", 28, b"\xff\xff\xff\xff")
    finding = inspect(claimed)
    if isinstance(finding, Accepted):
        assert finding.picture is None


def test_a_hundred_hours_that_are_not_there_are_not_told(accept: Accept) -> None:
    data = clip("mp4", *picture(2), *H264)
    claimed = rewritten(data, b"mvhd", 16, struct.pack(">I", 360_000_000))
    assert accept(claimed).media.duration_ms == 2000


def test_a_zero_duration_is_none(accept: Accept) -> None:
    data = clip("mp4", *picture(2), *H264)
    claimed = rewritten(data, b"mvhd", 16, bytes(4))
    assert accept(rewritten(claimed, b"mdhd", 16, bytes(4))).media.duration_ms in (None, 2000)


def test_zero_frame_intervals_give_no_nonsense(inspect: Inspect) -> None:
    data = clip("mp4", *picture(2), *H264)
    finding = inspect(rewritten(data, b"stts", 12, bytes(4)))
    if isinstance(finding, Accepted):
        rate, duration = finding.media.frame_rate, finding.media.duration_ms
        assert rate is None or 0 < rate <= 1000
        assert duration is None or duration > 0


def test_a_thousand_streams_end_in_time(inspect: Inspect) -> None:
    data = clip("mp4", *picture(1.5), *H264)
    start, end = box_of(data, b"moov")
    moov = data[start:end]
    at = moov.index(b"trak") - 4
    size = struct.unpack(">I", moov[at : at + 4])[0]
    grown = moov[:at] + moov[at : at + size] * 1000 + moov[at + size :]
    began = time.monotonic()
    inspect(data[:start] + struct.pack(">I", len(grown)) + grown[4:] + data[end:])
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("extension", FORMATS)
def test_a_clip_with_rubbish_behind_it_is_still_right_or_refused(
    extension: str, inspect: Inspect
) -> None:
    codec = {"webm": VP8, "ogv": THEORA, "avi": MPEG4}.get(extension, H264)
    finding = inspect(clip(extension, *picture(2), *codec) + b"<html>\0\xff" * 1000)
    if isinstance(finding, Accepted):
        assert finding.media.duration_ms == pytest.approx(2000, abs=60)


def test_a_frame_too_few_is_no_reason_to_read_it_all(sandbox: Sandbox) -> None:
    """Frames that are all zero are searched for a while, not to the end of the file."""
    data = clip("mp4", *picture(20, "640x360", "25"), *H264, "-movflags", "+faststart")
    start, end = box_of(data, b"mdat")
    hollow = BytesReader(data[: start + 8] + bytes(end - start - 8))
    finding = examine(hollow, Declared("a", "video/mp4", video_only=True), sandbox=sandbox)
    assert isinstance(finding, Accepted)
    assert (finding.media.duration_ms, finding.picture) == (20_000, None)
    assert hollow.bytes_read <= 32 * 1024 * 1024


def test_a_file_that_must_be_read_whole_is_refused_when_its_budget_is_spent(
    sandbox: Sandbox,
) -> None:
    """Behind the head of a WebM lies what no element begins with, up to the end."""
    head = clip("webm", *picture(2), *VP8)[:300]
    at = head.index(b"\x18\x53\x80\x67") + 4
    head = head[:at] + b"\x01" + b"\xff" * 7 + head[at + 8 :]
    reader = BytesReader(head + b"\x55" * 48_000_000)
    began = time.monotonic()
    finding = examine(reader, Declared("a", "video/webm", video_only=True), sandbox=sandbox)
    assert time.monotonic() - began < 5
    assert isinstance(finding, Refused)
    assert "too much of it must be read" in finding.reason
    assert reader.bytes_read <= 32 * 1024 * 1024


def test_a_giant_index_is_refused(refuse: Refuse) -> None:
    data = clip("mp4", *picture(2), *H264, "-movflags", "+faststart")
    start, end = box_of(data, b"moov")
    padding = struct.pack(">I4s", 25 * 1024 * 1024, b"free") + bytes(25 * 1024 * 1024 - 8)
    moov = data[start + 8 : end] + padding
    grown = data[:start] + struct.pack(">I4s", 8 + len(moov), b"moov") + moov + data[end:]
    assert "index that is too large" in refuse(grown)


def test_a_store_that_fails_is_not_mistaken_for_a_broken_file(sandbox: Sandbox) -> None:
    class ThrottledError(ConnectionError):
        pass

    class FailingReader(BytesReader):
        def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
            if start > 0:
                raise ThrottledError
            return super().stream(start, length)

    noise = ("-f", "lavfi", "-i", "nullsrc=s=320x240:r=30:d=8,geq=random(1)*255:128:128")
    reader = FailingReader(clip("mp4", *noise, *H264, "-crf", "30"))
    with pytest.raises(ThrottledError):
        examine(reader, Declared("a", "video/mp4", video_only=True), sandbox=sandbox)


def test_a_polyglot_is_what_a_player_would_take_it_for(accept: Accept, refuse: Refuse) -> None:
    data = remade(clip_path("mp4", *picture(1.5), *H264), "mp4", "-c", "copy")
    page = b"<script>alert(1)</script>"
    free = struct.pack(">I4s", 8 + len(page), b"free") + page
    assert accept(data + free).mime_type == "video/mp4"
    assert "not a video" in refuse(page + data)
