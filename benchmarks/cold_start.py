"""Cold starts of every function from its artifact, beside the same source as `sam build` leaves it.

A cold start is measured through Lambda's runtime interface: from the start of the process to its
first question for an event, and on to its answer to that event (the one in `events/`), over a data
plane on this machine. It writes benchmarks/results/cold_start.json, a plot, and
its part of docs/performance.md.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from statistics import median
from typing import Any

from artifacts.build import Function, functions_of
from benchmarks import cold_start_page
from benchmarks.cold_starts import BUILT, PLAIN, ColdStart, missed
from benchmarks.cpu_quota import CpuQuota, NoQuotaError
from benchmarks.results import FOLDER, machine, today
from benchmarks.starts import PYTHON, ROOT, FailedStartError, Imports, Starter, Timing
from local import sample_upload
from local.data_plane import data_plane, describe
from local.ffmpeg import architecture
from local.template import load

RESULTS = FOLDER / "cold_start.json"
RUNS_MIN = 10
CALLERS = {"Report": "admin", "SyncChat": "service"}


def main() -> int:
    arguments = _arguments()
    if arguments.report:
        return _report(json.loads(RESULTS.read_text()))
    try:
        rows = asyncio.run(_measure(arguments.runs))
    except FailedStartError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    if arguments.runs >= RUNS_MIN:
        _report(json.loads(RESULTS.read_text()))
    print("\n" + cold_start_page.plain(rows))
    sentences = missed(rows)
    for sentence in sentences:
        print(f"Missed: {sentence}", file=sys.stderr)
    return int(arguments.must_hold and bool(sentences))


async def _measure(runs: int) -> list[ColdStart]:
    about = {"date": today(), "machine": machine()}
    here = ROOT / ".aws-sam"
    folders = {BUILT: here / architecture(), PLAIN: here / "plain" / architecture()}
    functions = functions_of(load(folders[BUILT] / "template.yaml"))
    rows = []
    async with data_plane(ROOT / "template.yaml", {}) as data:
        description = describe(data, "")
        video = ROOT / ".build" / "clips" / "cold-start.mp4"
        await asyncio.to_thread(sample_upload.place, data, description, video)
        events = _events(functions, description["tokens"])
        starters = {name: Starter(folder, data, events) for name, folder in folders.items()}
        memory = {function.name: function.memory_mb for function in data.stack.functions}
        imports = {
            (function.name, variant): await starter.imports(function)  # and the files into memory
            for function in functions
            for variant, starter in starters.items()
        }
        with ExitStack() as cleanup:
            for quotas in (None, _quotas(set(memory.values()), cleanup)):
                if quotas != {}:
                    rows += await _round(functions, starters, memory, quotas, runs, imports)
                    _save(rows, runs, about)
    return rows


def _save(rows: Iterable[ColdStart], runs: int, about: Mapping[str, Any]) -> None:
    """What is measured so far; too few runs are not worth keeping."""
    if runs >= RUNS_MIN:
        results = {**about, "runs": runs, "starts": [asdict(row) for row in rows]}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


async def _round(
    functions: list[Function],
    starters: Mapping[str, Starter],
    memory: Mapping[str, int],
    quotas: Mapping[int, CpuQuota] | None,
    runs: int,
    imports: Mapping[tuple[str, str], Imports],
) -> list[ColdStart]:
    """All functions of both variants in turn, so that what disturbs the machine disturbs both."""
    timings: dict[tuple[str, str], list[Timing]] = {}
    for run in range(runs):
        for function in functions:
            quota = quotas[memory[function.name]] if quotas else None
            python = quota.held_back([str(PYTHON)]) if quota else [str(PYTHON)]
            for variant, starter in starters.items():
                timing = await starter.start(function, python=python)
                timings.setdefault((function.name, variant), []).append(timing)
        print(f"{run + 1}/{runs} runs, {'held back' if quotas else 'free'}", file=sys.stderr)
    rows = []
    for function in functions:
        for variant in starters:
            measured = timings[function.name, variant]
            quota = quotas[memory[function.name]] if quotas else None
            rows.append(
                ColdStart(
                    function=function.name,
                    variant=variant,
                    memory_mb=memory[function.name],
                    cpus=round(quota.cpus, 3) if quota else None,
                    init_ms=round(median(timing.init_ms for timing in measured), 1),
                    answer_ms=round(median(timing.answer_ms for timing in measured), 1),
                    ms=round(median(timing.ms for timing in measured), 1),
                    runs=len(measured),
                    modules=imports[function.name, variant].modules,
                    packages=imports[function.name, variant].packages,
                )
            )
    return rows


def _quotas(sizes: set[int], cleanup: ExitStack) -> dict[int, CpuQuota]:
    try:
        return {size: cleanup.enter_context(CpuQuota(size)) for size in sizes}
    except NoQuotaError as error:
        print(f"Left out: starts on Lambda's share of the processors. {error}", file=sys.stderr)
        return {}


def _events(functions: Iterable[Function], tokens: Mapping[str, str]) -> dict[str, bytes]:
    """Each function's event of `events/`, with a token that holds."""
    events = {}
    for function in functions:
        folder = function.root_module.split(".")[1]
        token = tokens[CALLERS.get(function.name, "sender")]
        text = (ROOT / "events" / f"{folder}.json").read_text()
        events[function.name] = text.replace("PASTE-A-TOKEN", token).encode()
    return events


def _report(results: dict[str, Any]) -> int:
    rows = [ColdStart(**row) for row in results["starts"]]
    cold_start_page.write(rows, results)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    flag = parser.add_argument
    flag("--runs", type=int, default=RUNS_MIN, help="of each; with fewer nothing is written")
    flag("--assert", dest="must_hold", action="store_true", help="exit 1 if a target is missed")
    flag("--report", action="store_true", help="only draw and write what the last run measured")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
