"""What of ffprobe's words is believed."""

import json
from typing import Any

import pytest

from attachments.model import Media
from functions.inspect_upload.probe import parse, video_media
from functions.inspect_upload.sniff import MP4
from functions.inspect_upload.structure import BrokenStructureError, Structure

SIZE = 1_000_000
PLAIN = Structure(streamable=True)


def media(structure: Structure = PLAIN, container: object = None, **video: Any) -> Media:
    stream = {
        "codec_type": "video",
        "codec_name": "h264",
        "pix_fmt": "yuv420p",
        "width": 1920,
        "height": 1080,
        "duration": "10.0",
        "avg_frame_rate": "30000/1001",
        "r_frame_rate": "30000/1001",
        **video,
    }
    answer = {"streams": [stream], "format": container or {}}
    return video_media(parse(json.dumps(answer).encode()), MP4, structure, SIZE)


def rotated(angle: float) -> list[dict[str, object]]:
    return [{"side_data_type": "Display Matrix", "rotation": angle}]


def test_a_plain_answer_is_taken_over() -> None:
    found = media()
    assert (found.duration_ms, found.frame_rate) == (10_000, 29.97)
    assert (found.width, found.height, found.rotation) == (1920, 1080, 0)


@pytest.mark.parametrize(
    ("angle", "clockwise", "width"),
    [(-90, 90, 1080), (90, 270, 1080), (180, 180, 1920), (-180, 180, 1920), (-89.7, 90, 1080)],
)
def test_rotation_is_told_clockwise(angle: float, clockwise: int, width: int) -> None:
    found = media(side_data_list=rotated(angle))
    assert (found.rotation, found.width) == (clockwise, width)


def test_a_matrix_overrules_a_tag() -> None:
    assert media(tags={"rotate": "90"}).rotation == 90
    assert media(tags={"rotate": "90"}, side_data_list=rotated(0)).rotation == 0


@pytest.mark.parametrize(("aspect", "width"), [("4:3", 2560), ("0:1", 1920), ("1:0", 1920)])
def test_pixel_aspect_widens_unless_it_is_undefined(aspect: str, width: int) -> None:
    assert media(sample_aspect_ratio=aspect).width == width


@pytest.mark.parametrize("claim", [0, -5, 70_000])
def test_an_impossible_size_is_none(claim: int) -> None:
    found = media(width=claim)
    assert (found.width, found.height) == (None, None)


@pytest.mark.parametrize("claim", ["0/0", "0/1", "90000/1", "junk", None])
def test_an_absurd_frame_rate_is_none(claim: object) -> None:
    assert media(avg_frame_rate=claim, r_frame_rate=claim).frame_rate is None


def test_an_average_above_the_nominal_frame_rate_counts_empty_frames() -> None:
    assert media(avg_frame_rate="600/1", r_frame_rate="30/1").frame_rate == 30


@pytest.mark.parametrize("claim", ["0.000000", "-1", "nan", "inf", "1e300", "N/A"])
def test_an_absurd_duration_is_none(claim: str) -> None:
    assert media(duration=claim).duration_ms is None


def test_a_fragmented_file_has_the_duration_of_its_layout_or_none() -> None:
    assert media(Structure(streamable=True, fragmented=True)).duration_ms is None
    known = Structure(streamable=True, fragmented=True, duration_ms=60_000)
    assert media(known).duration_ms == 60_000


@pytest.mark.parametrize(
    ("stream", "container", "kbps"),
    [
        ("640000", "700000", 640),
        (None, "700000", 700),
        (None, None, 800),
        ("999000000", None, 800),
        ("0", "0", 800),
    ],
)
def test_bitrate_is_the_streams_then_the_containers_then_computed(
    stream: str | None, container: str | None, kbps: int
) -> None:
    assert media(bit_rate=stream, container={"bit_rate": container}).bitrate_kbps == kbps


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_told_by_its_transfer(transfer: str) -> None:
    assert media(color_transfer=transfer).hdr is True
    assert media(color_transfer="bt709").hdr is False


def test_dolby_vision_is_hdr() -> None:
    assert media(side_data_list=[{"side_data_type": "DOVI configuration record"}]).hdr is True


@pytest.mark.parametrize("answer", [b"", b"{}", b"{", b'{"streams": []}', b"\xff"])
def test_an_empty_answer_is_a_broken_file(answer: bytes) -> None:
    with pytest.raises(BrokenStructureError):
        parse(answer)
