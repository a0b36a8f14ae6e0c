"""ThumbHash, against what any decoder of the format must find in it."""

import base64

import pytest
from PIL import Image

from functions.inspect_upload.thumbhash import thumbhash


def header(image: Image.Image) -> tuple[float, float, float, bool]:
    """Mean lightness (0 to 1), yellow against blue, red against green (-1 to 1), landscape."""
    data = base64.b64decode(thumbhash(image))
    first, second = int.from_bytes(data[:3], "little"), int.from_bytes(data[3:5], "little")
    chroma = [(first >> shift & 63) / 31.5 - 1 for shift in (6, 12)]
    return (first & 63) / 63, chroma[0], chroma[1], bool(second >> 15)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("white", (1, 0, 0)),
        ("black", (0, 0, 0)),
        ("red", (1 / 3, 0.5, 1)),
        ("lime", (1 / 3, 0.5, -1)),
        ("blue", (1 / 3, -1, 0)),
    ],
)
def test_the_mean_colour_is_in_the_header(
    colour: str, expected: tuple[float, float, float]
) -> None:
    assert header(Image.new("RGB", (320, 180), colour))[:3] == pytest.approx(expected, abs=0.02)


def test_the_shape_is_in_the_header() -> None:
    assert header(Image.new("RGB", (320, 180)))[3] is True
    assert header(Image.new("RGB", (180, 320)))[3] is False


def test_the_first_wave_tells_left_from_right() -> None:
    """Its value lies above the middle if the left side is brighter."""
    image = Image.new("RGB", (100, 100), "black")
    image.paste("white", (0, 0, 50, 100))
    light_left = base64.b64decode(thumbhash(image))[5] & 15
    light_right = base64.b64decode(thumbhash(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    assert (light_left, light_right[5] & 15) == (15, 0)


@pytest.mark.parametrize("size", [(320, 180), (180, 320), (320, 320), (320, 3), (1, 1), (31, 960)])
def test_it_is_small_whatever_the_shape(size: tuple[int, int]) -> None:
    assert (
        5
        <= len(base64.b64decode(thumbhash(Image.linear_gradient("L").resize(size).convert("RGB"))))
        <= 28
    )
