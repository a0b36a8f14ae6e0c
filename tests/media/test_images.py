"""Pictures: size as shown, an upright thumbnail without secrets, and floods refused in time."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw

from attachments.model import FileType
from functions.inspect_upload.findings import Accepted, Declared, Refused
from functions.inspect_upload.inspectors import examine
from functions.inspect_upload.sandbox import Sandbox
from tests.media.clips import clip
from tests.media.conftest import BytesReader

Accept = Callable[..., Accepted]
Refuse = Callable[..., str]

MIME_TYPES = {"JPEG": "jpeg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "AVIF": "avif"}


def flag(size: tuple[int, int] = (800, 600)) -> Image.Image:
    """Red, with a green left edge: it shows which way is up."""
    image = Image.new("RGB", size, (220, 20, 20))
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 4, size[1]), fill=(20, 200, 20))
    return image


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def pixel(finding: Accepted, x: float, y: float) -> tuple[int, ...]:
    assert finding.picture is not None
    with Image.open(io.BytesIO(finding.picture.jpeg)) as image:
        place = int(x * (image.width - 1)), int(y * (image.height - 1))
        found = image.convert("RGB").getpixel(place)
    assert isinstance(found, tuple)
    return tuple(int(channel) for channel in found)


def is_green(colour: tuple[int, ...]) -> bool:
    return colour[1] > 120 > colour[0]


@pytest.mark.parametrize("form", MIME_TYPES)
def test_a_picture_is_described_and_drawn(form: str, accept: Accept) -> None:
    finding = accept(saved(flag(), form), file=True, declared="application/pdf")
    assert (finding.file_type, finding.mime_type) == (FileType.IMAGE, f"image/{MIME_TYPES[form]}")
    assert (finding.media.width, finding.media.height) == (800, 600)
    assert finding.picture is not None
    assert (finding.picture.width, finding.picture.height) == (320, 240)
    assert finding.picture.at_ms is None
    assert finding.picture.placeholder
    assert len(finding.picture.jpeg) <= 50_000
    assert is_green(pixel(finding, 0.05, 0.5))
    assert not is_green(pixel(finding, 0.9, 0.5))


# Where the stored left edge is shown, by EXIF orientation.
EDGES = {
    1: (0.05, 0.5),
    2: (0.95, 0.5),
    3: (0.95, 0.5),
    4: (0.05, 0.5),
    5: (0.5, 0.05),
    6: (0.5, 0.05),
    7: (0.5, 0.95),
    8: (0.5, 0.95),
}


@pytest.mark.parametrize("orientation", EDGES)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_as_its_camera_was_held(
    form: str, orientation: int, accept: Accept
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    finding = accept(saved(flag(), form, exif=exif), file=True)
    assert finding.picture is not None
    shown = (600, 800) if orientation >= 5 else (800, 600)
    assert (finding.media.width, finding.media.height) == shown
    small = (320, 427) if orientation >= 5 else (320, 240)
    assert (finding.picture.width, finding.picture.height) == small
    x, y = EDGES[orientation]
    assert is_green(pixel(finding, x, y))
    assert not is_green(pixel(finding, 1 - x, 1 - y))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_where_a_picture_was_taken_is_not_in_its_thumbnail(form: str, accept: Accept) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 3: "E", 4: (11.0, 34.0, 0.0)})
    data = saved(flag(), form, exif=exif)
    assert b"SecretCamera" in data
    finding = accept(data, file=True)
    assert finding.picture is not None
    assert b"SecretCamera" not in finding.picture.jpeg
    with Image.open(io.BytesIO(finding.picture.jpeg)) as image:
        assert not image.getexif()
        assert "exif" not in image.info


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_of_an_animation_the_first_frame_is_drawn(form: str, accept: Accept) -> None:
    later = [Image.new("RGB", (800, 600), (20, 20, 200))] * 3
    data = saved(flag(), form, save_all=True, append_images=later, duration=200)
    finding = accept(data, file=True)
    assert finding.picture is not None
    assert (finding.media.width, finding.media.height) == (800, 600)
    assert is_green(pixel(finding, 0.05, 0.5))


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_transparency_is_shown_on_white(form: str, accept: Accept) -> None:
    clear = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(clear).rectangle((0, 0, 100, 400), fill=(20, 200, 20, 255))
    finding = accept(saved(clear, form), file=True)
    assert min(pixel(finding, 0.9, 0.5)) > 240
    assert is_green(pixel(finding, 0.05, 0.5))


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "CMYK", "I;16"])
def test_other_kinds_of_pixels_are_drawn_too(mode: str, accept: Accept) -> None:
    image = flag().convert("L" if mode == "I;16" else mode)
    image = image.convert("I;16") if mode == "I;16" else image
    finding = accept(saved(image, "JPEG" if mode == "CMYK" else "PNG"), file=True)
    assert finding.picture is not None
    assert (finding.picture.width, finding.picture.height) == (320, 240)


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size; its rows are missing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    return b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")


def webp_of(width: int, height: int) -> bytes:
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + sizes
    return b"RIFF" + struct.pack("<I", len(body)) + body


def avif_of(width: int, height: int) -> bytes:
    data = saved(flag((64, 64)), "AVIF")
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def jpeg_of(width: int, height: int) -> bytes:
    data = saved(flag((64, 64)), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def gif_of(width: int, height: int) -> bytes:
    data = saved(flag((64, 64)), "GIF")
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


@pytest.mark.parametrize("flood", [png_of, webp_of, avif_of, jpeg_of, gif_of])
@pytest.mark.parametrize("size", [(16300, 16300), (65000, 2), (2, 65000)])
def test_a_flood_of_pixels_is_refused_before_decoding(
    flood: Callable[[int, int], bytes], size: tuple[int, int], sandbox: Sandbox
) -> None:
    class Untouched:
        def run(self, *_: object, **__: object) -> None:
            raise AssertionError("a program was started")

    reader = BytesReader(flood(*size))
    upload = Declared("a.png", "image/png", video_only=False)
    finding = examine(reader, upload, sandbox=Untouched())  # type: ignore[arg-type]
    assert isinstance(finding, Refused)
    assert f"has {size[0]} by {size[1]} pixels" in finding.reason
    assert "50 megapixels" in finding.reason


@pytest.mark.parametrize("form", MIME_TYPES)
def test_a_larger_picture_within_a_small_claim_ends_soon(form: str, accept: Accept) -> None:
    """The header that is read first says little; the decoder meets the limit by itself."""
    claim = {"JPEG": jpeg_of, "PNG": png_of, "GIF": gif_of, "WEBP": webp_of, "AVIF": avif_of}[form]
    began = time.monotonic()
    finding = accept(claim(7000, 7000), file=True)
    assert time.monotonic() - began < 5
    assert (finding.media.width, finding.media.height) == (7000, 7000)
    assert finding.picture is not None or finding.note is not None


@pytest.mark.parametrize("form", MIME_TYPES)
def test_a_picture_cut_short_is_described_or_refused(
    form: str, accept: Accept, refuse: Refuse
) -> None:
    data = saved(flag(), form)
    finding = accept(data[: len(data) - len(data) // 4], file=True)
    assert (finding.media.width, finding.media.height) == (800, 600)
    assert "header" in refuse(data[: 9 if form == "GIF" else 20], file=True)


def test_a_large_photo_is_drawn_in_time(accept: Accept) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=8000x6000:r=1:d=1", "-frames:v", "1", "-q:v", "4")
    began = time.monotonic()
    finding = accept(clip("jpg", *source), file=True)
    assert time.monotonic() - began < 5
    assert (finding.media.width, finding.media.height) == (8000, 6000)
    assert finding.picture is not None
