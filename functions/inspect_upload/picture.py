"""A frame's pixels as they are stored: a small progressive JPEG, and its ThumbHash."""

import io

from PIL import Image, ImageStat

from functions.inspect_upload.findings import Picture
from functions.inspect_upload.frame import Frame
from functions.inspect_upload.thumbhash import thumbhash
from functions.inspect_upload.tonemap import to_sdr

JPEG_MAX_BYTES = 50_000
QUALITIES = (82, 74, 64, 52, 40, 28, 16, 8)

# Of 255: darker than this in all but a hundredth is nearly black; varying less is blank.
DARK_LUMA = 40
BLANK_DEVIATION = 4.0


def interest(frame: Frame) -> float:
    """How much there is to see: 0 for a blank or nearly black frame, more for more contrast."""
    luma = _image(frame).convert("L")
    deviation = float(ImageStat.Stat(luma).stddev[0])
    histogram, seen = luma.histogram(), 0
    for level in range(255, DARK_LUMA, -1):
        seen += histogram[level]
        if seen * 100 > frame.width * frame.height:
            return deviation if deviation >= BLANK_DEVIATION else deviation / 100
    return deviation / 1000


def is_blank(frame: Frame) -> bool:
    """Whether another instant of the video is likely to show more."""
    return interest(frame) < BLANK_DEVIATION


def encode(frame: Frame, *, transfer: str = "", at_ms: int | None = None) -> Picture:
    """The finished thumbnail; `transfer` is FFmpeg's name of the frame's transfer function."""
    image = to_sdr(_image(frame), transfer)
    jpeg = next((data for q in QUALITIES if len(data := _jpeg(image, q)) <= JPEG_MAX_BYTES), b"")
    return Picture(jpeg or _jpeg(image, 1), frame.width, frame.height, at_ms, thumbhash(image))


def _image(frame: Frame) -> Image.Image:
    """The pixels, on white where they are transparent."""
    image = Image.frombytes(frame.mode, (frame.width, frame.height), frame.pixels)
    if frame.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality, progressive=True, optimize=True)
    return data.getvalue()
