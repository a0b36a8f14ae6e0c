"""Many users upload at once while everything fails now and then; then the books are checked."""

import json
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from attachments.counters import Counters, Kind
from attachments.model import Status
from functions.sweep.app import handler as sweep
from tests.faults import processes
from tests.faults.cloud import Account, named, wired
from tests.faults.crowd import Careful, crowd
from tests.faults.files import mixed
from tests.faults.invariants import BECAME, State
from tests.faults.scene import Context
from tests.stack.client import ROOT, File, LocalRun, Stack, eventually

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

USERS = 20
KILLS_PER_UPLOAD = 0.6
DRAINED_WITHIN_S = 300.0
LATER = timedelta(hours=3)


@dataclass
class Books:
    """What was accepted, what became of it, and what went wrong on the way."""

    sent: dict[str, File] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        became = ", ".join(f"{n} {status}" for status, n in sorted(self.statuses.items()))
        faults = ", ".join(f"{n} {fault}" for fault, n in sorted(self.faults.items()))
        return f"{len(self.sent)} accepted: {became}. Faults: {faults}."


def run_load(uploads: int, *, seed: int, folder: Path) -> Books:
    """All of it, on a stack of its own."""
    books = Books()
    run = LocalRun(
        folder,
        *("--seed", str(seed)),
        module="tests.faults.faulty_stack",
        environment={"PYTHONPATH": str(ROOT / "layers" / "core")},
    )
    try:
        stack = Stack(run.ready())
        with crowd(stack, USERS) as users:
            message = _message(stack, users)
            _upload_all(users, message, uploads, seed, books, Reaper(run.process.pid, books))
            _drained(stack)
            account = _after_one_sweep(stack, books)
            _audit(account, users[0], books)
            for user in users:
                books.faults["failed answers"] += sum(
                    times for status, times in user.answers.items() if not 100 < status < 500
                )
        stack.close()
    finally:
        left = run.interrupt()
    books.faults.update(json.loads((folder / "faults.json").read_text()))
    books.problems += [f"left behind: {line}" for line in left]
    return books


class Reaper:
    """Kills processes of functions, one that works if there is one."""

    def __init__(self, pid: int, books: Books) -> None:
        self._pid, self._books = pid, books
        self._worked: dict[int, int] = {}
        self._lock = Lock()

    def kill_one(self, random: Random) -> None:
        with self._lock:
            ticks = {
                it.pid: processes.cpu_ticks(it.pid) for it in processes.functions_of(self._pid)
            }
            busy = sorted(pid for pid, spent in ticks.items() if spent > self._worked.get(pid, 0))
            self._worked = ticks
            if busy:
                with suppress(ProcessLookupError):
                    os.kill(random.choice(busy), signal.SIGKILL)
                    self._books.faults["kills"] += 1


# ---------------------------------------------------------------- the load


def _message(stack: Stack, users: list[Careful]) -> dict[str, str]:
    """A message of each user, all in one conversation."""
    conversation = stack.conversation()
    ids = [user.user.id for user in users]
    stack.sync("PUT", f"/conversations/{conversation}/", {"participants": ids, "version": 2})
    messages = {who: str(uuid4()) for who in ids}
    for who, message in messages.items():
        body = {"conversation_id": conversation, "sender_id": who, "version": 1}
        stack.sync("PUT", f"/messages/{message}/", body)
    return messages


def _upload_all(
    users: list[Careful],
    message: dict[str, str],
    uploads: int,
    seed: int,
    books: Books,
    reaper: Reaper,
) -> None:
    """Each user sends one file after the other; all users at once. Kills keep pace with them: on
    a slow machine kills by the clock would let nothing ever begin."""

    def upload(user: Careful, numbers: range) -> dict[str, File]:
        random, sent = Random(f"{seed} {numbers}"), {}
        for number in numbers:
            file = mixed(number, seed)
            sent[user.deliver(message[user.user.id], file)] = file
            if random.random() < KILLS_PER_UPLOAD:
                reaper.kill_one(random)
        return sent

    shares = [range(first, uploads, len(users)) for first in range(len(users))]
    with ThreadPoolExecutor(len(users)) as pool:
        for sent in pool.map(upload, users, shares):
            books.sent |= sent


def _drained(stack: Stack) -> None:
    """Every event was delivered, or is a dead letter."""
    sqs: SQSClient = stack.session.client("sqs", endpoint_url=stack.endpoint_url)
    url = stack.description["queues"]["uploads"]

    def waiting() -> int:
        said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(said["ApproximateNumberOfMessages"]) + int(
            said["ApproximateNumberOfMessagesNotVisible"]
        )

    left = eventually(waiting, lambda left: left == 0, within_s=DRAINED_WITHIN_S)
    assert left == 0, f"{left} events were not delivered"


# ---------------------------------------------------------------- the books


def _after_one_sweep(stack: Stack, books: Books) -> Account:
    """The sweep's own code, in this process, where the clock can be ahead."""
    settings = named(stack.description["bucket"], stack.description["tables"])
    environment = {
        "AWS_ENDPOINT_URL": stack.aws["endpoint_url"],
        "AWS_ACCESS_KEY_ID": stack.aws["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": stack.aws["secret_access_key"],
    }
    with wired(settings, **environment) as (session, clock):
        clock.now = datetime.now(UTC) + LATER
        swept = sweep({}, Context())
        if swept["errors"]:
            books.problems.append(f"the sweep met errors: {swept}")
        return Account(session, settings, clock)


def _audit(account: Account, reader: Careful, books: Books) -> None:
    """Every accepted upload against record, log, bucket, and the bytes that are served."""
    state = State(account)
    books.problems += state.violations_at_rest()
    records = {record.id: record for record in state.records}
    for attachment_id, file in books.sent.items():
        record = records.get(attachment_id)
        if record is None:
            books.problems.append(f"{attachment_id} was lost")
            continue
        books.statuses[record.status] += 1
        requests = [
            row["action"]
            for row in state.activity
            if row["attachment_id"] == attachment_id and row["action"] in BECAME
        ]
        if len(requests) != len(set(requests)):
            books.problems.append(f"{attachment_id} is in the log more than once: {requests}")
        if record.status is Status.READY:
            if reader.fetch(attachment_id) != file.body:
                books.problems.append(f"{attachment_id} is served with other bytes")
        elif record.status is not Status.FAILED or not record.reason:
            books.problems.append(f"{attachment_id} is {record.status}: {record.reason}")
    books.problems += _counted_wrong(account, state)
    strangers = records.keys() - books.sent.keys()
    if strangers:
        books.problems.append(f"nobody was told of {sorted(strangers)}")


def _counted_wrong(account: Account, state: State) -> list[str]:
    """The usage report against a recount of the records, once the stream has been heard to its end.

    What the sweep of this process changed, the stack's own stream tells too.
    """
    counters = Counters(account.dynamodb, account.settings.counters_table)
    expected: dict[str, Counter[Kind]] = {"files": Counter(), "bytes": Counter()}
    for record in state.records:
        kind = Kind(record.file_type, record.status)
        expected["files"][kind] += 1
        expected["bytes"][kind] += record.file_size

    def counted() -> dict[str, Counter[Kind]]:
        total, _ = counters.tally(date.min, date.min)
        return {"files": total.files, "bytes": total.bytes}

    found = eventually(counted, lambda seen: seen == expected, within_s=DRAINED_WITHIN_S)
    return [] if found == expected else [f"usage is {found}, a recount {expected}"]
