"""One inspection at several Lambda memory sizes: how long it takes, and what a million cost.

A function gets processor time in proportion to its memory, so a CPU quota stands for each size.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.cpu_quota import CpuQuota
from benchmarks.measure import Contender, median_ms
from benchmarks.media import Clip
from benchmarks.simulated_s3 import SimulatedS3
from benchmarks.variants import OURS

MEMORY_SIZES_MB = (512, 1024, 1769, 3008)
MILLION = 1_000_000

# List prices of the page "AWS Lambda Pricing", first tier, US East; check them before you rely on
# them. A duration is billed by the millisecond, rounded up.
USD_PER_GB_SECOND = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
USD_PER_MILLION_REQUESTS = 0.20


@dataclass(frozen=True, slots=True)
class Point:
    """A variant at a memory size; the costs are those of a million videos."""

    memory_mb: int
    variant: str
    ms: float
    usd_arm64: float
    usd_x86_64: float


def curve(
    video: Clip,
    contenders: Iterable[Contender],
    s3: SimulatedS3,
    *,
    repeat: int,
    tell: Callable[[str], None],
) -> list[Point]:
    """Raises NoQuotaError, WrongAnswerError."""
    points = []
    for memory_mb in MEMORY_SIZES_MB:
        for contender in contenders:
            with CpuQuota(memory_mb) as quota:
                ms = median_ms(video, contender, s3, quota=quota, repeat=repeat)
            tell(f"{memory_mb} MB of memory, {quota.cpus:.2f} CPUs, {contender.name}: {ms:.0f} ms")
            points.append(point(memory_mb, contender.name, ms))
    return points


def point(memory_mb: int, variant: str, ms: float) -> Point:
    usd = {name: usd_per_million(memory_mb, ms, price) for name, price in USD_PER_GB_SECOND.items()}
    return Point(memory_mb, variant, ms, round(usd["arm64"], 2), round(usd["x86_64"], 2))


def usd_per_million(memory_mb: int, ms: float, usd_per_gb_second: float) -> float:
    """What a million videos cost: compute time and requests."""
    gb_seconds = memory_mb / 1024 * math.ceil(ms) / 1000
    return gb_seconds * usd_per_gb_second * MILLION + USD_PER_MILLION_REQUESTS


def advice(points: Iterable[Point]) -> str:
    """The sizes that are cheapest, and best by time multiplied with cost, for our function."""
    ours = [point for point in points if point.variant == OURS]
    cheapest = min(ours, key=lambda point: point.usd_arm64)
    balanced = min(ours, key=lambda point: point.usd_arm64 * point.ms)
    return (
        f"Cheapest MemorySize: {_said(cheapest)}. "
        f"Best balance (least time multiplied by cost): {_said(balanced)}."
    )


def _said(point: Point) -> str:
    return f"{point.memory_mb} MB ({point.ms:.0f} ms, {point.usd_arm64:.2f} USD a million on arm64)"
