"""What must hold, and the sentences that say what does not."""

from collections.abc import Iterable, Iterator

from benchmarks.measure import Row
from benchmarks.media import CASES
from benchmarks.variants import DOWNLOAD, OURS

TYPICAL_MB = 100
TIMES_FASTER_MIN = 8
MS_MAX = 250
SMALL_MB, LARGE_MB, GROWTH_MAX = 10, 1000, 1.3
READ_BYTES_MAX = 4 * 1024 * 1024
PEAK_MB_MAX = 256
EXEMPT = {case.name for case in CASES if not case.ordinary}


def missed(rows: Iterable[Row]) -> list[str]:
    """A sentence for each figure that does not reach its target; what was not run is not said."""
    held = [row for row in rows if row.case not in EXEMPT]
    table = {(row.case, row.size_mb, row.variant): row for row in held}
    ours = [row for row in table.values() if row.variant == OURS]
    sentences = [sentence for row in ours for sentence in _alone(row)]
    for row in ours:
        download = table.get((row.case, TYPICAL_MB, DOWNLOAD))
        if row.size_mb == TYPICAL_MB and download:
            sentences += _beside(row, download)
        small = table.get((row.case, SMALL_MB, OURS))
        if row.size_mb == LARGE_MB and small and row.ms > GROWTH_MAX * small.ms:
            sentences.append(
                f"{_name(row)} takes {row.ms / small.ms:.2f} times as long as {small.size_mb} MB, "
                f"more than {GROWTH_MAX} times."
            )
    return sentences


def _alone(row: Row) -> Iterator[str]:
    if row.size_mb == TYPICAL_MB and row.ms >= MS_MAX:
        yield f"{_name(row)} takes {row.ms:.0f} ms, not under {MS_MAX} ms."
    if row.bytes > READ_BYTES_MAX:
        yield f"{_name(row)} reads {row.bytes} bytes, more than {READ_BYTES_MAX}."
    if row.peak_mb >= PEAK_MB_MAX:
        yield f"{_name(row)} takes {row.peak_mb:.0f} MB of memory, not under {PEAK_MB_MAX} MB."


def _beside(row: Row, download: Row) -> Iterator[str]:
    times = download.ms / row.ms
    if times < TIMES_FASTER_MIN:
        yield (
            f"{_name(row)} is {times:.2f} times faster than download-then-run, "
            f"less than {TIMES_FASTER_MIN} times."
        )


def _name(row: Row) -> str:
    return f"{row.case} of {row.size_mb} MB"
