"""Writes the measured part of docs/performance.md, between two markers."""

from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.media import HEIGHT, ROOT, VIDEO_MBIT_S, WIDTH
from benchmarks.memory_curve import USD_PER_GB_SECOND, USD_PER_MILLION_REQUESTS, advice
from benchmarks.results import Results
from benchmarks.targets import TYPICAL_MB, missed
from benchmarks.variants import DOWNLOAD, OURS

PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- {part}: begin (written by `make bench`) -->"
END = "<!-- {part}: end -->"


def write(results: Results) -> None:
    replace_measured(PAGE, measured(results))


def replace_measured(page: Path, content: str, *, part: str = "measured") -> None:
    """Replace what stands between a part's markers. Raises ValueError if they are missing."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN.format(part=part))
    _, end, after = rest.partition(END.format(part=part))
    if not (begin and end):
        raise ValueError(f"{page} lacks the two markers of the {part} part.")
    page.write_text(f"{before}{begin}\n{content}\n{end}{after}")


def measured(results: Results) -> str:
    parts = [
        _summary(results),
        _setting(results.meta),
        tables.markdown(
            tables.inspection([row for row in results.rows if row.size_mb == TYPICAL_MB])
        ),
        "All rows: `benchmarks/results/inspection.json`.",
        tables.markdown(tables.growth(results.rows)),
        *_memory(results),
    ]
    return "\n\n".join(parts)


def _summary(results: Results) -> str:
    """The range over all cases at the typical size, and what misses its target."""
    ours = {
        row.case: row for row in results.rows if (row.size_mb, row.variant) == (TYPICAL_MB, OURS)
    }
    beside = [row for row in results.rows if (row.size_mb, row.variant) == (TYPICAL_MB, DOWNLOAD)]
    ms = [row.ms for row in ours.values()]
    times = [row.ms / ours[row.case].ms for row in beside if row.case in ours]
    read = max(row.bytes for row in results.rows if row.variant == OURS)
    peak = max(row.peak_mb for row in results.rows if row.variant == OURS)
    summary = (
        f"A video of {TYPICAL_MB} MB takes {min(ms):.0f} to {max(ms):.0f} ms, {min(times):.1f} to "
        f"{max(times):.1f} times faster than download-then-run. At any size at most "
        f"{read / 1e6:.1f} MB are read, and function and programs together take at most "
        f"{peak:.0f} MB of memory."
    )
    short = missed(results.rows)
    if not short:
        return f"{summary} All targets are reached."
    return "\n".join((summary, "", "Targets that this run missed:", "", *(f"- {s}" for s in short)))


def _setting(meta: dict[str, Any]) -> str:
    machine, simulation = meta["machine"], meta["simulation"]
    versions = ", ".join(f"{name} {value}" for name, value in meta["versions"].items() if value)
    return (
        f"Measured on {meta['date']}: {machine['cpus']} CPUs ({machine['processor']}), "
        f"{machine['memory_gb']:.0f} GB of memory, {machine['system']}, load average "
        f"{machine['load_before']} before the start. {versions}. Simulated S3: "
        f"{simulation['first_byte_ms']:g} ms to the first byte of a request, "
        f"{simulation['connection_mb_s']:g} MB/s a connection, {simulation['total_mb_s']:g} MB/s "
        f"in all. Videos of {WIDTH}x{HEIGHT} pixels at {VIDEO_MBIT_S} Mbit/s, key frames as far "
        f"apart as the encoders put them; medians over the timed runs ({meta['repeat']})."
    )


def _memory(results: Results) -> list[str]:
    if not results.points:
        return []
    prices = " and ".join(f"{usd:.10f} ({name})" for name, usd in USD_PER_GB_SECOND.items())
    return [
        "![Time and cost against memory size](images/lambda-memory.png)",
        advice(results.points),
        (
            "Costs come from these times and the list prices in "
            f"`benchmarks/memory_curve.py`, to be checked: USD {prices} a GB-second, and "
            f"{USD_PER_MILLION_REQUESTS:.2f} a million requests. The arm64 column applies the "
            "arm64 price to the times of the machine above."
        ),
        tables.markdown(tables.memory(results.points)),
    ]
