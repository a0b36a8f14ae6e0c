"""A steady load on the local stack, for half an hour: memory and latency stay flat.

    python -m tests.soak.steady [--minutes N] [--rate UPLOADS_PER_S] [--write]

Each upload is asked for, sent, waited for, listed, downloaded and deleted by one of a few users.
Memory is that of each function's processes and of the stack's own; moto, which stands for AWS, is
watched apart: it copies all of its bucket for each list of versions, and all of its tables for each
transaction. So that it has the same to do at the end as in the beginning, whatever has a TTL is
removed after two minutes, as DynamoDB would after days.

Latencies are divided by a yardstick, the time of a fixed piece of work at the same moment: other
work on the machine slows both. Exits with 1 if something is not flat. `--write` keeps the figures
for docs/performance.md.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "layers" / "core"))

from tests.faults import processes  # noqa: E402
from tests.faults.crowd import Careful, crowd  # noqa: E402
from tests.faults.files import mixed  # noqa: E402
from tests.soak.expiry import Expiry  # noqa: E402
from tests.soak.flatness import Point, Verdict, compare, percentile  # noqa: E402
from tests.stack.client import LocalRun, Stack  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "soak.json"
WARM_UP = 0.1  # of the run: until then pools fill and modules load
SAMPLE_S = 5.0
USERS = 4
MB = 2**20
UNJUDGED = {"moto", "sweep"}  # AWS in disguise; and what runs every five minutes only
YARD_SPAN_S = 60
YARD = bytes(32 * MB)


@dataclass
class Figures:
    """What was seen, each point with its second since the start."""

    began: float = field(default_factory=time.monotonic)
    latency_ms: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    memory_mb: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    yardstick_ms: list[Point] = field(default_factory=list)
    load: list[Point] = field(default_factory=list)
    workers: Counter[str] = field(default_factory=Counter)
    uploads: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        return round(time.monotonic() - self.began, 1)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took_ms = (time.perf_counter() - began) * 1000
        self.latency_ms[step].append((self.now_s, round(took_ms, 1)))


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        run = LocalRun(Path(folder), "--port", "0", "--no-demo")
        try:
            stack, figures = Stack(run.ready()), Figures()
            with crowd(stack, USERS) as users, _watching(run.process.pid, stack, figures):
                _load(stack, users, figures, options)
            stack.close()
        finally:
            run.interrupt()
    verdicts = _judge(figures, options.minutes * 60)
    report = _report(figures, verdicts, options)
    _print(report)
    if options.write:
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")
        print(f"Written: {RESULTS}")
    return 0 if all(verdict.flat for verdict in verdicts) and not figures.failures else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.steady", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=0.5, help="uploads a second")
    parser.add_argument("--write", action="store_true", help="keep the figures")
    return parser.parse_args()


# ---------------------------------------------------------------- the load


def _load(
    stack: Stack, users: list[Careful], figures: Figures, options: argparse.Namespace
) -> None:
    """Begin an upload at each tick, whether or not the one before has ended."""
    conversation, messages = _chat(stack, users)
    ticks = int(options.minutes * 60 * options.rate)
    with ThreadPoolExecutor(2 * USERS) as pool:
        running: list[Future[None]] = []
        for number in range(ticks):
            wait_s = number / options.rate - figures.now_s
            time.sleep(max(0.0, wait_s))
            turn = number % USERS
            running.append(
                pool.submit(_upload, users[turn], messages[turn], conversation, number, figures)
            )
        for one in running:
            error = one.exception()
            if error is not None:
                figures.failures.append(repr(error))
    figures.uploads = ticks


def _chat(stack: Stack, users: list[Careful]) -> tuple[str, list[str]]:
    """One conversation of all, with a message of each."""
    conversation = stack.conversation()
    body: dict[str, Any] = {"participants": [user.user.id for user in users], "version": 2}
    stack.sync("PUT", f"/conversations/{conversation}/", body)
    messages = []
    for user in users:
        messages.append(str(uuid4()))
        body = {"conversation_id": conversation, "sender_id": user.user.id, "version": 1}
        stack.sync("PUT", f"/messages/{messages[-1]}/", body)
    return conversation, messages


def _upload(user: Careful, message: str, conversation: str, number: int, figures: Figures) -> None:
    file = mixed(number, seed=0)
    with figures.timed("ask"):
        ticket = user.ticket(message, file)
    with figures.timed("send"):
        user.send(ticket, file)
    attachment_id = ticket["id"]
    with figures.timed("inspect"):
        record = user.settled(attachment_id)
    assert record["status"] == "ready", record
    with figures.timed("get"):
        user.ask("GET", f"/attachments/{attachment_id}/")
    with figures.timed("list"):
        user.ask("GET", f"/conversations/{conversation}/attachments/", params={"limit": 20})
    with figures.timed("download"):
        served = user.fetch(attachment_id)
    assert served == file.body
    with figures.timed("delete"):
        user.ask("DELETE", f"/attachments/{attachment_id}/")


# ---------------------------------------------------------------- watching


@contextmanager
def _watching(pid: int, stack: Stack, figures: Figures) -> Iterator[None]:
    """Samples and expiry beside what runs within."""
    over, expiry = Event(), Expiry(stack)

    def watch() -> None:
        while not over.wait(SAMPLE_S):
            _sample(pid, figures)
            expiry.pass_by()

    thread = Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _sample(pid: int, figures: Figures) -> None:
    at = figures.now_s
    by_name: dict[str, list[int]] = defaultdict(list)
    for process in processes.of_stack(pid):
        by_name[process.name].append(processes.resident_bytes(process))
    for name, sizes in by_name.items():
        figures.memory_mb[name].append((at, round(max(sizes) / MB, 1)))
        figures.workers[name] = max(figures.workers[name], len(sizes))
    figures.load.append((at, round(os.getloadavg()[0], 2)))
    began = time.perf_counter()
    sha256(YARD).digest()
    figures.yardstick_ms.append((at, round((time.perf_counter() - began) * 1000, 2)))


# ---------------------------------------------------------------- what came out


def _judge(figures: Figures, seconds: float) -> list[Verdict]:
    """What is flat and what is not, after the warm-up."""
    begin = seconds * WARM_UP

    def warm(points: list[Point]) -> list[Point]:
        return [point for point in points if point[0] >= begin]

    verdicts = [
        compare(f"memory of {name}, MB", warm(points), factor=1.05, slack=3)
        for name, points in figures.memory_mb.items()
        if name not in UNJUDGED
    ]
    for step, points in figures.latency_ms.items():
        scaled = [(at, ms / _yard(figures, at)) for at, ms in warm(points)]
        for percent, factor in ((50, 1.25), (95, 1.5)):
            what = f"p{percent} of {step}, yards"
            verdicts.append(compare(what, scaled, factor=factor, slack=0.05, percent=percent))
    return verdicts


def _yard(figures: Figures, at: float) -> float:
    """What the yardstick measured around that moment, in ms."""
    return median(ms for then, ms in figures.yardstick_ms if abs(then - at) <= YARD_SPAN_S)


def _report(
    figures: Figures, verdicts: list[Verdict], options: argparse.Namespace
) -> dict[str, Any]:
    """The figures by the minute, and what was judged."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": options.minutes,
        "uploads_per_s": options.rate,
        "uploads": figures.uploads,
        "failures": figures.failures,
        "cpus": os.cpu_count(),
        "load_average": _by_minute(figures.load, 50),
        "yardstick_ms": _by_minute(figures.yardstick_ms, 50),
        "most_workers": dict(figures.workers),
        "memory_mb": {name: _by_minute(p, 50) for name, p in figures.memory_mb.items()},
        "latency_ms": {
            step: {f"p{percent}": _by_minute(points, percent) for percent in (50, 95, 99)}
            for step, points in figures.latency_ms.items()
        },
        "verdicts": [{**asdict(verdict), "flat": verdict.flat} for verdict in verdicts],
    }


def _by_minute(points: list[Point], percent: int) -> list[float | None]:
    minutes: dict[int, list[float]] = defaultdict(list)
    for at, figure in points:
        minutes[int(at // 60)].append(figure)
    return [
        round(percentile(minutes[minute], percent), 1) if minute in minutes else None
        for minute in range(max(minutes, default=-1) + 1)
    ]


def _print(report: dict[str, Any]) -> None:
    load = [average for average in report["load_average"] if average is not None]
    print(
        f"{report['uploads']} uploads in {report['minutes']:.0f} minutes,"
        f" {len(report['failures'])} failures; load average {min(load)} to {max(load)}."
    )
    for verdict in report["verdicts"]:
        said = "flat" if verdict["flat"] else "NOT FLAT"
        print(
            f"{verdict['what']:<36} {verdict['first']:>9} -> {verdict['last']:>9}"
            f"  (at most {verdict['limit']})  {said}"
        )
    for failure in report["failures"]:
        print(f"failed: {failure}")


if __name__ == "__main__":
    sys.exit(main())
