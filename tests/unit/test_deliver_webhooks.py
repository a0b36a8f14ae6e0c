"""Webhooks: what is posted, when it comes again, and for how long it is waited."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from standardwebhooks.webhooks import WebhookVerificationError

from attachments import wiring
from functions.deliver_webhooks import app
from functions.deliver_webhooks.receiver import NotTakenError, Receiver
from functions.deliver_webhooks.signing import keys_of
from tests.event_schemas import broken
from tests.webhooks import Delivery, Inbox, receiving

EVENT = json.loads((Path(__file__).parents[2] / "events" / "deliver_webhooks.json").read_text())
SECRET = "whsec_" + "A" * 63 + "B"
OTHER = "C" * 64
ELEVEN = len(app.WAITS_S) + 1


class Secrets:
    """Secrets Manager with one secret; `error` is raised instead."""

    def __init__(self) -> None:
        self.value = SECRET
        self.error: Exception | None = None

    def get_secret_value(self, **_: str) -> dict[str, str]:
        if self.error:
            raise self.error
        return {"SecretString": self.value}


class Queue:
    """SQS as the function uses it: how long each message is hidden."""

    def __init__(self) -> None:
        self.hidden: list[int] = []

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        ReceiptHandle: str,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
    ) -> None:
        assert (QueueUrl, ReceiptHandle) == ("the-queue", EVENT["Records"][0]["receiptHandle"])
        self.hidden.append(VisibilityTimeout)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiving() as inbox:
        yield inbox


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch, inbox: Inbox, secrets: Secrets) -> Iterator[Queue]:
    queue = Queue()
    monkeypatch.setattr(wiring, "sqs", lambda: queue)
    monkeypatch.setattr(wiring, "secrets_manager", lambda: secrets)
    for name, value in {
        "WEBHOOK_URL": f"{inbox.url}hooks?of=attachments",
        "WEBHOOK_SECRET_ARN": "the-secret",
        "WEBHOOKS_QUEUE": "the-queue",
        "WEBHOOKS_TO_LOOPBACK": "yes",
    }.items():
        monkeypatch.setenv(name, value)
    caches = (app.receiver, app.secrets)
    for cache in caches:
        cache.cache_clear()
    yield queue
    for cache in caches:
        cache.cache_clear()


def handle(*, attempt: int = 1) -> bool:
    """Whether the message is done."""
    event = json.loads(json.dumps(EVENT))
    [record] = event["Records"]
    record["attributes"]["ApproximateReceiveCount"] = str(attempt)
    answer = app.handler(event, LambdaContext())
    assert answer in (
        {"batchItemFailures": []},
        {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]},
    )
    return not answer["batchItemFailures"]


# ---------------------------------------------------------------- what is posted


def test_an_event_is_posted_as_it_was_announced_and_verifies(inbox: Inbox, queue: Queue) -> None:
    assert handle()
    [delivery] = inbox.deliveries
    event = delivery.verified(SECRET)
    assert event == json.loads(EVENT["Records"][0]["body"])["detail"]
    assert broken(event) == []
    assert delivery.path == "/hooks?of=attachments"
    assert delivery.headers["webhook-id"] == event["id"]
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["host"] == f"127.0.0.1:{inbox.port}"
    assert queue.hidden == []


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp", "webhook-signature"])
def test_whatever_is_changed_on_the_way_does_not_verify(
    inbox: Inbox, queue: Queue, part: str
) -> None:
    assert handle()
    [delivery] = inbox.deliveries
    if part == "body":
        forged = Delivery("/", delivery.headers, delivery.body.replace(b"ready", b"gone!"))
    else:
        said = delivery.headers[part]
        later = str(int(said) + 1) if said.isdigit() else said[:-4] + "AAA="
        forged = Delivery("/", {**delivery.headers, part: later}, delivery.body)
    with pytest.raises(WebhookVerificationError):
        forged.verified(SECRET)
    assert queue.hidden == []


def test_while_a_secret_is_rotated_both_verify(
    inbox: Inbox, queue: Queue, secrets: Secrets
) -> None:
    secrets.value = f"{SECRET} {OTHER}"
    assert handle()
    [delivery] = inbox.deliveries
    assert delivery.verified(SECRET) == delivery.verified(OTHER)
    assert queue.hidden == []


@pytest.mark.parametrize("secret", ["", "not base64!", "whsec_QUJD", "A" * 100, f"{SECRET} QUJD"])
def test_a_secret_that_signs_nothing_keeps_the_event(
    inbox: Inbox, queue: Queue, secrets: Secrets, secret: str
) -> None:
    with pytest.raises(ValueError, match="secret"):
        keys_of(secret)
    secrets.value = secret
    assert not handle()
    assert (inbox.deliveries, queue.hidden) == ([], [app.WAITS_S[0]])


def test_a_secret_that_cannot_be_read_keeps_the_event(
    inbox: Inbox, queue: Queue, secrets: Secrets
) -> None:
    secrets.error = RuntimeError("throttled")
    assert not handle()
    assert (inbox.deliveries, queue.hidden) == ([], [app.WAITS_S[0]])


# ---------------------------------------------------------------- when it comes again


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_success_is_the_end_of_it(inbox: Inbox, queue: Queue, status: int) -> None:
    inbox.statuses = [status]
    assert handle()
    assert queue.hidden == []


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410, 429, 500, 503])
def test_all_else_comes_again_and_a_redirect_is_not_followed(
    inbox: Inbox, queue: Queue, status: int
) -> None:
    inbox.statuses, inbox.headers = [status], {"Location": f"{inbox.url}elsewhere"}
    assert not handle()
    assert [delivery.path for delivery in inbox.deliveries] == ["/hooks?of=attachments"]
    assert queue.hidden == [app.WAITS_S[0]]
    assert handle(attempt=2)
    first, second = inbox.deliveries
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_the_waits_grow_to_what_sqs_can_hide_and_take_more_than_a_day(
    inbox: Inbox, queue: Queue
) -> None:
    inbox.statuses = [500] * ELEVEN
    for attempt in range(1, ELEVEN + 1):
        assert not handle(attempt=attempt)
    assert queue.hidden == [*app.WAITS_S, app.WAITS_S[-1]]
    assert sorted(queue.hidden) == queue.hidden
    # Twelve hours count from the receipt, and the function may take some of them.
    assert max(queue.hidden) < 12 * 3600 - 180
    assert 24 * 3600 < sum(app.WAITS_S) < 4 * 24 * 3600


@pytest.mark.parametrize(
    ("said", "waits"),
    [("120", 120), ("1", 5), ("999999", 39600), ("9" * 400, 5), ("-5", 5), ("soon", 5), ("²", 5)],
)
def test_a_receiver_may_ask_for_more_time_and_not_for_less(
    inbox: Inbox, queue: Queue, said: str, waits: int
) -> None:
    inbox.statuses, inbox.headers = [503], {"Retry-After": said}
    assert not handle()
    assert queue.hidden == [waits]


def test_a_receiver_that_is_not_there_is_tried_again(inbox: Inbox, queue: Queue) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    app.receiver.cache_clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WEBHOOK_URL", url)
        assert not handle()
    assert queue.hidden == [app.WAITS_S[0]]


def test_what_is_no_event_fails_loudly_and_stays_in_the_queue(queue: Queue) -> None:
    broken_event = json.loads(json.dumps(EVENT))
    broken_event["Records"][0]["body"] = "no event"
    with pytest.raises(ValueError, match="Expecting value"):
        app.handler(broken_event, LambdaContext())
    assert queue.hidden == []


# ---------------------------------------------------------------- a receiver that behaves badly


def drip(handler: BaseHTTPRequestHandler) -> None:
    """An answer of which a byte comes now and then, for ever."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.05)
    except OSError:
        return


