"""The results as files, and what they were measured on."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from benchmarks import tools
from benchmarks.measure import Row
from benchmarks.memory_curve import Point
from benchmarks.simulated_s3 import Simulation

FOLDER = Path(__file__).parent / "results"
INSPECTION = FOLDER / "inspection.json"
META = FOLDER / "inspection_meta.json"
MEMORY = FOLDER / "lambda_memory.json"


@dataclass(frozen=True, slots=True)
class Results:
    """One run of the benchmark: each variant's rows, the memory curve, and `meta` about it."""

    rows: list[Row]
    points: list[Point]
    meta: dict[str, Any]

    def save(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        _write(INSPECTION, [asdict(row) for row in self.rows])
        _write(MEMORY, [asdict(point) for point in self.points])
        _write(META, self.meta)


def load() -> Results:
    """The last full run's. Raises FileNotFoundError."""
    rows, points, meta = (json.loads(path.read_text()) for path in (INSPECTION, MEMORY, META))
    return Results([Row(**row) for row in rows], [Point(**point) for point in points], meta)


def describe(simulation: Simulation, *, repeat: int) -> dict[str, Any]:
    """The machine, the versions, the date and the settings of this run."""
    distribution = tools.distribution_tools()
    return {
        "date": today(),
        "machine": machine(),
        "versions": {
            "python": platform.python_version(),
            "boto3": package_version("boto3"),
            "ffmpeg of the layer": tools.version(tools.layer_tools()),
            "ffmpeg of the distribution": tools.version(distribution) if distribution else None,
        },
        "simulation": asdict(simulation),
        "repeat": repeat,
    }


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def machine() -> dict[str, Any]:
    """What this runs on, and how busy it is."""
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_gb": round(_memory_bytes() / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
