"""The layout of MP4 and MOV (ISO/IEC 14496-12): what is whole, and in which order."""

import sys
from array import array
from collections.abc import Iterator

from functions.inspect_upload import fragments
from functions.inspect_upload.boxes import (
    Box,
    Track,
    children,
    find,
    header,
    is_version_1,
    number,
)
from functions.inspect_upload.structure import (
    BrokenStructureError,
    Bytes,
    Structure,
    TruncatedError,
)

BOXES_MAX = 4096  # top-level boxes walked within the head
JUMPS_MAX = 32  # top-level boxes walked beyond the head: each may cost a request
MOOV_MAX_BYTES = 24 * 1024 * 1024


def read_structure(source: Bytes) -> Structure:
    """Raises TruncatedError and BrokenStructureError."""
    boxes = list(_top_level(source))
    moov = next((box for box in boxes if box.kind == b"moov"), None)
    if moov is None:
        raise BrokenStructureError("is incomplete: it has no index (moov)")
    if moov.end - moov.start > MOOV_MAX_BYTES:
        raise BrokenStructureError("has an index that is too large to read")
    data = source.read(moov.start, moov.end - moov.start)
    tracks = _tracks(data)
    if any(track.last_chunk >= source.size for track in tracks.values()):
        raise TruncatedError
    mdat = next((box for box in boxes if box.kind == b"mdat"), None)
    fragmented = any(box.kind == b"moof" for box in boxes)
    if not fragmented and find(data, header(data[:16], 0, len(data)), b"mvex") is None:
        return Structure(streamable=mdat is None or moov.start < mdat.start)
    return fragments.read_structure(source, data, boxes, tracks)


def place_of_index(beginning: bytes, size: int) -> range | None:
    """Where `moov` lies, or what follows `mdat`; None where the file's first bytes do not tell."""
    at = 0
    while at + 16 <= len(beginning):
        box = header(beginning[at : at + 16], at, size)
        if box.kind in (b"moov", b"mdat"):
            index = range(at, min(box.end, size)) if box.kind == b"moov" else range(box.end, size)
            return index or None
        at = box.end
    return None


def _top_level(source: Bytes) -> Iterator[Box]:
    """The boxes of the file, in order; those of a fragmented file only as far as the head."""
    at, jumps, in_fragments = 0, 0, False
    for _ in range(BOXES_MAX):
        if at + 8 > source.size:
            break
        if at + 16 > len(source.head):
            jumps += 1
            if in_fragments or jumps > JUMPS_MAX:
                break
        box = header(source.read(at, 16), at, source.size)
        if box.end > source.size:
            raise TruncatedError
        yield box
        in_fragments = in_fragments or box.kind == b"moof"
        at = box.end


def _tracks(moov: bytes) -> dict[int, Track]:
    """By track id; tracks that do not parse are left out: the demuxer judges them."""
    root = header(moov[:16], 0, len(moov))
    defaults = _trex_durations(moov, root)
    tracks: dict[int, Track] = {}
    for trak in children(moov, root.body, root.end):
        if trak.kind != b"trak" or len(tracks) >= 64:
            continue
        tkhd, mdhd = find(moov, trak, b"tkhd"), find(moov, trak, b"mdia", b"mdhd")
        handler = find(moov, trak, b"mdia", b"hdlr")
        if not (tkhd and mdhd and handler):
            continue
        track_id = number(moov, tkhd.body + (20 if is_version_1(moov, tkhd) else 12), 4)
        tracks[track_id] = Track(
            id=track_id,
            timescale=number(moov, mdhd.body + (20 if is_version_1(moov, mdhd) else 12), 4),
            handler=moov[handler.body + 8 : handler.body + 12],
            last_chunk=_last_chunk(moov, trak),
            default_duration=defaults.get(track_id, 0),
        )
    return tracks


def _trex_durations(moov: bytes, root: Box) -> dict[int, int]:
    mvex = find(moov, root, b"mvex")
    if mvex is None:
        return {}
    return {
        number(moov, box.body + 4, 4): number(moov, box.body + 12, 4)
        for box in children(moov, mvex.body, mvex.end)
        if box.kind == b"trex"
    }


def _last_chunk(moov: bytes, trak: Box) -> int:
    """The greatest chunk offset (`stco`, `co64`), 0 if there is none."""
    table = find(moov, trak, b"mdia", b"minf", b"stbl")
    if table is None:
        return 0
    for kind, typecode in ((b"stco", "I"), (b"co64", "Q")):
        box = find(moov, table, kind)
        if box is not None:
            offsets = array(typecode)
            count = min(number(moov, box.body + 4, 4), (box.end - box.body - 8) // offsets.itemsize)
            if count > 0:
                start = box.body + 8
                offsets.frombytes(moov[start : start + count * offsets.itemsize])
                if sys.byteorder == "little":
                    offsets.byteswap()
                return max(offsets)
    return 0
