"""The crash matrix: every act, stopped at every boundary, in every way; then all must come right.

For each scenario one undisturbed run counts the boundaries and shows the end. Then, for each
boundary and fault, on a copy of the same stores: the act is stopped there, done again if it was not
answered as done, swept once all deadlines have passed, and compared.

    python -m tests.faults.matrix [--share K/N] [--worker K/N] [--only NAME]

prints a line for each scenario, then each difference, and ends with 1 if there is any.
"""

import argparse
import gc
import os
import signal
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

from attachments import wiring
from tests.faults.acts import (
    SCENARIOS,
    VIDEO,
    Act,
    Chat,
    Scenario,
    move_clock,
    use_glances,
)
from tests.faults.boundaries import Boundaries, Fault, without_backoff
from tests.faults.calls import sweep
from tests.faults.snapshots import Child, Cloud
from tests.faults.stored import State, Stores, outside_s3
from tests.faults.wired import wired_cloud


@dataclass
class Row:
    """One scenario of the matrix: what its boundaries are, how many cases ran, what differed."""

    scenario: str
    boundaries: list[str]
    cases: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.scenario}: {len(self.boundaries)} boundaries, {self.cases} cases,"
            f" {len(self.differences)} differences, {self.seconds:.1f} s"
        )


@dataclass(frozen=True)
class Share:
    """Which part of the cases runs: `part` of `parts`, evenly and always the same.

    Kills at requests that change something are in every part. Of several workers at once each does
    every so many cases of it.
    """

    part: int = 0
    parts: int = 1
    worker: int = 0
    workers: int = 1

    def has(self, scenario: str, boundary: int, call: str, fault: Fault) -> bool:
        number = zlib.crc32(f"{scenario} {boundary} {fault}".encode())
        always = fault is Fault.KILLED and not call.split(".")[1].startswith(READING)
        mine = number // self.parts % self.workers == self.worker
        return mine and (always or number % self.parts == self.part)


READING = ("Get", "Head", "List", "Query", "Scan", "BatchGet")


def run(scenario: Scenario, cloud: Cloud, share: Share) -> Row:
    """A row of the matrix, in a process whose moto holds an empty stack."""
    began = time.monotonic()
    if scenario.glances:
        use_glances()
    with cloud.answering():
        chat = Chat()
        chat.begin()
        act = scenario.prepare(chat)
    gc.collect()
    gc.freeze()  # copies of this process share what they do not touch
    gc.disable()
    calls, ends = _undisturbed(scenario, cloud, act)
    row = Row(scenario.name, calls)
    for (number, call), fault in product(enumerate(row.boundaries, 1), Fault):
        if share.has(scenario.name, number, call, fault):
            row.cases += 1
            found = _case(scenario, cloud, act, fault, number)
            if found not in ends:
                said = "; ".join(_differences(ends[0], found))
                row.differences.append(f"{scenario.name}, {fault} at {number} ({call}): {said}")
    row.seconds = time.monotonic() - began
    return row


def _undisturbed(scenario: Scenario, cloud: Cloud, act: Act) -> tuple[list[str], list[State]]:
    """The requests of the act, and the ends that are right: all of it, and nothing of it where
    nobody repeats it."""

    def whole() -> tuple[list[str], State]:
        outcome, _ = cloud.process(lambda: _stopped(scenario, act, Boundaries()))
        assert outcome is not None
        assert outcome.done, f"{scenario.name} does not work even undisturbed"
        return outcome.calls, _settled(scenario, None)

    calls, end = cloud.copied(whole, _clients())
    if scenario.again:
        return calls, [end]
    return calls, [end, cloud.copied(lambda: _settled(scenario, None), _clients())]


def _case(scenario: Scenario, cloud: Cloud, act: Act, fault: Fault, number: int) -> State | str:
    def story() -> State | str:
        boundaries = Boundaries(fault, number)
        outcome, killed_by = cloud.process(lambda: _stopped(scenario, act, boundaries))
        if fault is Fault.KILLED and killed_by != signal.SIGKILL:
            return "the process was not killed"
        if outcome is not None and not outcome.met:
            return "the boundary was not met"
        done = outcome is not None and outcome.done
        return _settled(scenario, act if scenario.again and not done else None)

    return cloud.copied(story, _clients())


def _clients() -> tuple[Any, ...]:
    return wiring.dynamodb(), wiring.storage()._client, outside_s3()


@dataclass(frozen=True)
class _Outcome:
    done: bool
    met: bool
    calls: list[str]


def _stopped(scenario: Scenario, act: Act, boundaries: Boundaries) -> _Outcome:
    """The function's process: the act, watched."""
    move_clock(scenario.later)
    boundaries.watch(wiring.dynamodb(), wiring.storage()._client)
    return _Outcome(act(), boundaries.met, boundaries.calls)


def _settled(scenario: Scenario, retry: Act | None) -> State:
    """What comes after: the act again, where it is; then the sweep when all deadlines passed."""
    move_clock(scenario.later)
    if retry is not None:
        assert retry(), f"{scenario.name} cannot be repeated"
    for times in range(1, scenario.sweeps + 1):
        move_clock(scenario.later + times * scenario.swept)
        sweep()
    return Stores.wired().state(once=scenario.once, perhaps=scenario.perhaps)


def _differences(expected: State, found: State | str) -> Iterator[str]:
    if isinstance(found, str):
        yield found
        return
    for store, items in expected.items():
        missing, extra = list(items), []
        for item in found[store]:
            if item in missing:
                missing.remove(item)
            else:
                extra.append(item)
        if missing or extra:
            yield f"{store}: missing {missing}, extra {extra}"


def matrix(share: Share, scenarios: tuple[Scenario, ...]) -> Iterator[Row]:
    """Row after row."""
    without_backoff()
    cloud = wired_cloud()
    for scenario in scenarios:
        yield Child(partial(run, scenario, cloud, share)).result()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", default="0/1", help="K/N: the K-th of N parts of the cases")
    parser.add_argument("--worker", default="0/1", help="K/N: the K-th of N that run it at once")
    parser.add_argument("--only", help="scenarios whose names contain this")
    arguments = parser.parse_args()
    part, parts = map(int, arguments.share.split("/"))
    worker, workers = map(int, arguments.worker.split("/"))
    known = (*SCENARIOS, VIDEO) if "TEST_CLIP" in os.environ else SCENARIOS
    scenarios = tuple(each for each in known if (arguments.only or "") in each.name)
    rows = []
    for row in matrix(Share(part, parts, worker, workers), scenarios):
        print(row, *row.differences, sep="\n", flush=True)
        rows.append(row)
    differences = sum(len(row.differences) for row in rows)
    boundaries = sum(len(row.boundaries) for row in rows)
    cases = sum(row.cases for row in rows)
    seconds = sum(row.seconds for row in rows)
    print(
        f"The crash matrix: {len(rows)} scenarios, {boundaries} boundaries, {len(Fault)} faults:"
        f" {cases} cases in {seconds:.0f} s, {differences} differences"
    )
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
