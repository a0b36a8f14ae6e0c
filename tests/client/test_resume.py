"""Uploads that were interrupted, and files that do not stay the same."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from offchat_attachments import (
    Attachment,
    Client,
    FileChangedError,
    FileError,
    FileJournal,
    NetworkError,
    Status,
    StillPendingError,
    StorageError,
)
from offchat_attachments.testing import FakeService
from tests.client.conftest import Line

PART = 1000
PARTS = 9


class KilledError(Exception):
    """The process ended here."""


@dataclass
class Phone:
    """Somebody's device: its file, its journal, and a network that can end the process."""

    service: FakeService
    message: str
    file: Path
    journal: Path

    def __post_init__(self) -> None:
        self.token = self.service.token("alice")

    def client(self, line: httpx.BaseTransport) -> Client:
        """A client of a new process."""
        return Client(
            self.service.address,
            self.token,
            journal=FileJournal(self.journal),
            parts_above_bytes=PART,
            transport=line,
            pause=lambda _: None,
        )

    def upload(self, line: httpx.BaseTransport, **options: Any) -> Attachment:
        with self.client(line) as client:
            return client.upload(self.file, message_id=self.message, **options)

    def killed(self, *, at: int, losing_the_answer: bool = False) -> Line:
        """Upload until the process ends, at its n-th request or at the answer to it."""
        number = count(1)

        def end(_: httpx.Request) -> None:
            if next(number) >= at:
                raise KilledError

        line = Line(self.service, after=end) if losing_the_answer else Line(self.service, end)
        with pytest.raises(KilledError):
            self.upload(line)
        return line


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    service = FakeService(part_size=PART)
    file = tmp_path / "holiday.mp4"
    file.write_bytes(b"".join(bytes([number]) * PART for number in range(1, PARTS)) + b"rest")
    message = service.message("alice", service.conversation("alice", "bob"))
    return Phone(service, message, file, tmp_path / "state")


def parts_in(line: Line) -> int:
    return line.count("PUT", "partNumber")


def stored(phone: Phone) -> list[bytes]:
    return list(phone.service.bucket.objects.values())


# Reserving, creating, a signature and a PUT for each part, completing, and asking the record.
REQUESTS = range(1, 3 + 2 * PARTS + 4)


@pytest.mark.parametrize("at", REQUESTS)
@pytest.mark.parametrize("losing_the_answer", [False, True], ids=["before", "after"])
def test_a_killed_upload_goes_on_where_it_ended(
    phone: Phone, at: int, losing_the_answer: bool
) -> None:
    first = phone.killed(at=at, losing_the_answer=losing_the_answer)
    again = Line(phone.service)
    sent = phone.upload(again)
    assert sent.status is Status.READY
    assert stored(phone) == [phone.file.read_bytes()]
    # What was on its way at the kill is sent again, at most one part a connection.
    assert PARTS <= parts_in(first) + parts_in(again) <= PARTS + 4
    with phone.service.client("bob") as bob:
        assert [found.id for found in bob.of_message(phone.message)] == [sent.id]
    assert list(phone.journal.iterdir()) == []


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("losing_the_answer", [False, True], ids=["before", "after"])
def test_a_killed_small_upload_makes_no_second_attachment(
    phone: Phone, at: int, losing_the_answer: bool
) -> None:
    phone.file.write_bytes(b"small")
    phone.killed(at=at, losing_the_answer=losing_the_answer)
    sent = phone.upload(phone.service)
    with phone.service.client("bob") as bob:
        assert [found.id for found in bob.of_message(phone.message)] == [sent.id]


def test_a_network_that_goes_is_told_and_the_next_call_goes_on(phone: Phone) -> None:
    number = count(1)

    def go(_: httpx.Request) -> None:
        if 8 <= next(number) < 99:
            raise httpx.ConnectError("no network")

    line = Line(phone.service, before=go)
    with phone.client(line) as client:
        with pytest.raises(NetworkError) as raised:
            client.upload(phone.file, message_id=phone.message)
        assert raised.value.transient
        for _ in range(99):
            next(number)
        sent = client.upload(phone.file, message_id=phone.message)
    assert sent.status is Status.READY
    assert parts_in(line) == PARTS


def test_a_client_without_a_folder_resumes_within_its_process(phone: Phone) -> None:
    number = count(1)

    def refuse(request: httpx.Request) -> httpx.Response | None:
        # By then one of the first four parts is there.
        fifth = b'"partNumber":5' in request.content and next(number) == 1
        return httpx.Response(403, json={}) if fifth else None

    line = Line(phone.service, before=refuse)
    with phone.service.client("alice", transport=line, parts_above_bytes=PART) as client:
        with pytest.raises(Exception, match="403"):
            client.upload(phone.file, message_id=phone.message)
        sent_before = parts_in(line)
        client.upload(phone.file, message_id=phone.message)
    assert sent_before > 0
    assert parts_in(line) == PARTS


