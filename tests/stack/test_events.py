"""What other systems hear of a stack, as documented; and that `make events` shows it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deployment import stacks, watch_events
from tests.event_schemas import broken
from tests.stack.client import ROOT, File, Json, Stack, eventually, note


class Ear:
    """What was heard so far, each event as it came."""

    def __init__(self, watch: watch_events.Watch) -> None:
        self._watch = watch
        self.heard: list[Json] = []

    def about(self, attachment_id: str) -> list[Json]:
        """The events of an attachment, in the order of its revisions."""
        self.heard += self._watch.events()
        found = [event["detail"] for event in self.heard]
        found = [detail for detail in found if detail["data"]["id"] == attachment_id]
        return sorted(found, key=lambda detail: int(detail["data"]["revision"]))

    def types(self, attachment_id: str, *, at_least: int) -> list[str]:
        found = eventually(
            lambda: self.about(attachment_id), lambda found: len(ids(found)) >= at_least
        )
        return list({detail["id"]: detail["type"] for detail in found}.values())


def ids(details: list[Json]) -> set[str]:
    return {detail["id"] for detail in details}


@pytest.fixture(scope="module")
def described(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stack's description, for commands; skips the test where it names no bus."""
    if "event_bus" not in stack.description or "endpoint_url" not in stack.aws:
        pytest.skip("stack.json names no `event_bus`, or no `endpoint_url` to listen at.")
    path = tmp_path_factory.mktemp("described") / "stack.json"
    path.write_text(json.dumps(stack.description))
    return path


@pytest.fixture(scope="module")
def ear(described: Path) -> Iterator[Ear]:
    with watch_events.watching(stacks.of(str(described))) as watch:
        yield Ear(watch)


def test_an_upload_is_heard_when_it_is_ready_and_when_it_is_deleted(
    stack: Stack, message: str, conversation: str, ear: Ear
) -> None:
    record = stack.sender.upload(message, note())
    assert ear.types(record["id"], at_least=1) == ["attachment.ready"]
    assert stack.sender.delete(f"/attachments/{record['id']}/").status_code == 200
    assert ear.types(record["id"], at_least=2) == ["attachment.ready", "attachment.deleted"]
    ready, deleted = {detail["id"]: detail for detail in ear.about(record["id"])}.values()
    for event in (ready, deleted):
        assert broken(event) == []
        assert event["data"]["message_id"] == message
        assert event["data"]["conversation_id"] == conversation
        assert event["data"]["uploaded_by"] == stack.sender.id
    assert ready["data"]["file_size"] == record["file_size"]
    assert ready["data"]["uploaded_at"] == record["uploaded_at"]
    assert deleted["data"]["was"] == "ready"


def test_what_is_refused_is_heard_with_its_reason(stack: Stack, message: str, ear: Ear) -> None:
    ticket = stack.sender.send_file(message, File("a.mp4", "video/mp4", b"no video at all"))
    record = stack.sender.settled(ticket["id"])
    assert record["status"] == "rejected"
    assert ear.types(record["id"], at_least=1) == ["attachment.rejected"]
    [event, *_] = ear.about(record["id"])
    assert broken(event) == []
    assert event["data"]["reason"] == record["reason"]


def test_what_goes_with_its_message_is_heard_too(stack: Stack, message: str, ear: Ear) -> None:
    records = [stack.sender.upload(message, note(f"Note {number}.")) for number in range(3)]
    stack.sync("DELETE", f"/messages/{message}/", {"version": 2})
    for record in records:
        assert ear.types(record["id"], at_least=2) == ["attachment.ready", "attachment.deleted"]


# ---------------------------------------------------------------- make events


@contextmanager
def shown(described: Path, folder: Path, *options: str) -> Iterator[Path]:
    """`make events` while the context lasts; what it prints."""
    output, said = folder / "events", folder / "said"
    with output.open("wb") as out, said.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployment.watch_events", str(described), *options],
            cwd=ROOT,
            stdout=out,
            stderr=err,
        )
    try:
        assert eventually(lambda: "Watching" in said.read_text()), said.read_text()
        yield output
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, said.read_text()


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["for people", "for scripts"])
def test_each_event_is_one_line_as_it_happens(
    stack: Stack, message: str, described: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with shown(described, tmp_path, *options) as output:
        record = stack.sender.upload(message, note())

        def line() -> str:
            lines = [each for each in output.read_text().splitlines() if record["id"] in each]
            return lines[0] if lines else ""

        seen = eventually(line)
    if options:
        event = json.loads(seen)
        assert (event["source"], event["detail-type"]) == (
            "offchat.attachments",
            "attachment.ready",
        )
        assert broken(event["detail"]) == []
    else:
        for part in ("ready", f"by {stack.sender.id}", "text/plain", "16 bytes"):
            assert part in seen


def test_a_watcher_leaves_nothing_behind(stack: Stack, described: Path) -> None:
    seen = stacks.of(str(described))

    def left() -> tuple[list[Any], list[Any]]:
        rules = seen.client("events").list_rules(
            EventBusName=seen.output("EventBus"), NamePrefix="watch-"
        )["Rules"]
        queues = seen.client("sqs").list_queues(QueueNamePrefix="watch-").get("QueueUrls", [])
        return [rule["Name"] for rule in rules], queues

    before = left()
    with watch_events.watching(seen):
        assert len(left()[0]) == len(before[0]) + 1
    assert left() == before


def test_a_stack_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "deployment.watch_events", str(tmp_path / "stack.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("No local stack is running")
