"""Webhooks of a stack that has a URL for them: from the upload to the receiver, and once more."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from deployment import redrive, stacks
from deployment.doctor import webhooks
from deployment.doctor.__main__ import examine
from deployment.doctor.checks import State
from deployment.receive_webhooks import secrets_of
from functions.deliver_webhooks.addresses import addresses_of
from functions.deliver_webhooks.app import WAITS_S
from tests.event_schemas import broken
from tests.stack.breaking import another_secret, setting, trigger_off
from tests.stack.client import ROOT, Json, Stack, eventually, note
from tests.stack.running import running
from tests.webhooks import Inbox, receiving


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with receiving() as inbox:
        yield inbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("webhooks")


@pytest.fixture(scope="module")
def telling(folder: Path, inbox: Inbox) -> Iterator[Stack]:
    """A stack that posts to the inbox."""
    with running(folder, "--parameter", f"WebhookUrl={inbox.url}") as stack:
        yield stack


@pytest.fixture
def secret(telling: Stack, folder: Path) -> str:
    assert telling
    [secret] = secrets_of(stacks.of(str(folder / "stack.json")))
    return secret


def about(inbox: Inbox, attachment_id: str, secret: str) -> list[Json]:
    """The verified events of an attachment, each as often as it came."""
    found = [delivery.verified(secret) for delivery in inbox.deliveries]
    return [event for event in found if event["data"]["id"] == attachment_id]


def test_the_receiver_hears_of_an_upload_and_of_its_deletion(
    telling: Stack, inbox: Inbox, secret: str
) -> None:
    record = telling.sender.upload(telling.message(), note())
    [ready] = eventually(lambda: about(inbox, record["id"], secret))
    assert telling.sender.delete(f"/attachments/{record['id']}/").status_code == 200
    told = eventually(lambda: about(inbox, record["id"], secret), lambda seen: len(seen) > 1)
    assert [event["type"] for event in told] == ["attachment.ready", "attachment.deleted"]
    assert ready["data"]["file_size"] == record["file_size"]
    assert [broken(event) for event in told] == [[], []]


def test_what_is_not_taken_comes_again_with_the_same_id(
    telling: Stack, inbox: Inbox, secret: str
) -> None:
    inbox.statuses = [503]
    record = telling.sender.upload(telling.message(), note())
    eventually(lambda: about(inbox, record["id"], secret))
    [first, second] = eventually(
        lambda: about(inbox, record["id"], secret), lambda seen: len(seen) > 1
    )
    assert first == second
    sent = [
        int(delivery.headers["webhook-timestamp"])
        for delivery in inbox.deliveries
        if delivery.headers["webhook-id"] == first["id"]
    ]
    assert sent[1] - sent[0] >= WAITS_S[0] - 1


def test_a_dead_letter_is_posted_after_a_redrive(
    telling: Stack, inbox: Inbox, secret: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = stacks.of(str(folder / "stack.json"))
    event = json.loads((ROOT / "events" / "deliver_webhooks.json").read_text())
    envelope = event["Records"][0]["body"]
    detail = json.loads(envelope)["detail"]
    stack.client("sqs").send_message(
        QueueUrl=stack.output("WebhooksDeadLetters"), MessageBody=envelope
    )
    description = str(folder / "stack.json")
    assert redrive.main([description, "--webhooks", "--count"]) == 0
    assert redrive.main([description, "--webhooks"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "About 1 dead letters.",
        "1 dead letters are on their way to the receiver.",
    ]
    assert eventually(lambda: about(inbox, detail["data"]["id"], secret)) == [detail]


def test_a_stack_without_a_url_keeps_its_queue_empty_and_unread(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("silent")
    with running(folder) as silent:
        record = silent.sender.upload(silent.message(), note())
        assert record["status"] == "ready"
        stack = stacks.of(str(folder / "stack.json"))
        queue = stack.output("WebhooksQueue")
        sqs = stack.client("sqs")
        [arn] = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ].values()
        [mapping] = stack.client("lambda").list_event_source_mappings(EventSourceArn=arn)[
            "EventSourceMappings"
        ]
        assert mapping["State"] == "Disabled"
        assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)
        with pytest.raises(stacks.UnknownStackError, match="WebhookSecret"):
            secrets_of(stack)


# ---------------------------------------------------------------- make doctor


@contextmanager
def rule_off(stack: stacks.Stack) -> Iterator[None]:
    rule = {"Name": stack.resource("TellWebhooks"), "EventBusName": stack.output("EventBus")}
    stack.client("events").disable_rule(**rule)
    try:
        yield
    finally:
        stack.client("events").enable_rule(**rule)


@contextmanager
def no_target(stack: stacks.Stack) -> Iterator[None]:
    events = stack.client("events")
    rule = {"Rule": stack.resource("TellWebhooks"), "EventBusName": stack.output("EventBus")}
    known = events.list_targets_by_rule(**rule)["Targets"]
    events.remove_targets(**rule, Ids=[target["Id"] for target in known])
    try:
        yield
    finally:
        events.put_targets(**rule, Targets=known)


@contextmanager
def no_address(stack: stacks.Stack) -> Iterator[None]:
    assert stack.local
    with pytest.MonkeyPatch.context() as patched:
        private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]
        patched.setattr(webhooks, "addresses_of", partial(_among, private))
        yield


def _among(answers: list[Any], host: str, port: int, *, allow_loopback: bool) -> list[str]:
    with patch.object(socket, "getaddrinfo", lambda *_, **__: answers):
        return addresses_of(host, port, allow_loopback=allow_loopback)


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (
            partial(
                setting, functions=("DeliverWebhooks",), WEBHOOK_URL="https://elsewhere.example/"
            ),
            "Webhooks go to https://elsewhere.example/, and WebhookUrl is http://127",
        ),
        (rule_off, "The rule TellWebhooks is disabled"),
        (no_target, "does not lead to the webhooks' queue"),
        (partial(trigger_off, queue="WebhooksQueue"), "Nobody reads the webhooks' queue"),
        (
            partial(another_secret, name="WebhookSecret", value="whsec_QUJD"),
            "has 3 bytes, not 24 to 64. No webhook can be signed.",
        ),
        (no_address, "cannot be posted to 127.0.0.1: its address is not public"),
    ],
)
def test_the_doctor_says_what_of_webhooks_is_broken(
    telling: Stack, folder: Path, breaks: Callable[..., Any], says: str
) -> None:
    assert telling
    stack = stacks.of(str(folder / "stack.json"))
    with breaks(stack):
        [verdict] = examine(stack, only="webhooks")
        assert verdict.state is State.WRONG
        assert says in verdict.says
    [verdict] = examine(stack, only="webhooks")
    assert verdict.says == "they go to 127.0.0.1, at 127.0.0.1"


# ---------------------------------------------------------------- make webhook-receiver


def test_the_test_receiver_verifies_and_shows_each(tmp_path: Path) -> None:
    said, shown = tmp_path / "said", tmp_path / "shown"
    folder = tmp_path / "stack"
    folder.mkdir()
    with said.open("wb") as err, shown.open("wb") as out:
        receiver = subprocess.Popen(
            [sys.executable, "-m", "deployment.receive_webhooks", str(folder / "stack.json"),
             "--port", "0", "--refuse", "1"],
            cwd=ROOT,
            stdout=out,
            stderr=err,
        )  # fmt: skip
    try:
        line = eventually(lambda: next(iter(said.read_text().splitlines()), ""))
        url = line.split()[4]
        with running(folder, "--parameter", f"WebhookUrl={url}") as stack:
            record = stack.sender.upload(stack.message(), note())
            taken = eventually(shown.read_text)
            forged = {
                "webhook-id": "1",
                "webhook-timestamp": str(int(time.time())),
                "webhook-signature": "v1,AAAA",
            }
            assert httpx.post(url, content=b"{}", headers=forged).status_code == 401
        for part in ("ready", record["id"], f"by {stack.sender.id}", "text/plain"):
            assert part in taken
        assert record["id"] in said.read_text()
        assert "refused with 503, comes again" in said.read_text()
        assert "does not verify" in said.read_text()
    finally:
        receiver.send_signal(signal.SIGINT)
        assert receiver.wait(timeout=30) == 0
