"""The announcer, stopped at every one of its requests in every way: what a listener has heard,
and what the usage report counts.

    python -m tests.faults.announcing

prints how many cases there were, then each that lost or changed an event; ends with 1 if any did.
"""

import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import product
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.model import Status
from functions.announce.announcements import SOURCE, event_id
from functions.announce.app import handler
from tests.builders import in_state, pending
from tests.faults.boundaries import Boundaries, Fault, without_backoff
from tests.faults.snapshots import Child, Cloud
from tests.faults.wired import wired_cloud
from tests.streamed import Record, record

STATES = (Status.READY, Status.REJECTED, Status.FAILED, Status.DELETED)
CHANGES = 12  # two calls of the bus
TRIES = 4
ALL = "all"


def changes() -> tuple[list[Record], set[str]]:
    """A batch of the stream, and the ids of the events that it must become."""
    records, ids = [], set()
    for number in range(1, CHANGES + 1):
        before = pending(id=f"0192f000-0000-7000-8000-{number:012}")
        after = in_state(before, STATES[number % len(STATES)])
        records.append(record(before, after, number=number))
        ids.add(str(event_id(after)))
    return records, ids


@dataclass
class Heard:
    """What a queue behind a rule of the bus has, by the events' ids."""

    bodies: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counted: int = 0  # files in the usage report

    @property
    def doubled(self) -> int:
        return sum(len(bodies) - 1 for bodies in self.bodies.values())

    def wrong(self, expected: set[str]) -> str | None:
        if set(self.bodies) != expected:
            return f"lost {len(expected - set(self.bodies))} events"
        if any(len(set(bodies)) > 1 for bodies in self.bodies.values()):
            return "one id stands for two events"
        if self.counted != CHANGES:
            return f"{self.counted} files are counted instead of {CHANGES}"
        return None


def listen() -> str:
    """A queue that hears everything; its URL."""
    sqs, events, bus = boto3.client("sqs"), boto3.client("events"), os.environ["EVENT_BUS"]
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    names: Any = ["QueueArn"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]["QueueArn"]
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": [SOURCE]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return queue


def heard(sqs: Any, queue: str) -> Heard:
    found = Heard()
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            detail = json.loads(message["Body"])["detail"]
            found.bodies[detail["id"]].append(json.dumps(detail, sort_keys=True))
    total, _ = wiring.counters().tally(date.min, date.min)
    found.counted = sum(total.files.values())
    return found


def delivered(cloud: Cloud, records: list[Record], first: Boundaries) -> int:
    """Give the function the batch until it is done, as Lambda does; how often.

    Its first invocation is the one that is watched.
    """
    for invocation in range(1, TRIES + 1):

        def invoke(batch: list[Record] = records, first_one: bool = invocation == 1) -> list[str]:
            if first_one:
                first.watch(wiring.event_bridge(), wiring.dynamodb())
            answer = handler({"Records": batch}, LambdaContext())
            return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

        failed, killed_by = cloud.process(partial(_first_failure, invoke))
        if killed_by not in (0, signal.SIGKILL):
            raise RuntimeError(f"ended by signal {killed_by}")
        if failed == "":
            return invocation
        if failed not in (None, ALL):
            numbers = [each["dynamodb"]["SequenceNumber"] for each in records]
            records = records[numbers.index(failed) :]
    raise RuntimeError(f"not done after {TRIES} invocations")


def _first_failure(invoke: Callable[[], list[str]]) -> str:
    """The number of the first change that must come again; "" if none, ALL for an exception."""
    try:
        failed = invoke()
    except Exception:
        return ALL
    return min(failed, key=int, default="")


def run(cloud: Cloud) -> tuple[int, int, int, list[str]]:
    """Boundaries, cases, events told twice, and what was wrong."""
    with cloud.answering():
        queue = listen()
    sqs = boto3.client("sqs")
    clients = (sqs, wiring.dynamodb())
    records, expected = changes()

    def story(boundaries: Boundaries) -> tuple[Heard, int]:
        times = delivered(cloud, records, boundaries)
        return heard(sqs, queue), times

    def boundaries_of() -> int:
        counted, _ = cloud.process(lambda: _calls(records))
        return counted or 0

    at = cloud.copied(boundaries_of, clients)
    wrong, doubled, cases = [], 0, 0
    for number, fault in product(range(1, at + 1), Fault):
        found, times = cloud.copied(partial(story, Boundaries(fault, number)), clients)
        cases, doubled = cases + 1, doubled + found.doubled
        if fault in (Fault.KILLED, Fault.FAILED, Fault.THROTTLED) and times < 2:
            wrong.append(f"{fault} at {number}: the function was not stopped")
        if problem := found.wrong(expected):
            wrong.append(f"{fault} at {number}: {problem}")
    return at, cases, doubled, wrong


def _calls(records: list[Record]) -> int:
    counting = Boundaries()
    counting.watch(wiring.event_bridge(), wiring.dynamodb())
    handler({"Records": records}, LambdaContext())
    return len(counting.calls)


def main() -> int:
    without_backoff()
    cloud = wired_cloud()
    boundaries, cases, doubled, wrong = Child(lambda: run(cloud)).result()
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(
        f"The announcer: {boundaries} boundaries, {len(Fault)} faults: {cases} cases,"
        f" {doubled} events told again under their id, {len(wrong)} wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
