"""Size and orientation of pictures, from their headers alone; nothing is decoded.

Each reader is bounded by the bytes that it is given and returns None for what it cannot read.
"""

from dataclasses import dataclass

from functions.inspect_upload.boxes import Box, children, find, is_version_1
from functions.inspect_upload.sniff import AVIF, GIF, HEIC, JPEG, PNG, WEBP, Sniffed

MARKERS_MAX = 1000
FRAME_MARKERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
UPRIGHT = 1


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size as stored; `orientation` is EXIF's 1 to 8 (from 5 on, width and height swap)."""

    width: int
    height: int
    orientation: int = UPRIGHT
    animated: bool = False

    @property
    def shown_size(self) -> tuple[int, int]:
        swapped = self.orientation >= 5
        return (self.height, self.width) if swapped else (self.width, self.height)


def read_header(sniffed: Sniffed, data: bytes) -> ImageHeader | None:
    """`data` is the file, or as much of its beginning as was read."""
    readers = {JPEG: _jpeg, PNG: _png, GIF: _gif, WEBP: _webp, AVIF: _heif, HEIC: _heif}
    header = readers[sniffed](data) if sniffed in readers else None
    return header if header and header.width > 0 and header.height > 0 else None


def _jpeg(data: bytes) -> ImageHeader | None:
    """ITU-T T.81, annex B: the frame header, and EXIF in APP1."""
    at, orientation = 2, UPRIGHT
    for _ in range(MARKERS_MAX):
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 9 > len(data) or data[at] != 0xFF:
            return None
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in FRAME_MARKERS:
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return ImageHeader(_big(width), _big(height), orientation)
        if marker == 0xE1 and data.startswith(b"Exif\0\0", at + 4):
            orientation = exif_orientation(data[at + 10 : at + 2 + length])
        at += 2 if marker == 1 or 0xD0 <= marker <= 0xD8 else 2 + length
    return None


def _png(data: bytes) -> ImageHeader | None:
    """PNG third edition, sections 11.2.1 and 11.3.4.5 (eXIf)."""
    width, height = _big(data[16:20]), _big(data[20:24])
    at, orientation = 8, UPRIGHT
    for _ in range(MARKERS_MAX):
        kind, length = data[at + 4 : at + 8], _big(data[at : at + 4])
        if len(kind) < 4 or kind in (b"IDAT", b"IEND"):
            break
        if kind == b"eXIf":
            orientation = exif_orientation(data[at + 8 : at + 8 + length])
        at += 12 + length
    return ImageHeader(width, height, orientation) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> ImageHeader | None:
    """GIF89a, section 18: the logical screen."""
    return ImageHeader(_little(data[6:8]), _little(data[8:10])) if len(data) >= 13 else None


def _webp(data: bytes) -> ImageHeader | None:
    """RFC 9649: the simple formats tell the size in their bitstream, the extended one ahead."""
    kind, body = data[12:16], data[20:50]
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        return ImageHeader(_little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF)
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = _little(body[1:5])
        return ImageHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind != b"VP8X" or len(body) < 10:
        return None
    width, height = _little(body[4:7]) + 1, _little(body[7:10]) + 1
    return ImageHeader(width, height, _webp_orientation(data), bool(body[0] & 2))


def _webp_orientation(data: bytes) -> int:
    at = 12
    for _ in range(MARKERS_MAX):
        kind, length = data[at : at + 4], _little(data[at + 4 : at + 8])
        if len(kind) < 4:
            break
        if kind == b"EXIF":
            return exif_orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    return UPRIGHT


def exif_orientation(tiff: bytes) -> int:
    """Tag 0x0112 of the first directory (Exif 3.0, section 4.6); 1 where there is none."""
    order = {b"II": "little", b"MM": "big"}.get(tiff[:2])
    if order is None:
        return UPRIGHT
    number = _little if order == "little" else _big
    directory = number(tiff[4:8])
    for index in range(min(number(tiff[directory : directory + 2]), 200)):
        entry = tiff[directory + 2 + 12 * index : directory + 14 + 12 * index]
        if number(entry[:2]) == 0x0112:
            value = number(entry[8:10])
            return value if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def _heif(data: bytes) -> ImageHeader | None:
    """ISO/IEC 23008-12: the properties of the primary item."""
    whole = Box(b"", 0, 0, len(data))
    meta = find(data, whole, b"meta")
    if meta is None:
        return None
    inside = Box(b"meta", meta.start, meta.body + 4, meta.end)
    container, associations = (
        find(data, inside, b"iprp", b"ipco"),
        find(data, inside, b"iprp", b"ipma"),
    )
    primary = find(data, inside, b"pitm")
    if not (container and associations and primary):
        return None
    item = _big(data[primary.body + 4 : primary.body + (8 if is_version_1(data, primary) else 6)])
    properties = list(children(data, container.body, container.end))
    own = [
        properties[index - 1]
        for index in _associated(data[associations.body : associations.end], item)
        if 0 < index <= len(properties)
    ]
    return _heif_header(data, {box.kind: box for box in own})


def _heif_header(data: bytes, own: dict[bytes, Box]) -> ImageHeader | None:
    if b"ispe" not in own:
        return None
    size = own[b"ispe"].body + 4
    turns = _big(data[own[b"irot"].body : own[b"irot"].end]) & 3 if b"irot" in own else 0
    orientation = {0: 1, 1: 8, 2: 3, 3: 6}[turns]
    return ImageHeader(_big(data[size : size + 4]), _big(data[size + 4 : size + 8]), orientation)


def _associated(ipma: bytes, item: int) -> list[int]:
    """Section 9.3.1: the property indices of an item."""
    wide_item, wide_index = ipma[:1] != b"\0", bool(_big(ipma[1:4]) & 1)
    at = 8
    for _ in range(min(_big(ipma[4:8]), MARKERS_MAX)):
        width = 4 if wide_item else 2
        number, count = _big(ipma[at : at + width]), _big(ipma[at + width : at + width + 1])
        at += width + 1
        step = 2 if wide_index else 1
        raw = [_big(ipma[at + step * n : at + step * (n + 1)]) for n in range(count)]
        at += step * count
        if number == item:
            return [value & (0x7FFF if wide_index else 0x7F) for value in raw]
    return []


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
