"""Cold starts of every function from its artifact, beside the same source as `sam build` leaves it.

A cold start is measured through Lambda's runtime interface: from the start of the process to its
first question for an event, and on to its answer to that event (the one in `events/`), over a data
plane on this machine. It writes benchmarks/results/cold_start.json, a plot, and
its part of docs/performance.md.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import asdict
from statistics import median
from typing import Any

from artifacts.build import Function, functions_of
from benchmarks import cold_start_page
from benchmarks.cold_starts import BUILT, PLAIN, ColdStart, missed
from benchmarks.cpu_quota import CpuQuota, NoQuotaError, cpus_of
from benchmarks.results import FOLDER, machine, today
from benchmarks.starts import PYTHON, ROOT, FailedStartError, Imports, Starter, Timing
from local import sample_upload
from local.data_plane import data_plane, describe
from local.ffmpeg import architecture
from local.template import load
from tests.webhooks import receiving

RESULTS = FOLDER / "cold_start.json"
RUNS_MIN = 10
PROCESSORS_SHARED = 0.6  # the rest is the data plane's and ours
Variant = tuple[Function, str]
Timings = dict[Variant, list[Timing]]
CALLERS = {"Report": "admin", "SyncChat": "service"}


def main() -> int:
    arguments = _arguments()
    if arguments.report:
        return _report(json.loads(RESULTS.read_text()))
    try:
        rows = asyncio.run(_measure(arguments.runs, arguments.function))
    except FailedStartError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    if arguments.runs >= RUNS_MIN and arguments.function is None:
        _report(json.loads(RESULTS.read_text()))
    print("\n" + cold_start_page.plain(rows))
    sentences = missed(rows)
    for sentence in sentences:
        print(f"Missed: {sentence}", file=sys.stderr)
    return int(arguments.must_hold and bool(sentences))


async def _measure(runs: int, only: str | None) -> list[ColdStart]:
    about = {"date": today(), "machine": machine()}
    here = ROOT / ".aws-sam"
    folders = {BUILT: here / architecture(), PLAIN: here / "plain" / architecture()}
    functions = [
        function
        for function in functions_of(load(folders[BUILT] / "template.yaml"))
        if only in (None, function.name)
    ]
    rows: list[ColdStart] = []
    async with AsyncExitStack() as cleanup:
        inbox = cleanup.enter_context(receiving())
        plane = data_plane(ROOT / "template.yaml", {"WebhookUrl": inbox.url})
        data = await cleanup.enter_async_context(plane)
        description = describe(data, "")
        video = ROOT / ".build" / "clips" / "cold-start.mp4"
        await asyncio.to_thread(sample_upload.place, data, description, video)
        events = _events(functions, description["tokens"])
        starters = {name: Starter(folder, data, events) for name, folder in folders.items()}
        memory = {function.name: function.memory_mb for function in data.stack.functions}
        variants = [(function, name) for function in functions for name in (BUILT, PLAIN)]
        imports = {
            (function, name): await starters[name].imports(function)  # and the files into memory
            for function, name in variants
        }
        for limited in (False, True):
            timings = await (
                _held_back(variants, starters, memory, runs)
                if limited
                else _free(variants, starters, runs)
            )
            rows += [
                _row(variant, memory, timings[variant], imports[variant], limited=limited)
                for variant in variants
                if variant in timings
            ]
            if only is None:
                _save(rows, runs, about)
    return rows


def _save(rows: Iterable[ColdStart], runs: int, about: Mapping[str, Any]) -> None:
    """What is measured so far; too few runs are not worth keeping."""
    if runs >= RUNS_MIN:
        results = {**about, "runs": runs, "starts": [asdict(row) for row in rows]}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


async def _free(variants: Sequence[Variant], starters: Mapping[str, Starter], runs: int) -> Timings:
    """Each alone on all processors; both variants in turn, so that what disturbs disturbs both."""
    timings: Timings = {}
    for run in range(runs):
        for function, name in variants:
            timing = await starters[name].start(function, python=[str(PYTHON)])
            timings.setdefault((function, name), []).append(timing)
        print(f"{run + 1}/{runs} runs on all processors", file=sys.stderr)
    return timings


async def _held_back(
    variants: Sequence[Variant],
    starters: Mapping[str, Starter],
    memory: Mapping[str, int],
    runs: int,
) -> Timings:
    """On Lambda's share of the processors: as many at a time as leave each its share."""
    timings: Timings = {}

    async def start(variant: Variant, free: asyncio.Queue[CpuQuota]) -> None:
        function, name = variant
        quota = await free.get()
        try:
            python = quota.held_back([str(PYTHON)])
            timing = await starters[name].start(function, python=python)
        finally:
            free.put_nowait(quota)
        timings.setdefault(variant, []).append(timing)

    for size in sorted({memory[function.name] for function, _ in variants}):
        of_size = [variant for variant in variants if memory[variant[0].name] == size]
        with ExitStack() as cleanup:
            free = _quotas(size, cleanup)
            if free.empty():
                return {}
            async with asyncio.TaskGroup() as starts:
                for variant in of_size * runs:
                    starts.create_task(start(variant, free))
        print(f"{runs} runs on the share of {size} MB", file=sys.stderr)
    return timings


def _row(
    variant: Variant,
    memory: Mapping[str, int],
    measured: Sequence[Timing],
    imports: Imports,
    *,
    limited: bool,
) -> ColdStart:
    function, name = variant
    memory_mb = memory[function.name]
    return ColdStart(
        function=function.name,
        variant=name,
        memory_mb=memory_mb,
        cpus=round(cpus_of(memory_mb), 3) if limited else None,
        init_ms=round(median(timing.init_ms for timing in measured), 1),
        answer_ms=round(median(timing.answer_ms for timing in measured), 1),
        ms=round(median(timing.ms for timing in measured), 1),
        runs=len(measured),
        modules=imports.modules,
        packages=imports.packages,
    )


def _quotas(memory_mb: int, cleanup: ExitStack) -> asyncio.Queue[CpuQuota]:
    """As many of a memory size as the processors have room for; none where that cannot be."""
    free: asyncio.Queue[CpuQuota] = asyncio.Queue()
    room = (os.cpu_count() or 1) * PROCESSORS_SHARED
    try:
        for _ in range(max(1, int(room / cpus_of(memory_mb)))):
            free.put_nowait(cleanup.enter_context(CpuQuota(memory_mb)))
    except NoQuotaError as error:
        print(f"Left out: starts on Lambda's share of the processors. {error}", file=sys.stderr)
        return asyncio.Queue()
    return free


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
    flag("--function", help="only this one; then nothing is written")
    flag("--assert", dest="must_hold", action="store_true", help="exit 1 if a target is missed")
    flag("--report", action="store_true", help="only draw and write what the last run measured")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
