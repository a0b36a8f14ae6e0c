"""HDR pixels to SDR, by a lookup table that Pillow applies.

PQ and HLG by ITU-R BT.2100; reference white is 203 cd/m² (ITU-R BT.2408), which becomes almost
white; what is brighter is rolled off, what is darker stays as it is. FFmpeg's own scaler can do
this too, but takes four seconds to build its table.
"""

import math
from functools import cache
from operator import mul

from PIL import Image, ImageFilter

POINTS = 21  # a side of the table
REFERENCE_WHITE_NITS = 203
HLG_PEAK_NITS = 1000
KNEE = 0.7

Triple = tuple[float, float, float]

BT2020_TO_BT709 = (
    (1.660491, -0.587641, -0.072850),
    (-0.124550, 1.132900, -0.008349),
    (-0.018151, -0.100579, 1.118730),
)


def to_sdr(image: Image.Image, transfer: str) -> Image.Image:
    """`transfer` is FFmpeg's name: smpte2084 (PQ) or arib-std-b67 (HLG); others are left alone."""
    if transfer not in ("smpte2084", "arib-std-b67"):
        return image
    return image.filter(_table(transfer))


@cache
def _table(transfer: str) -> ImageFilter.Color3DLUT:
    linear = _pq_linear if transfer == "smpte2084" else _hlg_linear
    return ImageFilter.Color3DLUT.generate(POINTS, lambda r, g, b: _map(linear(r, g, b)))


def _pq_linear(*signal: float) -> Triple:
    """Display light, 1.0 being reference white (SMPTE ST 2084)."""
    r, g, b = (_pq_nits(value) / REFERENCE_WHITE_NITS for value in signal)
    return r, g, b


def _pq_nits(value: float) -> float:
    power = math.pow(value, 32 / 2523)
    ratio = max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return 10000 * math.pow(ratio, 8192 / 1305)


def _hlg_linear(*signal: float) -> Triple:
    """Display light of a 1000 cd/m² screen: inverse OETF, then OOTF with a gamma of 1.2."""
    r, g, b = (_hlg_scene(value) for value in signal)
    luminance = 0.2627 * r + 0.6780 * g + 0.0593 * b
    gain = luminance**0.2 * HLG_PEAK_NITS / REFERENCE_WHITE_NITS if luminance > 0 else 0.0
    return r * gain, g * gain, b * gain


def _hlg_scene(value: float) -> float:
    if value <= 0.5:
        return value * value / 3
    return (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12


def _map(light: Triple) -> Triple:
    """Rolls off the highlights of each channel, as film does; then BT.709 and sRGB."""
    toned = [_roll_off(channel) for channel in light]
    r, g, b = (_srgb(sum(map(mul, row, toned))) for row in BT2020_TO_BT709)
    return r, g, b


def _roll_off(value: float) -> float:
    if value <= KNEE:
        return value
    room = 1 - KNEE
    return KNEE + room * (1 - math.exp((KNEE - value) / room))


def _srgb(value: float) -> float:
    value = min(max(value, 0.0), 1.0)
    return 12.92 * value if value <= 0.0031308 else 1.055 * math.pow(value, 1 / 2.4) - 0.055
