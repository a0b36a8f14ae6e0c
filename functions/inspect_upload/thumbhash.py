"""ThumbHash: a picture in about 25 bytes, for clients to draw before the thumbnail arrives.

The format is Evan Wallace's (github.com/evanw/thumbhash); this is its encoder for pictures
without transparency. The cosine transform is done by rows, then by columns.
"""

import base64
import math

from PIL import Image

SIDE_MAX = 32  # more would change nothing: the hash holds at most seven waves a side

Channel = list[list[float]]


def thumbhash(image: Image.Image) -> str:
    """The hash of an RGB image, as base64."""
    small = image.copy()
    small.thumbnail((SIDE_MAX, SIDE_MAX), Image.Resampling.BOX)
    width, height = small.size
    lightness, yellow_blue, red_green = _channels(small)
    across = max(1, _round(7 * width / max(width, height)))
    down = max(1, _round(7 * height / max(width, height)))
    light = Waves(lightness, max(3, across), max(3, down))
    yellow, red = Waves(yellow_blue, 3, 3), Waves(red_green, 3, 3)

    landscape = width > height
    first = _round(63 * light.mean) | _round(31.5 + 31.5 * yellow.mean) << 6
    first |= _round(31.5 + 31.5 * red.mean) << 12 | _round(31 * light.scale) << 18
    second = (down if landscape else across) | _round(63 * yellow.scale) << 3
    second |= _round(63 * red.scale) << 9 | landscape << 15
    nibbles = [_round(15 * wave) for part in (light, yellow, red) for wave in part.waves]
    nibbles += [0] * (len(nibbles) % 2)
    packed = bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    header = first.to_bytes(3, "little") + second.to_bytes(2, "little")
    return base64.b64encode(header + packed).decode()


def _round(value: float) -> int:
    """Half up, as the reference implementation does; Python rounds half to even."""
    return math.floor(value + 0.5)


def _channels(image: Image.Image) -> tuple[Channel, Channel, Channel]:
    """Lightness, yellow against blue, red against green: each a list of rows."""
    width, height = image.size
    data = image.tobytes()
    rows = [
        [tuple(data[at : at + 3]) for at in range(3 * width * y, 3 * width * (y + 1), 3)]
        for y in range(height)
    ]
    return (
        [[(r + g + b) / 765 for r, g, b in row] for row in rows],
        [[(r + g) / 510 - b / 255 for r, g, b in row] for row in rows],
        [[(r - g) / 255 for r, g, _ in row] for row in rows],
    )


class Waves:
    """The mean of a channel, and its waves scaled to 0..1 by the greatest of them."""

    def __init__(self, channel: Channel, across: int, down: int) -> None:
        height, width = len(channel), len(channel[0])
        self.mean, waves = 0.0, []
        cosines = [_cosines(x, width) for x in range(across)]
        for y in range(down):
            weights = _cosines(y, height)
            column = [
                sum(weight * row[at] for weight, row in zip(weights, channel, strict=True))
                for at in range(width)
            ]
            for x in range(across):
                if x * down >= across * (down - y):
                    break
                pairs = zip(cosines[x], column, strict=True)
                wave = sum(a * b for a, b in pairs) / (width * height)
                if x or y:
                    waves.append(wave)
                else:
                    self.mean = wave
        self.scale = max(map(abs, waves))
        self.waves = [0.5 + 0.5 * wave / self.scale if self.scale else wave for wave in waves]


def _cosines(frequency: int, count: int) -> list[float]:
    return [math.cos(math.pi / count * frequency * (at + 0.5)) for at in range(count)]
