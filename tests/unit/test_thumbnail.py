"""The ladder of instants, and what a picture is worth."""

from itertools import pairwise

import pytest
from PIL import Image

from functions.inspect_upload.frame import Frame
from functions.inspect_upload.picture import encode, is_blank
from functions.inspect_upload.thumbnail import candidates
from functions.inspect_upload.tonemap import to_sdr


def frame(image: Image.Image) -> Frame:
    return Frame(image.tobytes(), *image.size, "RGB")


def test_one_second_comes_first_and_later_instants_follow() -> None:
    assert candidates(60_000, anything=True) == (1000, 3000, 6000, 20_000, 40_000)


def test_when_nothing_decoded_the_beginning_is_next() -> None:
    assert candidates(60_000, anything=False)[:2] == (1000, 0)
    assert candidates(None, anything=False)[0] == 0


def test_of_a_short_clip_the_middle_comes_first() -> None:
    assert candidates(600, anything=True)[0] == 300


@pytest.mark.parametrize("duration_ms", [1, 40, 999, 1000, 1001, 3000, 3_600_000])
def test_no_candidate_lies_at_or_behind_the_end(duration_ms: int) -> None:
    for anything in (True, False):
        assert all(0 <= at < duration_ms for at in candidates(duration_ms, anything=anything))


@pytest.mark.parametrize(
    ("colour", "blank"), [("black", True), ("white", True), ("#101010", True), ("#808080", True)]
)
def test_a_frame_of_one_colour_is_blank(colour: str, blank: bool) -> None:
    assert is_blank(frame(Image.new("RGB", (320, 180), colour))) is blank


def test_a_dark_frame_with_a_little_light_is_worth_showing() -> None:
    night = Image.new("RGB", (320, 180), "black")
    night.paste("#806020", (100, 60, 160, 100))
    assert not is_blank(frame(night))


def test_noise_that_is_nearly_black_is_blank() -> None:
    noise = Image.effect_noise((320, 180), 40).point(lambda level: level // 16).convert("RGB")
    assert is_blank(frame(noise))


def test_even_noise_is_a_jpeg_of_at_most_50_kilobytes() -> None:
    noise = Image.effect_noise((320, 960), 200).convert("RGB")
    picture = encode(frame(noise), at_ms=40)
    assert len(picture.jpeg) <= 50_000
    assert (picture.width, picture.height, picture.at_ms) == (320, 960, 40)


@pytest.mark.parametrize(("transfer", "white"), [("smpte2084", 0.58), ("arib-std-b67", 0.75)])
def test_hdr_white_is_nearly_white_and_grey_stays_grey(transfer: str, white: float) -> None:
    """Reference white lies at these levels of the signal (ITU-R BT.2408)."""
    level = round(white * 255)
    mapped = to_sdr(Image.new("RGB", (4, 4), (level, level, level)), transfer).getpixel((0, 0))
    assert isinstance(mapped, tuple)
    assert 230 < mapped[0] < 255
    assert max(mapped) - min(mapped) <= 4


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_brighter_stays_brighter_after_mapping(transfer: str) -> None:
    greys = Image.linear_gradient("L").convert("RGB")
    mapped = to_sdr(greys, transfer).convert("L")
    levels = mapped.tobytes()[:: mapped.width]
    assert len(levels) == 256
    assert all(upper >= lower - 1 for lower, upper in pairwise(levels))
    assert levels[0] == 0
    assert levels[-1] == pytest.approx(255, abs=1)


def test_sdr_is_left_alone() -> None:
    image = Image.linear_gradient("L").convert("RGB")
    assert to_sdr(image, "bt709") is image