def flood(handler: BaseHTTPRequestHandler) -> None:
    """A header without an end."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
        for _ in range(64):
            handler.wfile.write(b"x" * 2**16)
    except OSError:
        return


def babble(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xff what is this?\r\n\r\n")


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def sleep(_: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


@pytest.mark.parametrize(
    ("instead", "says"),
    [
        (drip, "in time"),
        (sleep, "in time"),
        (flood, "as HTTP does"),
        (babble, "as HTTP does"),
        (hang_up, "as HTTP does"),
    ],
)
def test_it_holds_nobody_longer_than_the_deadline(inbox: Inbox, instead: Any, says: str) -> None:
    inbox.instead = instead
    receiver = Receiver(inbox.url, allow_loopback=True, deadline_s=0.5)
    began = time.monotonic()
    with pytest.raises(NotTakenError, match=says):
        receiver.post(b"{}", {})
    assert time.monotonic() - began < 1.4
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for timer in timers:  # one that was cancelled ends at once
        timer.join(0.4)
    assert not [timer for timer in timers if timer.is_alive()]


def test_a_large_body_of_an_answer_is_not_read(inbox: Inbox) -> None:
    written: list[int] = []

    def large(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
            written.extend(handler.wfile.write(b"x" * 1_000_000) for _ in range(1000))
        except OSError:
            return

    inbox.instead = large
    Receiver(inbox.url, allow_loopback=True).post(b"{}", {})
    assert len(written) < 100
