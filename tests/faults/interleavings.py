"""Runs operations against each other, one call to AWS at a time, in an order that can be repeated.

Each operation has a thread, of which one at a time runs. Before every call of a client of the
session (botocore's event `before-call`) it stops, and the schedule says who goes on: as calls are
all that operations share, every outcome that threads could have has a schedule that leads to it.

A schedule is either drawn by a seed, or one of all those that interrupt an operation at most so
many times. Few interruptions find most races: Musuvathi and Qadeer, "Iterative context bounding
for systematic testing of multithreaded programs" (PLDI 2007).
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import boto3

Operation = Callable[[], Any]
SWITCH = 0.4  # how often a drawn schedule interrupts
STUCK_S = 60


@dataclass
class Outcome:
    """What an operation returned, or raised."""

    value: Any = None
    error: Exception | None = None


class Schedule(Protocol):
    def choose(self, waiting: Sequence[str], last: str | None) -> str:
        """Who of those that wait goes on; `last` did, and may wait again."""
        ...


class Drawn:
    """The schedule of a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = random.Random(seed)

    def choose(self, waiting: Sequence[str], last: str | None) -> str:
        if last is not None and last in waiting and self._random.random() > SWITCH:
            return last
        return self._random.choice(waiting)

    def __repr__(self) -> str:
        return f"Drawn({self._seed})"


@dataclass
class Planned:
    """Goes by `plan`; after its end nobody is interrupted."""

    plan: tuple[str, ...] = ()
    choices: list[tuple[Sequence[str], str, bool]] = field(default_factory=list, repr=False)

    def choose(self, waiting: Sequence[str], last: str | None) -> str:
        if len(self.choices) < len(self.plan):
            chosen = self.plan[len(self.choices)]
        else:
            chosen = last if last is not None and last in waiting else waiting[0]
        self.choices.append((tuple(waiting), chosen, last in waiting and last != chosen))
        return chosen


def every_schedule(interruptions: int) -> Iterator[Planned]:
    """All schedules with at most so many interruptions; run each before asking for the next."""
    plans: list[tuple[str, ...]] = [()]
    while plans:
        schedule = Planned(plans.pop())
        yield schedule
        spent = 0
        taken = tuple(chosen for _, chosen, _ in schedule.choices)
        for at, (waiting, chosen, interrupted) in enumerate(schedule.choices):
            if at >= len(schedule.plan):
                free = at == 0 or taken[at - 1] not in waiting
                if free or spent < interruptions:
                    plans += [(*taken[:at], other) for other in waiting if other != chosen]
            spent += interrupted


@dataclass
class Run:
    """What became of each operation; `trace` has a line for each call, in their order."""

    outcomes: Mapping[str, Outcome]
    trace: list[str] = field(default_factory=list)


def watch(session: boto3.Session) -> None:
    """Have the clients that the session makes from now on stop before each call."""
    session.events.register_first("before-call", _before_call)


def run(operations: Mapping[str, Operation], schedule: Schedule) -> Run:
    """All operations, to their ends."""
    threads = {name: _Thread(operation) for name, operation in operations.items()}
    done = Run({name: thread.outcome for name, thread in threads.items()})
    for thread in threads.values():
        thread.go_on()  # to its first call: until then nothing is shared
    last = None
    while waiting := [name for name, thread in threads.items() if thread.waits]:
        last = schedule.choose(waiting, last)
        done.trace.append(f"{last}: {threads[last].call}")
        threads[last].go_on()
    return done


class _Thread:
    """One operation; it runs only within `go_on`, which returns before its next call."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._may_run, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.outcome = Outcome()
        self.call = "begin"
        self.waits = True
        self._thread.start()

    def go_on(self) -> None:
        self._may_run.release()
        if not self._stands.acquire(timeout=STUCK_S):
            raise AssertionError(f"an operation hangs after {self.call}")

    def stop_before(self, call: str) -> None:
        self.call = call
        self._stands.release()
        self._may_run.acquire()

    def _run(self) -> None:
        _own.thread = self
        self._may_run.acquire()
        try:
            self.outcome.value = self._operation()
        except Exception as error:
            self.outcome.error = error
        self.waits = False
        self._stands.release()


_own = threading.local()


def _before_call(model: Any, **_: Any) -> None:
    """Threads that an operation starts are part of it: they are waited for, not stopped."""
    thread: _Thread | None = getattr(_own, "thread", None)
    if thread is not None:
        thread.stop_before(model.name)
