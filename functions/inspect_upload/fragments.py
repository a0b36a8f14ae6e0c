"""Fragmented MP4 (ISO/IEC 14496-12, section 8.8): what only the fragments know."""

from dataclasses import dataclass

from functions.inspect_upload.boxes import Box, Track, children, find, header, is_version_1, number
from functions.inspect_upload.structure import Bytes, Structure, TruncatedError

CANDIDATES_MAX = 64
MOOF_MAX_BYTES = 128 * 1024


@dataclass(slots=True)
class Run:
    """What the fragments at the end of the file hold of one track, in its timescale."""

    track: Track
    end: int = 0
    samples: int = 0
    length: int = 0


def read_structure(
    source: Bytes, moov: bytes, boxes: list[Box], tracks: dict[int, Track]
) -> Structure:
    """Duration from the last fragments, else `sidx`, else `mehd`: the surest first.

    `mehd` is a claim, written before the fragments were; the fragments are what there is. Far
    back is looked only where nothing is claimed. Raises TruncatedError.
    """
    indexed_ms = _sidx_duration_ms(source, boxes)
    claimed_ms = indexed_ms if indexed_ms is not None else _mehd_duration_ms(moov)
    runs = _last_runs(source, tracks, far=claimed_ms is None)
    ends = [run.end / run.track.timescale for run in runs]
    rates = [
        run.samples * run.track.timescale / run.length
        for run in runs
        if run.track.handler == b"vide" and run.length and run.samples > 1
    ]
    return Structure(
        streamable=True,
        duration_ms=round(max(ends) * 1000) if ends else claimed_ms,
        frame_rate=rates[0] if rates else None,
        fragmented=True,
    )


def _mehd_duration_ms(moov: bytes) -> int | None:
    root = header(moov[:16], 0, len(moov))
    mvhd, mehd = find(moov, root, b"mvhd"), find(moov, root, b"mvex", b"mehd")
    if mvhd is None or mehd is None:
        return None
    timescale = number(moov, mvhd.body + (20 if is_version_1(moov, mvhd) else 12), 4)
    duration = number(moov, mehd.body + 4, 8 if is_version_1(moov, mehd) else 4)
    return round(duration * 1000 / timescale) if timescale and duration else None


