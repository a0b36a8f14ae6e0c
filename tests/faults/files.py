"""Files for a load: small videos, images and texts, no two alike."""

import struct
from functools import cache
from io import BytesIO
from random import Random

from PIL import Image

from tests.stack.client import File, sample

VIDEO_S = 2
KINDS = ("video", "image", "image", "text", "text", "text")


def mixed(number: int, seed: int) -> File:
    """The file of this number, the same for the same seed."""
    random = Random(f"{seed} {number}")
    make = {"video": _video, "image": _image, "text": _text}[KINDS[number % len(KINDS)]]
    return make(random)


def _video(random: Random) -> File:
    """The sample clip, with a `free` box of its own (ISO/IEC 14496-12, section 8.1.2)."""
    box = random.randbytes(random.randrange(100, 2000))
    body = _clip() + struct.pack(">I4s", 8 + len(box), b"free") + box
    return File("clip.mp4", "video/mp4", body)


def _image(random: Random) -> File:
    size = (random.randrange(64, 200), random.randrange(64, 200))
    picture = Image.frombytes("RGB", (8, 8), random.randbytes(8 * 8 * 3)).resize(size)
    body = BytesIO()
    picture.save(body, "PNG")
    return File("picture.png", "image/png", body.getvalue())


def _text(random: Random) -> File:
    lines = [f"{random.randrange(10**9)}\n" for _ in range(random.randrange(1, 5000))]
    return File("numbers.txt", "text/plain", "".join(lines).encode())


@cache
def _clip() -> bytes:
    return sample("mp4", seconds=VIDEO_S).read_bytes()
