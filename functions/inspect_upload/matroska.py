"""The layout of WebM and Matroska (RFC 8794, RFC 9559): truncation, and a duration that is true.

A recording from a browser has no duration, and a damaged one may have a false one: the
timestamps of the last blocks are what there is to play.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from functions.inspect_upload.structure import (
    BrokenStructureError,
    Bytes,
    Structure,
    TruncatedError,
)

SEGMENT, INFO, CLUSTER = 0x18538067, 0x1549A966, 0x1F43B675
TIMESTAMP_SCALE, DURATION = 0x2AD7B1, 0x4489
TIMESTAMP, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK, BLOCK_DURATION = 0xE7, 0xA3, 0xA0, 0xA1, 0x9B
CLUSTER_STARTS = {0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0xBF, 0xEC}
CLUSTER_ID = CLUSTER.to_bytes(4, "big")

ELEMENTS_MAX = 8192  # of one cluster: two minutes at 60 frames a second
GROUP_ELEMENTS_MAX = 16
CANDIDATES_MAX = 4
REORDER_MAX = 16  # blocks of a track that may be out of order: the most that H.264 and HEVC do


@dataclass(frozen=True, slots=True)
class Element:
    """`end` is None where the size is unknown (RFC 8794, section 6.2)."""

    id: int
    body: int
    end: int | None


@dataclass(frozen=True, slots=True)
class Last:
    """The end of the last block, in timestamp units; not `sure` where a cluster is damaged."""

    tick: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Info:
    scale_ns: int = 1_000_000
    duration_ms: float | None = None


def read_structure(source: Bytes) -> Structure:
    """Raises TruncatedError and BrokenStructureError."""
    header = _element(source.head, 0)
    segment = _element(source.head, header.end) if header and header.end else None
    if segment is None or segment.id != SEGMENT:
        raise BrokenStructureError("is damaged: it has no segment")
    if segment.end is not None and segment.end > source.size:
        raise TruncatedError
    info = _info(source.head, segment)
    last_ms = _last_block_ms(source, info)
    return Structure(streamable=True, duration_ms=_true_duration_ms(info, last_ms))


def _true_duration_ms(info: Info, last_ms: float | None) -> int | None:
    """What is declared, unless the last blocks contradict it by more than a second and 5 %."""
    declared = info.duration_ms
    if last_ms is None:
        return None
    if declared is not None and abs(declared - last_ms) <= max(1000, 0.05 * last_ms):
        return None
    return round(last_ms)


def _element(data: bytes, at: int) -> Element | None:
    """The element at `at`, or None where no header fits."""
    if at >= len(data) or not data[at]:
        return None
    id_length = 9 - data[at].bit_length()
    size_at = at + id_length
    if id_length > 4 or size_at >= len(data) or not data[size_at]:
        return None
    length = 9 - data[size_at].bit_length()
    if size_at + length > len(data):
        return None
    value = int.from_bytes(data[size_at : size_at + length], "big") & (1 << 7 * length) - 1
    body = size_at + length
    end = None if value == (1 << 7 * length) - 1 else body + value
    return Element(int.from_bytes(data[at:size_at], "big"), body, end)


def _children(data: bytes, start: int, end: int, limit: int = ELEMENTS_MAX) -> Iterator[Element]:
    for _ in range(limit):
        element = _element(data, start) if start < end else None
        if element is None:
            return
        yield element
        if element.end is None:
            return
        start = element.end


def _info(head: bytes, segment: Element) -> Info:
    found = Info()
    for element in _children(head, segment.body, len(head)):
        if element.id == CLUSTER:
            break
        if element.id == INFO and element.end is not None:
            found = _read_info(head, element)
    return found


def _read_info(head: bytes, info: Element) -> Info:
    scale, duration = 1_000_000, None
    for element in _children(head, info.body, min(info.end or 0, len(head))):
        content = head[element.body : element.end]
        if element.id == TIMESTAMP_SCALE and 0 < len(content) <= 8:
            scale = int.from_bytes(content, "big") or scale
        if element.id == DURATION and len(content) in (4, 8):
            (duration,) = struct.unpack(">f" if len(content) == 4 else ">d", content)
    usable = duration is not None and 0 < duration < 1e15
    return Info(scale, duration * scale / 1e6 if duration is not None and usable else None)


def _last_block_ms(source: Bytes, info: Info) -> float | None:
    """The end of the last block: its timestamp, and its duration or the step before it.

    Beyond the tail is looked only where no duration is declared; what is left of a damaged
    cluster says nothing against one that is.
    """
    for data in source.ends():
        last = _last(data)
        if last is not None and (last.sure or info.duration_ms is None):
            return last.tick * info.scale_ns / 1e6
        if info.duration_ms is not None:
            break
    return None


def _last(data: bytes) -> Last | None:
    """From the last two clusters in `data`, lest one false timestamp decides alone."""
    at, found = data.rfind(CLUSTER_ID), list[Last]()
    for _ in range(CANDIDATES_MAX):
        if at < 0 or len(found) == 2:
            break
        cluster = _element(data, at)
        if cluster and cluster.body < len(data) and data[cluster.body] in CLUSTER_STARTS:
            end = _cluster_end(data, cluster)
            found += [end] if end is not None else []
        at = data.rfind(CLUSTER_ID, 0, at)
    return Last(max(end.tick for end in found), found[0].sure) if found else None


def _cluster_end(data: bytes, cluster: Element) -> Last | None:
    base: int | None = None
    times: dict[int, list[int]] = {}
    explicit, at = 0, cluster.body
    for element in _children(data, cluster.body, min(cluster.end or len(data), len(data))):
        if element.end is None:
            break
        if element.id == TIMESTAMP:
            base = int.from_bytes(data[element.body : element.end][:8], "big")
        elif element.id == SIMPLE_BLOCK:
            _note_block(data, element, times)
        elif element.id == BLOCK_GROUP:
            explicit = max(explicit, _note_group(data, element, times))
        at = element.end
    if base is None or not times:
        return None
    last = max(explicit, *(_track_end(track) for track in times.values()))
    return Last(base + last, sure=at == (len(data) if cluster.end is None else cluster.end))


def _track_end(times: list[int]) -> int:
    """The last block and the usual step; false timestamps among earlier blocks do not count."""
    recent = sorted(times[-REORDER_MAX:])
    steps = sorted(later - earlier for earlier, later in pairwise(recent))
    return recent[-1] + (steps[len(steps) // 2] if steps else 0)


def _note_block(data: bytes, block: Element, times: dict[int, list[int]]) -> int:
    """Notes the block's relative timestamp under its track number (RFC 9559, section 10.1).

    A number of more than one byte is damage: nobody has 128 tracks.
    """
    if block.body + 4 > len(data) or not data[block.body] & 0x80:
        return 0
    time = int.from_bytes(data[block.body + 1 : block.body + 3], "big", signed=True)
    times.setdefault(data[block.body], []).append(time)
    return time


def _note_group(data: bytes, group: Element, times: dict[int, list[int]]) -> int:
    """The group's end, if it declares its duration."""
    time = duration = 0
    end = min(group.end or 0, len(data))
    for element in _children(data, group.body, end, GROUP_ELEMENTS_MAX):
        if element.id == BLOCK:
            time = _note_block(data, element, times)
        elif element.id == BLOCK_DURATION and element.end is not None:
            duration = int.from_bytes(data[element.body : element.end][:8], "big")
    return time + duration if duration else 0