def _sidx_duration_ms(source: Bytes, boxes: list[Box]) -> int | None:
    """Section 8.16.3; a segment index that covers the file also tells if the file is whole."""
    longest: int | None = None
    for box in boxes:
        if box.kind != b"sidx" or box.end > len(source.head):
            continue
        data = source.head[box.body : box.end]
        timescale, wide = number(data, 8, 4), data[:1] == b"\1"
        references = 24 + (8 if wide else 0)
        count = min(number(data, references - 2, 2), (len(data) - references) // 12)
        entries = [references + 12 * index for index in range(count)]
        covered = sum(number(data, at, 4) & 0x7FFFFFFF for at in entries)
        first = number(data, 20, 8) if wide else number(data, 16, 4)
        if box.end + first + covered > source.size:
            raise TruncatedError
        if timescale:
            ms = round(sum(number(data, at + 4, 4) for at in entries) * 1000 / timescale)
            longest = max(longest or 0, ms)
    return longest


def _last_runs(source: Bytes, tracks: dict[int, Track], *, far: bool) -> list[Run]:
    """From the last fragments: those in the tail, else the one that `mfra` points at."""
    ends = source.ends()
    runs = _runs_of_end(next(ends), tracks) or _indexed_runs(source, tracks)
    while far and not runs and (data := next(ends, None)) is not None:
        runs = _runs_of_end(data, tracks)
    return runs


def _runs_of_end(data: bytes, tracks: dict[int, Track]) -> list[Run]:
    """From the first fragment that begins in `data`, which ends with the file."""
    at = data.find(b"moof")
    for _ in range(CANDIDATES_MAX):
        if at < 0:
            break
        if data[at + 8 : at + 12] == b"mfhd" and number(data, at - 4, 4) >= 16:
            return _walk(data, at - 4, tracks)
        at = data.find(b"moof", at + 4)
    return []


def _indexed_runs(source: Bytes, tracks: dict[int, Track]) -> list[Run]:
    """From the last fragment by `mfra`, the index that some writers put at the end."""
    tail = source.tail
    length = number(tail, len(tail) - 4, 4)
    if tail[-12:-8] != b"mfro" or not 16 < length <= len(tail):
        return []
    mfra = header(tail[-length:][:16], len(tail) - length, len(tail))
    offsets = [
        _last_moof(tail, tfra)
        for tfra in children(tail, mfra.body, mfra.end)
        if tfra.kind == b"tfra"
    ]
    start = max(offsets, default=0)
    data = source.read(start, MOOF_MAX_BYTES) if 0 < start < source.size else b""
    if data[4:8] != b"moof":
        return []
    runs: dict[int, Run] = {}
    _note_moof(data, header(data[:16], 0, len(data)), tracks, runs)
    return list(runs.values())


def _last_moof(data: bytes, tfra: Box) -> int:
    """Section 8.8.10: where the fragment of the last entry begins."""
    width = 8 if is_version_1(data, tfra) else 4
    lengths, count = number(data, tfra.body + 8, 4), number(data, tfra.body + 12, 4)
    entry = 2 * width + sum((lengths >> shift & 3) + 1 for shift in (0, 2, 4))
    at = tfra.body + 16 + (count - 1) * entry + width
    return number(data, at, width) if count and at + width <= tfra.end else 0


def _walk(data: bytes, at: int, tracks: dict[int, Track]) -> list[Run]:
    """The fragments from `at` to the end of the file, which is the end of `data`.

    Raises TruncatedError if the last one lacks its `mdat`.
    """
    runs: dict[int, Run] = {}
    lacks_data = False
    while at + 8 <= len(data):
        box = header(data[at : at + 16].ljust(16, b"\0"), at, len(data))
        if box.end > len(data):
            raise TruncatedError
        if box.kind == b"moof":
            _note_moof(data, box, tracks, runs)
        lacks_data = box.kind == b"moof" or (lacks_data and box.kind != b"mdat")
        at = box.end
    if lacks_data:
        raise TruncatedError
    return list(runs.values())


def _note_moof(data: bytes, moof: Box, tracks: dict[int, Track], runs: dict[int, Run]) -> None:
    for traf in children(data, moof.body, moof.end):
        if traf.kind == b"traf":
            _note(data, traf, tracks, runs)


def _note(data: bytes, traf: Box, tracks: dict[int, Track], runs: dict[int, Run]) -> None:
    tfhd, tfdt = find(data, traf, b"tfhd"), find(data, traf, b"tfdt")
    if tfhd is None or tfdt is None:
        return
    track = tracks.get(number(data, tfhd.body + 4, 4))
    if track is None or not track.timescale or track.handler not in (b"vide", b"soun"):
        return
    run = runs.setdefault(track.id, Run(track))
    time = number(data, tfdt.body + 4, 8 if is_version_1(data, tfdt) else 4)
    default = _tfhd_duration(data, tfhd) or track.default_duration
    for trun in children(data, traf.body, traf.end):
        if trun.kind == b"trun":
            samples, length = _trun(data, trun, default)
            time += length
            run.samples += samples
            run.length += length
    run.end = time  # the last fragment's, lest a damaged one before it decides


def _tfhd_duration(data: bytes, box: Box) -> int:
    """Section 8.8.7: default-sample-duration, behind two optional fields."""
    flags = number(data, box.body + 1, 3)
    at = box.body + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    return number(data, at, 4) if flags & 8 else 0


def _trun(data: bytes, box: Box, default: int) -> tuple[int, int]:
    """Section 8.8.8: the number of samples, and the sum of their durations."""
    flags, count = number(data, box.body + 1, 3), number(data, box.body + 4, 4)
    step = 4 * (flags >> 8 & 0xF).bit_count()
    first = box.body + 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    if step:
        count = min(count, max(box.end - first, 0) // step)
    if not flags & 0x100:
        return count, count * default
    return count, sum(number(data, first + index * step, 4) for index in range(count))