def test_a_file_that_changed_meanwhile_begins_anew(phone: Phone) -> None:
    phone.killed(at=12)
    phone.file.write_bytes(bytes(3 * PART))
    again = Line(phone.service)
    phone.upload(again)
    assert stored(phone) == [bytes(3 * PART)]
    assert parts_in(again) == 3


def test_a_file_that_hides_its_change_is_not_mixed_with_its_older_self(phone: Phone) -> None:
    phone.killed(at=12)
    before = phone.file.stat()
    phone.file.write_bytes(bytes(before.st_size))
    os.utime(phone.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    phone.upload(phone.service)
    assert stored(phone) == [bytes(before.st_size)]


@pytest.mark.parametrize("size", [PARTS * PART, 300])
def test_a_file_that_changes_while_it_is_sent_is_told_and_leaves_nothing(
    phone: Phone, size: int
) -> None:
    phone.file.write_bytes(bytes(size))
    number = count(1)

    def change(request: httpx.Request) -> None:
        if request.method == "POST" and next(number) == 1:
            with phone.file.open("ab") as file:
                file.write(b"more")

    with pytest.raises(FileChangedError):
        phone.upload(Line(phone.service, after=change))
    assert stored(phone) == []
    assert phone.service.bucket.uploads == {}
    assert phone.upload(phone.service).file_size == size + 4


def test_an_upload_that_somebody_aborted_begins_anew(phone: Phone) -> None:
    phone.killed(at=12)
    phone.service.bucket.uploads.clear()
    phone.upload(phone.service)
    assert stored(phone) == [phone.file.read_bytes()]


def test_an_upload_that_is_aborted_meanwhile_is_told_and_begins_anew(phone: Phone) -> None:
    number = count(1)

    def abort(_: httpx.Request) -> None:
        if next(number) == 9:
            phone.service.bucket.uploads.clear()

    with pytest.raises(StorageError, match="NoSuchUpload"):
        phone.upload(Line(phone.service, before=abort))
    phone.upload(phone.service)
    assert stored(phone) == [phone.file.read_bytes()]


def test_an_attachment_that_was_deleted_meanwhile_is_made_anew(phone: Phone) -> None:
    phone.killed(at=12)
    with phone.service.client("root", admin=True) as admin:
        [begun] = admin.of_message(phone.message)
        admin.delete(begun.id)
    assert phone.upload(phone.service).id != begun.id


def test_an_answer_lost_at_the_end_is_asked_for(phone: Phone) -> None:
    number = count(1)

    def lose(request: httpx.Request) -> None:
        ends = request.method == "POST" and "uploadId" in str(request.url)
        if ends and next(number) == 1:
            raise httpx.ReadError("the answer is lost")

    line = Line(phone.service, after=lose)
    assert phone.upload(line).status is Status.READY
    assert parts_in(line) == PARTS


def test_a_file_that_waits_for_its_inspection_is_not_sent_again(phone: Phone) -> None:
    phone.service.inspecting = False
    with pytest.raises(StillPendingError) as raised:
        phone.upload(phone.service)
    attachment_id = raised.value.attachment.id
    phone.service.inspect(attachment_id)
    again = Line(phone.service)
    assert phone.upload(again).id == attachment_id
    assert again.count("PUT", "") == 0


def test_a_damaged_part_is_sent_again(phone: Phone) -> None:
    damaged = count(1)

    @dataclass
    class Noise(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            body = request.read()
            if request.method == "PUT" and next(damaged) in (2, 5):
                body = bytes(len(body) - 1) + b"!"
            copy = httpx.Request(request.method, request.url, headers=request.headers, content=body)
            return phone.service.handle_request(copy)

    phone.upload(Noise())
    assert stored(phone) == [phone.file.read_bytes()]


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text(""),
        lambda path: path.write_text("[1, 2]"),
        lambda path: path.write_bytes(b"\xff\x00"),
        lambda path: path.write_text(path.read_text().replace("idempotency_key", "other")),
        lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "begun_at": "x"})),
        lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "begun_at": 0})),
    ],
    ids=["empty", "a list", "no text", "of another version", "of no time", "old"],
)
def test_a_journal_that_does_not_hold_begins_anew(phone: Phone, spoil: Spoil) -> None:
    phone.killed(at=12)
    [path] = phone.journal.iterdir()
    spoil(path)
    assert phone.upload(phone.service).status is Status.READY
    assert list(phone.journal.iterdir()) == []


def test_the_journal_holds_no_secret(phone: Phone) -> None:
    phone.killed(at=12)
    [path] = phone.journal.iterdir()
    assert phone.token not in path.read_text()
    assert "http" not in path.read_text()
    assert phone.journal.stat().st_mode & 0o777 == 0o700


def test_what_others_left_in_the_journal_goes_after_a_day(phone: Phone) -> None:
    phone.journal.mkdir()
    old = phone.journal / "old.json"
    old.write_text("{}")
    os.utime(old, (0, 0))
    phone.upload(phone.service)
    assert not old.exists()


def test_a_journal_that_cannot_be_written_is_told(phone: Phone) -> None:
    phone.journal.write_text("not a folder")
    with pytest.raises(FileError, match="cannot be written"):
        phone.upload(phone.service)
