"""The results as tables: plain on the terminal, Markdown in docs/performance.md."""

from collections.abc import Sequence

from benchmarks.measure import Row
from benchmarks.media import CASES
from benchmarks.memory_curve import Point

Lines = list[Sequence[str]]
HEADING = ("case", "MB", "variant", "ms", "times ours", "requests", "MB read", "peak MB")
MEMORY_HEADING = ("memory MB", "variant", "ms", "USD a million, arm64", "USD a million, x86_64")
MB = 1_000_000


def inspection(rows: Sequence[Row]) -> Lines:
    ours = {(row.case, row.size_mb): row.ms for row in rows if row.variant == "ours"}
    titles = {case.name: case.title for case in CASES}
    lines: Lines = [HEADING]
    for row in rows:
        beside = ours.get((row.case, row.size_mb))
        lines.append(
            (
                titles.get(row.case, row.case),
                str(row.size_mb),
                row.variant,
                f"{row.ms:.0f}",
                f"{row.ms / beside:.1f}" if beside else "",
                str(row.requests),
                f"{row.bytes / MB:.1f}",
                f"{row.peak_mb:.0f}",
            )
        )
    return lines


def growth(rows: Sequence[Row]) -> Lines:
    """Our milliseconds at each size, a line for each case."""
    ours = {(row.case, row.size_mb): row.ms for row in rows if row.variant == "ours"}
    sizes = sorted({size_mb for _, size_mb in ours})
    lines: Lines = [("ours, in ms", *(f"{size_mb} MB" for size_mb in sizes))]
    for case in CASES:
        times = [ours.get((case.name, size_mb)) for size_mb in sizes]
        lines.append((case.title, *(f"{ms:.0f}" if ms else "" for ms in times)))
    return lines


def memory(points: Sequence[Point]) -> Lines:
    lines: Lines = [MEMORY_HEADING]
    for point in points:
        usd = (f"{point.usd_arm64:.2f}", f"{point.usd_x86_64:.2f}")
        lines.append((str(point.memory_mb), point.variant, f"{point.ms:.0f}", *usd))
    return lines


def plain(lines: Lines) -> str:
    """Columns side by side; a column of numbers is aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numeric = [_is_numeric(column[1:]) for column in zip(*lines, strict=True)]
    padded = (
        [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        for line in lines
    )
    return "\n".join("  ".join(line).rstrip() for line in padded)


def markdown(lines: Lines) -> str:
    heading, *body = lines
    columns = zip(*body, strict=True)
    rule = ["---:" if _is_numeric(column) else "---" for column in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, rule, *body))


def _is_numeric(cells: Sequence[str]) -> bool:
    return all(cell.replace(".", "", 1).isdigit() for cell in cells if cell)
