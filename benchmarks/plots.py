"""The results as pictures, for README and docs/performance.md."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.cold_starts import BUILT, PLAIN, ColdStart
from benchmarks.measure import Row
from benchmarks.media import CASES, ROOT
from benchmarks.memory_curve import Point
from benchmarks.results import Results
from benchmarks.targets import TYPICAL_MB
from benchmarks.variants import DISTRIBUTION, DOWNLOAD, OURS

IMAGES = ROOT / "docs" / "images"

# Okabe and Ito's palette, which colour-blind people tell apart; shapes differ too.
COLOURS = {OURS: "#0072B2", DOWNLOAD: "#E69F00", DISTRIBUTION: "#767676"}
TIME_TICKS_MS = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
MARKERS = {OURS: "o", DOWNLOAD: "s", DISTRIBUTION: "^"}
LABELS = {
    OURS: "read by range (ours)",
    DOWNLOAD: "download, then run",
    DISTRIBUTION: "download, then run the distribution's ffmpeg",
}
STARTS = (
    (BUILT, "the artifact", COLOURS[OURS]),
    (PLAIN, "as `sam build` leaves it", COLOURS[DOWNLOAD]),
)

mpl.use("Agg")
plt.rcParams.update(
    {
        "figure.dpi": 160,
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": "#DDDDDD",
        "legend.frameon": False,
    }
)


def draw_all(results: Results, folder: Path = IMAGES) -> list[Path]:
    """The files written; a plot without data is left out."""
    figures: dict[str, Figure | None] = {
        "inspection-by-case": by_case(results.rows),
        "inspection-by-size": by_size(results.rows),
        "lambda-memory": by_memory(results.points),
    }
    return [save(name, figure, folder) for name, figure in figures.items() if figure]


def save(name: str, figure: Figure, folder: Path = IMAGES) -> Path:
    """The file written."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return path


def by_case(rows: Sequence[Row]) -> Figure | None:
    """Bars of ours and download at 100 MB, for each container."""
    table = {(row.case, row.variant): row.ms for row in rows if row.size_mb == TYPICAL_MB}
    cases = [c for c in CASES if (c.name, OURS) in table and (c.name, DOWNLOAD) in table]
    if not cases:
        return None
    figure, axes = plt.subplots(figsize=(8.5, 0.55 * len(cases) + 1.3))
    for shift, variant in ((-0.19, OURS), (0.19, DOWNLOAD)):
        times = [table[case.name, variant] for case in cases]
        places = [index + shift for index in range(len(cases))]
        bars = axes.barh(places, times, 0.36, color=COLOURS[variant], label=LABELS[variant])
        axes.bar_label(bars, [f"{ms:.0f} ms" for ms in times], padding=3, fontsize=9)
    axes.set_yticks(range(len(cases)), [case.title for case in cases])
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds, shorter is better")
    axes.set_title(f"Time to inspect a video of {TYPICAL_MB} MB", pad=30)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.grid(axis="x")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1), ncols=2, borderaxespad=0.3)
    return figure


def by_size(rows: Sequence[Row]) -> Figure | None:
    """The median over the containers at each size, with their spread as a band."""
    sizes = sorted({row.size_mb for row in rows})
    if len(sizes) < 2:
        return None
    figure, axes = plt.subplots(figsize=(8.5, 4.4))
    for variant in LABELS:
        times = [
            [row.ms for row in rows if (row.variant, row.size_mb) == (variant, size)]
            for size in sizes
        ]
        if not all(times):
            continue
        _line(axes, variant, sizes, list(map(median, times)))
        band = (list(map(min, times)), list(map(max, times)))
        axes.fill_between(sizes, *band, color=COLOURS[variant], alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(sizes, [_size_label(size) for size in sizes])
    low, high = axes.get_ylim()
    ticks = [ms for ms in TIME_TICKS_MS if low <= ms <= high]
    axes.set_yticks(ticks, [_time_label(ms) for ms in ticks])
    axes.minorticks_off()
    axes.set_xlabel("size of the video")
    axes.set_ylabel("time of one inspection")
    axes.set_title("Median of all containers, within the fastest and the slowest")
    axes.grid()
    axes.legend(loc="upper left")
    return figure


def by_memory(points: Sequence[Point]) -> Figure | None:
    """Time and cost beside each other, against memory size."""
    if not points:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4))
    _curves(left, points, lambda point: point.ms)
    left.set_ylabel("milliseconds")
    left.set_title(f"Time of one inspection, {TYPICAL_MB} MB")
    _curves(right, points, lambda point: point.usd_arm64)
    right.set_ylabel("USD")
    right.set_title("A million videos, arm64 list price")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=len(labels), bbox_to_anchor=(0.5, 1.0))
    figure.tight_layout(rect=(0, 0, 1, 0.93), w_pad=3)
    return figure


def cold_starts(rows: Sequence[ColdStart]) -> Figure:
    """Bars of both variants for each function: on all processors, and on Lambda's share."""
    halves = [
        [row for row in rows if (row.cpus is not None) is limited] for limited in (False, True)
    ]
    halves = [half for half in halves if half]
    figure, row_of_axes = plt.subplots(1, len(halves), figsize=(9.5, 4.2), squeeze=False)
    for axes, half in zip(row_of_axes[0], halves, strict=True):
        functions = list(dict.fromkeys(row.function for row in half))
        for shift, (variant, label, colour) in zip((-0.19, 0.19), STARTS, strict=True):
            times = [row.ms for row in half if row.variant == variant]
            places = [index + shift for index in range(len(functions))]
            bars = axes.barh(places, times, 0.36, color=colour, label=label)
            axes.bar_label(bars, [f"{ms:.0f}" for ms in times], padding=3, fontsize=9)
        axes.set_yticks(range(len(functions)), functions)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.15)
        axes.grid(axis="x")
        axes.set_xlabel("milliseconds, shorter is better")
        axes.set_title("Lambda's share of the processors" if half[0].cpus else "All processors")
    handles, labels = row_of_axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    figure.tight_layout(rect=(0, 0, 1, 0.93), w_pad=3)
    return figure


def _curves(axes: Axes, points: Sequence[Point], figure_of: Callable[[Point], float]) -> None:
    for variant in (OURS, DOWNLOAD):
        own = [point for point in points if point.variant == variant]
        x, y = [point.memory_mb for point in own], [figure_of(point) for point in own]
        _line(axes, variant, x, y)
        for at, value in zip(x, y, strict=True):
            axes.annotate(
                f"{value:.0f}" if value >= 100 else f"{value:.2f}",
                (at, value),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
    axes.set_xticks(sorted({point.memory_mb for point in points}))
    axes.set_ylim(0, 1.15 * max(figure_of(point) for point in points))
    axes.margins(x=0.08)
    axes.set_xlabel("Lambda memory size, MB")
    axes.grid()


def _line(axes: Axes, variant: str, x: Sequence[float], y: Sequence[float]) -> None:
    axes.plot(x, y, label=LABELS[variant], color=COLOURS[variant], marker=MARKERS[variant])


def _size_label(size_mb: int) -> str:
    return f"{size_mb} MB" if size_mb < 1000 else f"{size_mb / 1000:g} GB"


def _time_label(ms: float) -> str:
    return f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s"
