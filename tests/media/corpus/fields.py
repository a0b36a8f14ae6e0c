"""The numbers in headers that programs believe, and what no honest file would say there."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.media.corpus.parts import Part
from tests.media.corpus.sources import Source

Form = Literal["big", "little", "float"]


@dataclass(frozen=True, slots=True)
class Field:
    """`length` bytes at `at`; `states` says what of the file they claim, where that is plain."""

    name: str
    at: int
    length: int
    form: Form = "big"
    states: Literal["width", "height", None] = None


# Part path (its last names) to (field, offset behind the header, bytes).
BOX_FIELDS = {
    "mvhd": (("timescale", 12, 4), ("duration", 16, 4), ("rate", 20, 4)),
    "tkhd": (
        *(("track id", 12, 4), ("duration", 20, 4), ("matrix", 40, 4)),
        *(("width", 76, 4), ("height", 80, 4)),
    ),
    "mdhd": (("timescale", 12, 4), ("duration", 16, 4)),
    "elst": (("count", 4, 4), ("duration", 8, 4), ("media time", 12, 4), ("rate", 16, 4)),
    "hdlr": (("handler", 8, 4),),
    "stsd": (("count", 4, 4),),
    "avc1": (("width", 24, 2), ("height", 26, 2)),
    "avcC": (("profile", 1, 1), ("SPS count", 5, 1), ("SPS size", 6, 2)),
    "mp4a": (("channels", 16, 2), ("sample rate", 24, 4)),
    "pasp": (("horizontal", 0, 4), ("vertical", 4, 4)),
    "stts": (("count", 4, 4), ("samples", 8, 4), ("delta", 12, 4)),
    "stsc": (("count", 4, 4), ("samples in a chunk", 12, 4)),
    "stsz": (("sample size", 4, 4), ("count", 8, 4), ("first size", 12, 4)),
    "stco": (("count", 4, 4), ("first offset", 8, 4)),
    "trex": (("track id", 4, 4), ("duration", 12, 4)),
    "tfhd": (("flags", 1, 3), ("track id", 4, 4), ("duration", 8, 4)),
    "tfdt": (("time, high", 4, 4), ("time, low", 8, 4)),
    "trun": (("flags", 1, 3), ("count", 4, 4), ("offset", 8, 4)),
    "dref": (("count", 4, 4),),
    "pixi": (("channels", 4, 1),),
    "pitm": (("item", 4, 2),),
    "iloc": (("sizes", 4, 2), ("count", 6, 2)),
    "ipma": (("count", 4, 4),),
    "av1C": (("flags", 0, 3),),
}
ELEMENT_NAMES = {
    "4287": "doctype version",
    "2AD7B1": "timestamp scale",
    "4489": "duration",
    "D7": "track number",
    "83": "track type",
    "23E383": "frame interval",
    "B0": "width",
    "BA": "height",
    "54B0": "shown width",
    "B5": "sample rate",
    "9F": "channels",
    "56AA": "codec delay",
    "E7": "timestamp",
}
CHUNK_FIELDS = {
    "avih": (
        *(("frame interval", 0, 4), ("frames", 16, 4), ("streams", 24, 4)),
        *(("width", 32, 4), ("height", 36, 4)),
    ),
    "strh": (
        *(("type", 0, 4), ("handler", 4, 4), ("scale", 20, 4), ("rate", 24, 4)),
        *(("start", 28, 4), ("length", 32, 4), ("sample size", 44, 4)),
    ),
    "strf": (("first", 0, 4), ("second", 4, 4), ("third", 8, 4), ("fifth", 16, 4)),
    "vprp": (("refresh rate", 8, 4), ("aspect", 20, 4)),
    "idx1": (("flags", 4, 4), ("offset", 8, 4), ("length", 12, 4)),
    "fmt ": (
        *(("format", 0, 2), ("channels", 2, 2), ("sample rate", 4, 4)),
        *(("bytes a second", 8, 4), ("block", 12, 2), ("bits", 14, 2)),
    ),
}
# Of the first pages: what their streams begin with, and where that says what.
STREAM_FIELDS = {
    b"\x80theora": (
        *(("macroblocks across", 10, 2), ("macroblocks down", 12, 2), ("width", 14, 3)),
        *(("height", 17, 3), ("frames", 22, 4), ("in seconds", 26, 4), ("aspect", 30, 3)),
        ("granule shift", 40, 2),
    ),
    b"\x01vorbis": (("channels", 11, 1), ("sample rate", 12, 4), ("bitrate", 20, 4)),
    b"OpusHead": (("channels", 9, 1), ("delay", 10, 2), ("gain", 16, 2)),
}


# Where a video says its size; of AVI's formats the first is that of the video.
STATES: dict[tuple[str, str], Literal["width", "height"]] = {
    ("avc1", "width"): "width",
    ("avc1", "height"): "height",
    ("strf", "second"): "width",
    ("strf", "third"): "height",
    ("Video", "B0"): "width",
    ("Video", "BA"): "height",
}


def fields(source: Source, found: list[Part]) -> list[Field]:
    """All fields of a file that may be set to something absurd."""
    data = source.data
    if source.family == "boxes":
        return [*_tabled(found, BOX_FIELDS, "big"), *_picture_sizes(found)]
    if source.family == "elements":
        return list(_elements(found))
    if source.family == "chunks":
        return [*_tabled(found, CHUNK_FIELDS, "little"), *_webp(found)]
    if source.family == "pages":
        return list(_pages(data, found))
    return FIXED[source.family](found)


def _tabled(
    found: list[Part], table: dict[str, tuple[tuple[str, int, int], ...]], form: Form
) -> Iterator[Field]:
    for part in found:
        for name, offset, length in table.get(part.name, ()):
            if part.body + offset + length <= part.end:
                states = STATES.get((part.name, name))
                yield Field(f"{part.path} {name}", part.body + offset, length, form, states)


def _picture_sizes(found: list[Part]) -> Iterator[Field]:
    for part in found:
        if part.name == "ispe":
            yield Field("ispe width", part.body + 4, 4, states="width")
            yield Field("ispe height", part.body + 8, 4, states="height")


def _elements(found: list[Part]) -> Iterator[Field]:
    for part in found:
        if name := ELEMENT_NAMES.get(part.name):
            form: Form = "float" if part.name in ("4489", "B5") else "big"
            states = STATES.get((part.parents[-1].name, part.name))
            yield Field(f"{part.path} {name}", part.body, part.end - part.body, form, states)
        elif part.name in ("SimpleBlock", "Block"):
            yield Field(f"{part.path} track", part.body - 4, 1)
            yield Field(f"{part.path} timestamp", part.body - 3, 2)


def _webp(found: list[Part]) -> Iterator[Field]:
    """RFC 9649, section 2.5: behind the frame tag and the start code."""
    for part in found:
        if part.name == "VP8 ":
            frame = part.start + 8
            yield Field("VP8 width", frame + 6, 2, "little", states="width")
            yield Field("VP8 height", frame + 8, 2, "little", states="height")
            yield Field("VP8 frame tag", frame, 3, "little")


def _pages(data: bytes, found: list[Part]) -> Iterator[Field]:
    for page in found:
        yield Field(f"{page.path} flags", page.start + 5, 1)
        yield Field(f"{page.path} position", page.start + 6, 8, "little")
        yield Field(f"{page.path} serial number", page.start + 14, 4, "little")
        yield Field(f"{page.path} sequence", page.start + 18, 4, "little")
        for magic, table in STREAM_FIELDS.items():
            if data.startswith(magic, page.body):
                form: Form = "big" if magic == b"\x80theora" else "little"
                for name, offset, length in table:
                    yield Field(f"{page.path} {name}", page.body + offset, length, form)


def _jpeg(found: list[Part]) -> list[Field]:
    frame = next(part for part in found if part.name == "marker C0")
    return [
        Field("SOF precision", frame.body, 1),
        Field("SOF height", frame.body + 1, 2, states="height"),
        Field("SOF width", frame.body + 3, 2, states="width"),
        Field("SOF components", frame.body + 5, 1),
        Field("SOF sampling", frame.body + 7, 1),
    ]


def _png(found: list[Part]) -> list[Field]:
    header = next(part for part in found if part.name == "IHDR")
    return [
        Field("IHDR width", header.body, 4, states="width"),
        Field("IHDR height", header.body + 4, 4, states="height"),
        *(
            Field(f"IHDR {name}", header.body + 8 + index, 1)
            for index, name in enumerate(
                ("depth", "colour type", "compression", "filter", "interlace")
            )
        ),
    ]


def _gif(found: list[Part]) -> list[Field]:
    return [
        Field("screen width", 6, 2, "little", states="width"),
        Field("screen height", 8, 2, "little", states="height"),
        Field("screen flags", 10, 1),
        *(
            Field(f"image {name}", part.start + at, 2, "little")
            for part in found
            if part.name == "image"
            for name, at in (("left", 1), ("top", 3), ("width", 5), ("height", 7))
        ),
    ]


def _flac(found: list[Part]) -> list[Field]:
    """RFC 9639, section 8.2."""
    at = found[1].body
    return [
        Field("smallest block", at, 2),
        Field("largest block", at + 2, 2),
        Field("largest frame", at + 7, 3),
        Field("sample rate and channels", at + 10, 3),
        Field("samples", at + 14, 4),
    ]


def _mp3(found: list[Part]) -> list[Field]:
    """The Xing header lies in the first frame, behind its side information."""
    at = found[1].body + 17  # of one channel
    return [
        Field("Xing flags", at + 4, 4),
        Field("Xing frames", at + 8, 4),
        Field("Xing bytes", at + 12, 4),
        Field("first frame header", found[1].start + 1, 3),
        Field("ID3 size", 6, 4),
    ]


FIXED = {"segments": _jpeg, "png": _png, "gif": _gif, "flac": _flac, "frames": _mp3}

FLOATS = (0.0, -1.0, 1e-300, 1e18, 1e300, float("inf"), float("nan"), 3.6e8, 1.0)


def stated_size(source: Source, data: bytes, found: list[Part]) -> tuple[int, int] | None:
    """The size that the header claims now, if it is where it was."""
    if len(data) != len(source.data):
        return None
    claims: dict[str, int] = {}
    for one in fields(source, found):
        if one.states:
            order: Literal["big", "little"] = "little" if one.form == "little" else "big"
            claim = int.from_bytes(data[one.at : one.at + one.length], order)
            claims.setdefault(one.states, claim)
    if len(claims) < 2:
        return None
    mask = 0x3FFF if source.name == "webp" else 0xFFFFFFFF  # RFC 9649: two bits are a scale
    return claims["width"] & mask, claims["height"] & mask


def stated_ends_ms(source: Source, data: bytes, found: list[Part]) -> list[int]:
    """The timestamps of blocks that claim to begin behind the end of the intact file."""
    if source.family != "elements" or len(data) != len(source.data):
        return []
    cluster_ms, ends = 0, []
    for part in found:
        if part.name == "E7":
            cluster_ms = int.from_bytes(data[part.body : part.end], "big")
        elif part.name in ("SimpleBlock", "Block"):
            at = part.body - 3
            ends.append(cluster_ms + int.from_bytes(data[at : at + 2], "big", signed=True))
    return [end for end in ends if end > (source.duration_ms or 0)]


def absurd(field: Field, random: Random, old: bytes) -> bytes:
    """Something else than what is there: zero, one, the extremes, a neighbour, or anything."""
    while True:
        new = _absurd(field, random, int.from_bytes(old, "big"))
        if new != old:
            return new


def _absurd(field: Field, random: Random, old: int) -> bytes:
    if field.form == "float" and field.length in (4, 8):
        number = random.choice(FLOATS)
        if field.length == 8:
            return struct.pack(">d", number)
        return struct.pack(">f", number if abs(number) < 1e38 else float("inf"))
    bits = 8 * field.length
    top = (1 << bits) - 1
    choices = (0, 0, 1, 2, top, top, top >> 1, (top >> 1) + 1, top - 1, random.getrandbits(bits))
    value = random.choice((*choices, old ^ 1 << random.randrange(bits)))
    return value.to_bytes(field.length, "little" if field.form == "little" else "big")


def checksums_mended(source: Source, data: bytes, found: list[Part]) -> bytes:
    """The file with the checksums that belong to it now; `found` are the parts of the intact one.

    A program that checks them throws damage away; behind a right one it must look at it.
    """
    mended = bytearray(data)
    for part in found if len(data) == len(source.data) else ():
        if source.family == "png" and part.size_bytes:
            checksum = zlib.crc32(mended[part.start + 4 : part.end - 4])
            mended[part.end - 4 : part.end] = struct.pack(">I", checksum)
        if source.family == "pages":
            mended[part.start + 22 : part.start + 26] = bytes(4)
            checksum = _ogg_crc(mended[part.start : part.end])
            mended[part.start + 22 : part.start + 26] = struct.pack("<I", checksum)
    return bytes(mended)


def _ogg_crc(page: bytes | bytearray) -> int:
    """RFC 3533, section 6: the polynomial 0x04c11db7, not reflected, from zero."""
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ OGG_CRCS[crc >> 24 ^ byte]
    return crc


def _ogg_crcs() -> Iterator[int]:
    for crc in (index << 24 for index in range(256)):
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
        yield crc


OGG_CRCS = tuple(_ogg_crcs())
