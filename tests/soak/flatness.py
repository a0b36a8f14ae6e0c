"""Whether a figure stays flat: the last third of a run beside its first.

Medians of thirds, because a single slow minute of a machine that others use too says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

Point = tuple[float, float]  # seconds since the start, figure


@dataclass(frozen=True)
class Verdict:
    """`limit` is what the last third may be, in the figure's own unit."""

    what: str
    first: float
    last: float
    limit: float

    @property
    def flat(self) -> bool:
        return self.last <= self.limit


def compare(
    what: str, points: Sequence[Point], *, factor: float, slack: float, percent: int = 50
) -> Verdict:
    """The percentile of the last third against `factor` times that of the first, and `slack`.

    Raises ValueError where there are too few points to tell.
    """
    if len(points) < 6:
        raise ValueError(f"{what}: {len(points)} points")
    begin, end = min(at for at, _ in points), max(at for at, _ in points)
    third = (end - begin) / 3
    first = percentile([y for at, y in points if at <= begin + third], percent)
    last = percentile([y for at, y in points if at >= end - third], percent)
    return Verdict(what, round(first, 3), round(last, 3), round(factor * first + slack, 3))


def percentile(values: Sequence[float], percent: int) -> float:
    """Of at least one value."""
    if percent == 50 or len(values) < 2:
        return median(values)
    return quantiles(values, n=100, method="inclusive")[percent - 1]
