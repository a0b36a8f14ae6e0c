"""What is read of a video, and when: few requests, the right ones, as early as they can be."""

import io
import struct
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from functions.inspect_upload import chunks, inspectors, isobmff
from functions.inspect_upload.findings import Accepted, Declared
from functions.inspect_upload.frame import Source, draw
from functions.inspect_upload.inspectors import INDEX_SHARE, _fetched_ahead, examine
from functions.inspect_upload.movie import AHEAD_BYTES
from functions.inspect_upload.range_server import HEAD_BYTES, TAIL_BYTES, RangeServer
from functions.inspect_upload.sandbox import Result, Sandbox
from functions.inspect_upload.subject import BEGINNING_BYTES
from tests.media.boxes import box_of
from tests.media.clips import AAC, H264, MP3, MPEG4, clip, picture, sound
from tests.media.conftest import BytesReader

MIB = 1024 * 1024
FAST = ("-movflags", "+faststart")
NOISE = ("-f", "lavfi", "-i", "nullsrc=s=320x240:r=30:d=8,geq=random(1)*255:128:128")
BIG = (*NOISE, *H264, "-crf", "30")
VIDEO = Declared("holiday.mp4", "video/mp4", video_only=True)


def accepted(reader: BytesReader, sandbox: Sandbox) -> Accepted:
    finding = examine(reader, VIDEO, sandbox=sandbox)
    assert isinstance(finding, Accepted), finding
    return finding


def padded(data: bytes, *, by: int) -> bytes:
    """The MP4 with so much more in its index; frames behind it are no longer found."""
    start, end = box_of(data, b"moov")
    moov = data[start + 8 : end] + struct.pack(">I4s", by, b"free") + bytes(by - 8)
    return data[:start] + struct.pack(">I4s", 8 + len(moov), b"moov") + moov + data[end:]


def stretched(data: bytes, *, by: int) -> bytes:
    """The MP4 with so much more behind its frames, where nothing refers to."""
    start, end = box_of(data, b"mdat")
    header = struct.pack(">I4s", end - start + by, b"mdat")
    return data[:start] + header + data[start + 8 : end] + bytes(by) + data[end:]


def in_order(ranges: list[range]) -> list[range]:
    return sorted(ranges, key=lambda one: one.start)


