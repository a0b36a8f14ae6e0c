"""Cold starts as a table, a plot, and a part of docs/performance.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import page, tables
from benchmarks.cold_starts import BUILT, ColdStart, missed, pairs

PART = "cold starts"
IMAGE = "cold-starts"
HEADING = (
    "function",
    "memory MB",
    "processors",
    "built ms",
    "plain ms",
    "built / plain",
    "modules",
)


def lines(rows: Sequence[ColdStart]) -> tables.Lines:
    found: tables.Lines = [HEADING]
    for limited in (False, True):
        compared = list(pairs(row for row in rows if (row.cpus is not None) is limited))
        for built, plain in compared:
            found.append(
                (
                    built.function,
                    str(built.memory_mb),
                    f"{built.cpus:.2f}" if built.cpus else "all",
                    f"{built.ms:.0f}",
                    f"{plain.ms:.0f}",
                    f"{built.ms / plain.ms:.2f}",
                    str(built.modules),
                )
            )
        if compared:
            found.append(_together(compared))
    return found


def _together(compared: Sequence[tuple[ColdStart, ColdStart]]) -> tuple[str, ...]:
    built_ms = sum(built.ms for built, _ in compared)
    plain_ms = sum(plain.ms for _, plain in compared)
    where = "its share" if compared[0][0].cpus else "all"
    ratio = f"{built_ms / plain_ms:.2f}"
    return ("together", "", where, f"{built_ms:.0f}", f"{plain_ms:.0f}", ratio, "")


def plain(rows: Sequence[ColdStart]) -> str:
    return tables.plain(lines(rows))


def write(rows: Sequence[ColdStart], results: Mapping[str, Any]) -> None:
    """The plot and the part of the page."""
    page.replace_measured(page.PAGE, _content(rows, results), part=PART)
    from benchmarks import plots  # matplotlib is for benchmarks alone

    plots.save(IMAGE, plots.cold_starts(rows))


def _content(rows: Sequence[ColdStart], results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    short = missed(rows)
    verdict = "All targets are reached."
    if short:
        verdict = "\n".join(("Targets that this run missed:", "", *(f"- {one}" for one in short)))
    setting = (
        f"Measured on {results['date']}: {machine['cpus']} CPUs ({machine['processor']}), "
        f"{machine['system']}, load average {machine['load_before']}; medians of "
        f"{results['runs']} starts of each, both variants in turn."
    )
    imports = (
        "Milliseconds of importing, by package, with byte code: "
        + "; ".join(_imports(row) for row in rows if row.variant == BUILT and row.cpus is None)
        + "."
    )
    image = f"![Cold starts](images/{IMAGE}.png)"
    return "\n\n".join((verdict, image, tables.markdown(lines(rows)), imports, setting))


def _imports(row: ColdStart) -> str:
    largest = list(row.packages.items())[:5]
    return f"{row.function} " + ", ".join(f"{name} {ms:.0f}" for name, ms in largest)
