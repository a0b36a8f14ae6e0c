"""A video as it is shown: rotation, pixel aspect, colours, and the picture that stands for it."""

import io
from collections.abc import Callable

import pytest
from PIL import Image

from functions.inspect_upload.findings import Accepted, Picture
from tests.media.clips import H264, VP8, clip, clip_path, picture, remade

Accept = Callable[..., Accepted]

# Red, with a green left edge and a blue top edge: it shows which way is up.
FLAG = (
    *("-f", "lavfi", "-i", "color=red:s=320x180:r=25:d=1.5"),
    *("-vf", "drawbox=0:0:320:60:blue:fill,drawbox=0:0:100:180:green:fill"),
)
COLOUR = "color={}:s=640x360:r=25:d={}"
HDR = "scale=out_color_matrix=bt2020nc:out_primaries=bt2020:out_transfer={}:out_range=tv"
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0", "-tag:v", "hvc1")


def drawn(finding: Accepted) -> Picture:
    assert finding.picture is not None
    return finding.picture


def colour_at(thumbnail: Picture, x: float, y: float) -> str:
    """The strongest of red, green and blue at a place given in parts of width and height."""
    with Image.open(io.BytesIO(thumbnail.jpeg)) as image:
        place = int(x * (image.width - 1)), int(y * (image.height - 1))
        pixel = image.convert("RGB").getpixel(place)
    assert isinstance(pixel, tuple)
    return ("red", "green", "blue")[pixel.index(max(pixel))]


def scene(*parts: tuple[str, float]) -> bytes:
    """An MP4 of single colours, one after the other; "test" is a test picture."""
    inputs: list[str] = []
    for colour, seconds in parts:
        test = f"testsrc2=s=640x360:r=25:d={seconds}"
        source = test if colour == "test" else COLOUR.format(colour, seconds)
        inputs += ("-f", "lavfi", "-i", source)
    return clip("mp4", *inputs, "-filter_complex", f"concat=n={len(parts)}", *H264)


@pytest.mark.parametrize(
    ("degrees", "size", "left_edge"),
    [(90, (180, 320), (0.5, 0.02)), (180, (320, 180), (0.98, 0.5)), (270, (180, 320), (0.5, 0.98))],
)
@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv"])
def test_a_turned_video_is_described_and_drawn_upright(
    extension: str,
    degrees: int,
    size: tuple[int, int],
    left_edge: tuple[float, float],
    accept: Accept,
) -> None:
    turned = ("-display_rotation", str(-degrees))
    data = remade(clip_path("mp4", *FLAG, *H264), extension, "-c", "copy", before=turned)
    finding = accept(data)
    media, thumbnail = finding.media, drawn(finding)
    assert (media.width, media.height, media.rotation) == (*size, degrees)
    assert (thumbnail.width, thumbnail.height) == size
    assert colour_at(thumbnail, *left_edge) == "green"


def test_a_rotate_tag_counts_where_there_is_no_matrix(accept: Accept) -> None:
    finding = accept(clip("mkv", *FLAG, *H264, "-metadata:s:v", "rotate=90"))
    media, thumbnail = finding.media, drawn(finding)
    assert (media.width, media.height, media.rotation) == (180, 320, 90)
    assert (thumbnail.width, thumbnail.height) == (180, 320)
    assert colour_at(thumbnail, 0.5, 0.02) == "green"


