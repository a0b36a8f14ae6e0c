"""Boxes, of which MP4, MOV, HEIF and AVIF are made (ISO/IEC 14496-12, section 4.2)."""

from collections.abc import Iterator
from dataclasses import dataclass

from functions.inspect_upload.structure import BrokenStructureError

CHILDREN_MAX = 1024  # of one box: more is no file that anyone made


@dataclass(frozen=True, slots=True)
class Box:
    """A box of `data` or of the file: `start` is its header's place, `body` its content's."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Track:
    """What the index says of a track; `last_chunk` is the greatest offset of its data."""

    id: int
    timescale: int
    handler: bytes
    last_chunk: int
    default_duration: int = 0


def header(data: bytes, start: int, limit: int) -> Box:
    """A box header (section 4.2.2); one of size 0 reaches to `limit`."""
    size, kind, header = int.from_bytes(data[:4], "big"), data[4:8], 8
    if size == 1:
        size, header = int.from_bytes(data[8:16], "big"), 16
    elif size == 0:
        size = max(limit - start, 8)
    if size < header:
        raise BrokenStructureError("is damaged: its boxes do not fit together")
    return Box(kind, start, start + header, start + size)


def children(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes in data[start:end]; what does not fit ends the walk."""
    end = min(end, len(data))
    for _ in range(CHILDREN_MAX):
        if start + 8 > end:
            return
        try:
            box = header(data[start : start + 16], start, end)
        except BrokenStructureError:
            return
        if box.end > end:
            return
        yield box
        start = box.end


def find(data: bytes, box: Box, *path: bytes) -> Box | None:
    """The first descendant along `path`."""
    for kind in path:
        found = next(
            (child for child in children(data, box.body, box.end) if child.kind == kind), None
        )
        if found is None:
            return None
        box = found
    return box


def number(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def is_version_1(data: bytes, box: Box) -> bool:
    """Of a full box (section 4.2.2): version 1 has 64-bit fields where version 0 has 32."""
    return data[box.body : box.body + 1] == b"\1"
