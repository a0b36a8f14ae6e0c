"""What is measured of cold starts, and what must hold."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

BUILT, PLAIN = "built", "plain"
TOGETHER_MAX, EACH_MAX = 0.5, 0.6


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A function's medians in milliseconds; `cpus` is its share of processors, None for all."""

    function: str
    variant: str
    memory_mb: int
    cpus: float | None
    init_ms: float
    answer_ms: float
    ms: float
    runs: int
    modules: int
    packages: Mapping[str, float]


def missed(rows: Iterable[ColdStart]) -> list[str]:
    """A sentence for each target that is not reached."""
    rows = list(rows)
    sentences = []
    for limited in (False, True):
        compared = list(pairs(row for row in rows if (row.cpus is not None) is limited))
        if not compared:
            continue
        where = "on Lambda's share of the processors" if limited else "on all processors"
        together = sum(built.ms for built, _ in compared) / sum(plain.ms for _, plain in compared)
        if together > TOGETHER_MAX:
            sentences.append(
                f"All functions together take {together:.2f} of plain `sam build`'s time {where}, "
                f"more than {TOGETHER_MAX}."
            )
        for built, plain in compared:
            if built.ms / plain.ms > EACH_MAX:
                sentences.append(
                    f"{built.function} takes {built.ms / plain.ms:.2f} of plain `sam build`'s time "
                    f"{where}, more than {EACH_MAX}."
                )
    return sentences


def pairs(rows: Iterable[ColdStart]) -> Iterator[tuple[ColdStart, ColdStart]]:
    table = {(row.function, row.variant): row for row in rows}
    for (function, variant), row in table.items():
        if variant == BUILT:
            yield row, table[function, PLAIN]