@pytest.mark.parametrize(
    ("stored", "aspect", "shown"),
    [
        ("360x360", "16/9", (640, 360)),
        ("720x576", "16/15", (768, 576)),
        ("720x480", "8/9", (640, 480)),
        ("640x360", "0/1", (640, 360)),
    ],
)
def test_pixels_that_are_not_square_are_stretched(
    stored: str, aspect: str, shown: tuple[int, int], accept: Accept
) -> None:
    data = clip("mp4", *picture(1.2, stored), "-vf", f"setsar={aspect}", *H264)
    finding = accept(data)
    assert (finding.media.width, finding.media.height) == shown
    thumbnail = drawn(finding)
    assert thumbnail.width == 320
    assert thumbnail.height == pytest.approx(320 * shown[1] / shown[0], abs=1)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [("160x90", (160, 90)), ("322x242", (320, 240)), ("64x2000", (31, 960)), ("2000x16", (320, 3))],
)
def test_a_thumbnail_keeps_proportion_and_is_never_enlarged(
    stored: str, expected: tuple[int, int], accept: Accept
) -> None:
    thumbnail = drawn(accept(clip("mp4", *picture(1.2, stored), *H264)))
    assert (thumbnail.width, thumbnail.height) == expected


def test_a_thumbnail_is_a_small_progressive_jpeg_without_metadata(accept: Accept) -> None:
    noise = ("-f", "lavfi", "-i", "nullsrc=s=360x640:r=10:d=1.5,geq=random(1)*255:128:128")
    secret = ("-metadata", "comment=home address", "-metadata", "location=+48.1+011.5/")
    thumbnail = drawn(accept(clip("mp4", *noise, *H264, "-crf", "4", *secret)))
    assert len(thumbnail.jpeg) <= 50_000
    assert b"home address" not in thumbnail.jpeg
    with Image.open(io.BytesIO(thumbnail.jpeg)) as image:
        assert image.format == "JPEG"
        assert image.size == (320, 569) == (thumbnail.width, thumbnail.height)
        assert image.info.get("progressive")
        assert not image.getexif()


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_told_and_its_colours_are_mapped(transfer: str, accept: Accept) -> None:
    bars = "color=0x{}:s=320x180:r=25:d=1.2,format=gbrp,setparams=color_primaries=bt709"
    source = bars.format("C04020") + ":color_trc=iec61966-2-1:range=pc"
    marked = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc")
    shape = ("-vf", HDR.format(transfer) + ",format=yuv420p10le", *X265, *marked)
    finding = accept(clip("mp4", "-f", "lavfi", "-i", source, *shape))
    assert finding.media.hdr is True
    with Image.open(io.BytesIO(drawn(finding).jpeg)) as image:
        pixel = image.convert("RGB").getpixel((160, 90))
    assert pixel == pytest.approx((0xC0, 0x40, 0x20), abs=24)


@pytest.mark.parametrize("seconds", [0.04, 0.2, 0.4, 0.96])
@pytest.mark.parametrize("extension", ["mp4", "webm"])
def test_a_clip_shorter_than_a_second_shows_its_middle(
    seconds: float, extension: str, accept: Accept
) -> None:
    codec = VP8 if extension == "webm" else H264
    finding = accept(clip(extension, *picture(seconds, "320x180", "25"), *codec))
    assert finding.media.duration_ms == pytest.approx(seconds * 1000, abs=25)
    at_ms = drawn(finding).at_ms
    assert at_ms is not None
    assert at_ms == pytest.approx(seconds * 500, abs=41)


def test_a_black_opening_is_passed_over(accept: Accept) -> None:
    thumbnail = drawn(accept(scene(("black", 2), ("test", 3))))
    assert thumbnail.at_ms == 3000


def test_a_blank_opening_is_passed_over(accept: Accept) -> None:
    assert drawn(accept(scene(("white", 4), ("test", 2)))).at_ms == 4000


def test_a_video_that_is_dark_throughout_is_drawn_all_the_same(accept: Accept) -> None:
    finding = accept(
        scene(
            ("black", 4),
        )
    )
    assert drawn(finding).width == 320
    assert finding.note is None


def test_the_instant_told_is_the_one_shown(accept: Accept) -> None:
    """At one frame in four seconds, the first at or after one second is at four."""
    slow = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=1/4:d=12")
    assert drawn(accept(clip("mp4", *slow, *H264))).at_ms == 4000
