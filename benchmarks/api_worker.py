"""The requests to one API function in this process, from its artifact: timed warm, without network.

Each request is answered once over the network by the data plane, and AWS's answers to it are
recorded; the timed ones get these answers again. What is timed is everything that the function
does itself: token, routing, validation, signing and parsing for every call of AWS, rendering.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from types import SimpleNamespace
from typing import Any

import boto3

from benchmarks.api_requests import REQUESTS, Asked
from benchmarks.api_world import new_world
from benchmarks.recorded_answers import RecordedAnswers

WARM_UP = 5
RUNS_MIN, BUDGET_S = 30, 4.0  # a request that takes long is repeated less often
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 20_000)


@dataclass(frozen=True, slots=True)
class Latency:
    """A request's milliseconds in the function, of which it computes `cpu_ms` (the median)."""

    function: str
    title: str
    method: str
    path: str
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    runs: int
    calls: Mapping[str, int]


class WrongAnswerError(Exception):
    """A request was not answered as it was when it was recorded, or not with success."""


def main() -> None:
    function, module, order = sys.argv[1:]
    told = json.loads(Path(order).read_text())
    answers = RecordedAnswers(told["tables"])
    boto3.setup_default_session()
    session = boto3.DEFAULT_SESSION
    assert session
    answers.attach(session)
    handler = importlib.import_module(module).handler
    requests = [asked for asked in REQUESTS if asked.function == function]
    # The first request of a process builds clients and reads the secret: a cold start's.
    handler(requests[0].event(new_world(), told["tokens"]), CONTEXT)
    rows = [_measure(asked, handler, answers, told["tokens"], told["runs"]) for asked in requests]
    Path(told["results"]).write_text(json.dumps([asdict(row) for row in rows]))


def _measure(
    asked: Asked,
    handler: Callable[[Mapping[str, Any], Any], Mapping[str, Any]],
    answers: RecordedAnswers,
    tokens: Mapping[str, str],
    runs: int,
) -> Latency:
    answers.record()
    event = asked.event(new_world(), tokens)
    answers.record()
    recorded = handler(event, CONTEXT)
    calls = dict(answers.calls)
    if recorded["statusCode"] >= 300:
        raise WrongAnswerError(f"{asked.title}: {recorded}")
    wall_ms: list[float] = []
    cpu_ms: list[float] = []
    until = time.monotonic() + BUDGET_S
    for run in range(WARM_UP + runs):
        if len(wall_ms) >= RUNS_MIN and time.monotonic() > until:
            break
        answers.replay()
        cpu, began = time.process_time(), time.perf_counter()
        answer = handler(event, CONTEXT)
        took_ms, used_ms = (time.perf_counter() - began) * 1e3, (time.process_time() - cpu) * 1e3
        if answer["statusCode"] != recorded["statusCode"] or dict(answers.calls) != calls:
            raise WrongAnswerError(f"{asked.title}: {answer}, after {dict(answers.calls)}")
        if run >= WARM_UP:
            wall_ms.append(took_ms)
            cpu_ms.append(used_ms)
    return Latency(
        function=asked.function,
        title=asked.title,
        method=asked.method,
        path=asked.path,
        p50_ms=round(median(wall_ms), 2),
        p99_ms=round(quantiles(wall_ms, n=100, method="inclusive")[98], 2),
        cpu_ms=round(median(cpu_ms), 2),
        runs=len(wall_ms),
        calls=calls,
    )


if __name__ == "__main__":
    main()
