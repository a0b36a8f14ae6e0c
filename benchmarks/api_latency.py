"""Warm request time of each route through its function alone, and the calls of AWS that it makes.

Each function runs from its artifact on the runtime's Python, a process each. What is timed is the
function's own work: AWS's answers are recorded once from a data plane on this machine, and given
again to botocore in the place of the network. It writes benchmarks/results/api_latency.json and
its part of docs/performance.md.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from artifacts.build import Function, functions_of
from benchmarks import page, tables
from benchmarks.api_requests import REQUESTS
from benchmarks.results import FOLDER, machine, today
from benchmarks.starts import PYTHON, ROOT
from local.data_plane import DataPlane, data_plane, describe
from local.ffmpeg import architecture
from local.template import REGION, load

RESULTS = FOLDER / "api_latency.json"
PART = "API latency"
RUNS = 200
HEADING = ("function", "request", "p50 ms", "p99 ms", "processor ms", "runs", "calls of AWS")


class FailedMeasurementError(Exception):
    """A function did not start, or did not answer as it should."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api_latency", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="of each request, at most")
    parser.add_argument("--report", action="store_true", help="only write what was measured last")
    arguments = parser.parse_args()
    if not arguments.report:
        about = {"date": today(), "machine": machine()}
        try:
            rows = asyncio.run(_measure(arguments.runs))
        except FailedMeasurementError as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
        RESULTS.write_text(json.dumps({**about, "requests": rows}, indent=1) + "\n")
    results = json.loads(RESULTS.read_text())
    page.replace_measured(page.PAGE, _content(results), part=PART)
    print(tables.plain(_lines(results["requests"])))
    return 0


async def _measure(runs: int) -> list[dict[str, Any]]:
    folder = ROOT / ".aws-sam" / architecture()
    asked = {request.function for request in REQUESTS}
    rows = []
    async with data_plane(ROOT / "template.yaml", {}) as data:
        for function in functions_of(load(folder / "template.yaml")):
            if function.name in asked:
                rows += await _of_function(function, folder, data, runs)
    return rows


async def _of_function(
    function: Function, folder: Path, data: DataPlane, runs: int
) -> list[dict[str, Any]]:
    """Raises FailedMeasurementError."""
    [declared] = (one for one in data.stack.functions if one.name == function.name)
    layers = [str(folder / layer / "python") for layer in function.layers]
    names = data.stack.names
    tables_by_name = {
        names[table]: table for table in ("Attachments", "Chat", "Activity", "Guards", "Counters")
    }
    with TemporaryDirectory() as scratch:
        order, results = Path(scratch) / "order.json", Path(scratch) / "results.json"
        tokens = describe(data, "")["tokens"]
        told = {"tables": tables_by_name, "tokens": tokens, "runs": runs, "results": str(results)}
        order.write_text(json.dumps(told))
        process = await asyncio.create_subprocess_exec(
            *(PYTHON, "-m", "benchmarks.api_worker", function.name, function.root_module, order),
            cwd=folder / function.name,
            env={
                **declared.environment,
                **data.addresses,
                "AWS_DEFAULT_REGION": REGION,
                "PYTHONPATH": ":".join([*layers, str(ROOT)]),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode != 0:
            raise FailedMeasurementError(f"{function.name}:\n{said.decode()[-4000:]}")
        rows: list[dict[str, Any]] = json.loads(results.read_text())
    return rows


def _lines(rows: list[dict[str, Any]]) -> tables.Lines:
    body = (
        (
            row["function"],
            f"{row['title']}: `{row['method']} {row['path']}`",
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
            f"{row['cpu_ms']:.1f}",
            str(row["runs"]),
            ", ".join(
                f"{count} x {call}" if count > 1 else call for call, count in row["calls"].items()
            ),
        )
        for row in rows
    )
    return [HEADING, *body]


def _content(results: dict[str, Any]) -> str:
    about = results["machine"]
    setting = (
        f"Measured on {results['date']}: {about['cpus']} CPUs ({about['processor']}), "
        f"{about['system']}, load average {about['load_before']} before the start."
    )
    return "\n\n".join((tables.markdown(_lines(results["requests"])), setting))


if __name__ == "__main__":
    sys.exit(main())