class Stalling(BytesReader):
    """Sends the first pieces of the head, and the rest when `go` is set."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.go = threading.Event()

    def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
        sent = 0
        for piece in super().stream(start, length):
            if start == 0 and sent >= 2 * BEGINNING_BYTES:
                assert self.go.wait(10), "nothing began before all of the head had come"
            yield piece
            sent += len(piece)


class NotingSandbox(Sandbox):
    """Notes which programs have begun."""

    def __init__(self, tools: Path) -> None:
        super().__init__(tools)
        self.begun = threading.Barrier(3, timeout=10)

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        deadline_s: float,
        stdout_max: int = MIB,
        stderr_max: int = 16 * 1024,
        stdin: bytes | None = None,
        niceness: int = 0,
    ) -> Result:
        self.begun.wait()
        return super().run(
            program,
            arguments,
            deadline_s=deadline_s,
            stdout_max=stdout_max,
            stderr_max=stderr_max,
            stdin=stdin,
            niceness=niceness,
        )


@pytest.fixture
def noting(tools: Path) -> Iterator[NotingSandbox]:
    with closing(NotingSandbox(tools)) as sandbox:
        yield sandbox


def test_both_programs_begin_while_the_head_still_comes(noting: NotingSandbox) -> None:
    reader = Stalling(clip("mp4", *BIG, *FAST))
    assert reader.size > HEAD_BYTES + TAIL_BYTES

    def watch() -> None:
        noting.begun.wait()
        reader.go.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    finding = accepted(reader, noting)
    watcher.join()
    assert finding.picture is not None


def test_an_ordinary_video_is_two_requests(sandbox: Sandbox) -> None:
    for flags in ((), FAST):
        reader = BytesReader(clip("mp4", *NOISE, *sound(8), *H264, "-crf", "35", *AAC, *flags))
        assert reader.size > HEAD_BYTES + TAIL_BYTES
        assert accepted(reader, sandbox).picture is not None
        assert len(reader.asked) == 2
        assert reader.bytes_read <= HEAD_BYTES + TAIL_BYTES + BEGINNING_BYTES


def test_an_index_at_the_end_that_is_larger_than_the_tail_comes_by_two_connections(
    sandbox: Sandbox,
) -> None:
    data = padded(clip("mp4", *BIG), by=3 * MIB)
    index, _ = box_of(data, b"moov")
    reader = BytesReader(data)
    finding = accepted(reader, sandbox)
    assert finding.media.duration_ms == 8000
    assert finding.picture is not None
    first, second, tail = (one for one in in_order(reader.asked) if one.stop > index)
    assert index - BEGINNING_BYTES < first.start <= index
    assert first.stop == second.start
    assert second.stop == tail.start <= len(data) - TAIL_BYTES


def test_the_picture_of_an_avi_waits_for_no_index(sandbox: Sandbox) -> None:
    """ffmpeg has its frame from the head alone."""
    data = clip("avi", *NOISE, *sound(8), *MPEG4, "-q:v", "31", *MP3)
    assert data.rfind(b"idx1") > HEAD_BYTES
    with RangeServer(BytesReader(data), tail_bytes=1) as server:
        frame = draw(Source(server.url, "avi", sandbox), 1000, deadline_s=5)
        assert frame is not None
        assert frame.at_ms == 1000
        assert server.bytes_read <= HEAD_BYTES + 2 * BEGINNING_BYTES


def test_an_avi_whose_first_second_is_large_is_sought_in_by_its_index(sandbox: Sandbox) -> None:
    raw = ("-f", "lavfi", "-i", "nullsrc=s=640x480:r=30:d=3,geq=random(1)*255:128:128")
    data = clip("avi", *raw, "-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p")
    assert len(data) / 3 > HEAD_BYTES
    reader = BytesReader(data)
    finding = accepted(reader, sandbox)
    assert finding.picture is not None
    assert finding.picture.at_ms == 1000
    assert reader.bytes_read < len(data) / 2


def test_of_a_long_video_more_is_fetched_at_once_where_its_index_may_be() -> None:
    mov = Declared("a.mov", "video/quicktime", video_only=True)
    webm = Declared("a.webm", "video/webm", video_only=True)
    for declared in (VIDEO, mov, webm):
        assert _fetched_ahead(declared, 10**8) == (0, 0)
    index = 10**9 // INDEX_SHARE
    assert _fetched_ahead(webm, 10**9) == (0, 0)
    assert _fetched_ahead(mov, 10**9) == (0, index - TAIL_BYTES)
    assert _fetched_ahead(VIDEO, 10**9) == (index - HEAD_BYTES, index - TAIL_BYTES)
    assert _fetched_ahead(VIDEO, 10**12) == (2 * MIB - HEAD_BYTES, 2 * MIB - TAIL_BYTES)


class Slow(BytesReader):
    """As fast as a network, piece by piece."""

    def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
        with closing(super().stream(start, length)) as pieces:
            for piece in pieces:
                time.sleep(0.002)
                yield piece


@pytest.mark.parametrize("flags", [(), FAST], ids=["index last", "index first"])
def test_of_a_long_video_the_end_without_an_index_is_given_up(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    """A short video stands for a long one, and has as much fetched ahead."""
    data = stretched(clip("mp4", *BIG, *flags), by=8 * MIB)
    if not flags:
        data = padded(data, by=MIB)
    monkeypatch.setattr(inspectors, "INDEX_SHARE", len(data) // (2 * MIB))
    reader = Slow(data)
    finding = accepted(reader, sandbox)
    assert finding.media.duration_ms == 8000
    assert finding.picture is not None
    asked = sum(len(one) for one in reader.asked)
    assert asked >= 4 * MIB
    assert reader.bytes_read <= asked - MIB


def test_an_index_at_the_beginning_that_is_larger_than_the_head_comes_by_two_connections(
    sandbox: Sandbox,
) -> None:
    data = padded(clip("mp4", *BIG, *FAST), by=3 * MIB)
    _, end = box_of(data, b"moov")
    reader = BytesReader(data)
    assert accepted(reader, sandbox).media.duration_ms == 8000
    head, first, second = in_order(reader.asked)[:3]
    assert head == range(HEAD_BYTES)
    assert first.start == HEAD_BYTES
    assert first.stop == second.start
    assert end + AHEAD_BYTES <= second.stop <= end + AHEAD_BYTES + BEGINNING_BYTES


def test_sound_behind_all_pictures_of_a_fragment_is_not_read_for(sandbox: Sandbox) -> None:
    """Six seconds in one fragment, all of its pictures before all of its sound."""
    long = ("-g", "180", "-movflags", "+frag_keyframe+empty_moov+default_base_moof")
    data = clip("mp4", *NOISE, *sound(8), *H264, "-crf", "26", *AAC, *long)
    assert len(data) > 4_000_000
    reader = BytesReader(data)
    finding = accepted(reader, sandbox)
    assert (finding.media.codec, finding.media.audio_codec) == ("h264", "aac")
    assert finding.media.duration_ms == pytest.approx(8000, abs=60)
    assert finding.media.frame_rate == 30
    assert max(one.stop for one in reader.asked if one.start < len(data) / 2) <= 2 * MIB


@pytest.mark.parametrize("codec", ["aac", "mp3", "opus", "ac3", "flac"])
def test_the_sound_of_a_fragmented_mp4_is_named(codec: str, sandbox: Sandbox) -> None:
    encoder = {"mp3": "libmp3lame", "opus": "libopus"}.get(codec, codec)
    flags = ("-g", "30", "-movflags", "+frag_keyframe+delay_moov+default_base_moof")
    data = clip("mp4", *picture(3), *sound(3), *H264, "-c:a", encoder, *flags)
    media = accepted(BytesReader(data), sandbox).media
    assert media.audio_codec == codec
    assert (media.width, media.height) == (640, 360)
    assert media.frame_rate == pytest.approx(30, abs=1)


def test_the_instant_that_is_told_is_the_one_that_is_shown(sandbox: Sandbox) -> None:
    """Frames that no other builds on are passed over: one of the next is shown. It tells its time
    by its grey, which grows by four a frame.
    """
    grey = "nullsrc=s=320x180:r=25:d=2,format=gray,geq=lum='if(gt(X,160),0,4*N)'"
    encoder = ("-c:v", "libx264", "-preset", "medium", "-bf", "3", "-b_strategy", "0")
    data = clip("mp4", "-f", "lavfi", "-i", grey, *encoder, "-pix_fmt", "yuv420p")
    picture = accepted(BytesReader(data), sandbox).picture
    assert picture is not None
    assert picture.at_ms is not None
    assert 1000 <= picture.at_ms <= 1120
    level = Image.open(io.BytesIO(picture.jpeg)).convert("L").getpixel((40, 90))
    assert isinstance(level, int)
    assert level == pytest.approx(picture.at_ms / 10, abs=3)


def test_the_place_of_an_index_is_known_from_the_first_bytes() -> None:
    last, first = clip("mp4", *picture(), *H264), clip("mp4", *picture(), *H264, *FAST)
    avi = clip("avi", *picture(), *MPEG4)
    for data in (last, first):
        index = isobmff.place_of_index(data[:BEGINNING_BYTES], len(data))
        assert index is not None
        assert (index.start, index.stop) == box_of(data, b"moov")
    index = chunks.place_of_index(avi[:BEGINNING_BYTES], len(avi))
    assert index is not None
    assert avi[index.start : index.start + 4] == b"idx1"


def test_of_other_bytes_no_index_is_known() -> None:
    for beginning in (b"", bytes(11), b"\xff" * 5000, clip("mp4", *picture(), *H264)[:40]):
        assert isobmff.place_of_index(beginning, 100) is None
        assert chunks.place_of_index(beginning, 100) is None
