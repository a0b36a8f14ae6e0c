"""Requests that fail: which are tried again, when, and what a lost answer means."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import httpx
import pytest

from offchat_attachments import (
    ApiError,
    Client,
    ConfigurationError,
    NetworkError,
    NotFoundError,
    RateLimitedError,
    ServerError,
    Status,
    UnexpectedAnswerError,
)
from offchat_attachments.retrying import ATTEMPTS, LONGEST_PAUSE_S, retry_after_s
from offchat_attachments.testing import FakeService
from tests.client.conftest import Line

Answer = Callable[[], httpx.Response]


def failing(times: int, answer: Answer) -> Callable[[httpx.Request], httpx.Response | None]:
    """Answer the first requests so."""
    number = count(1)
    return lambda _: answer() if next(number) <= times else None


def no_network() -> httpx.Response:
    raise httpx.ConnectError("no network")


def losing(method: str, text: str, times: int = 1) -> Callable[[httpx.Request], None]:
    """Lose the first answers to requests of a method with this text in their target."""
    number = count(1)

    def lose(request: httpx.Request) -> None:
        if request.method == method and text in str(request.url) and next(number) <= times:
            raise httpx.ReadError("the answer is lost")

    return lose


@pytest.mark.parametrize(
    "answer",
    [
        no_network,
        lambda: httpx.Response(429, json={"message": "Too Many Requests"}),
        lambda: httpx.Response(500, json={"message": "Internal Server Error"}),
        lambda: httpx.Response(503, text="<html>try later</html>"),
    ],
    ids=["network", "429", "500", "503"],
)
def test_what_passes_by_itself_is_tried_again(
    service: FakeService, message: str, note: Path, answer: Answer
) -> None:
    pauses: list[float] = []
    line = Line(service, before=failing(2, answer))
    with service.client("alice", transport=line, pause=pauses.append) as client:
        assert client.upload(note, message_id=message).status is Status.READY
    assert len(pauses) == 2
    assert all(0 <= pause <= LONGEST_PAUSE_S for pause in pauses)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (no_network, NetworkError),
        (lambda: httpx.Response(429, json={}), RateLimitedError),
        (lambda: httpx.Response(502), ServerError),
    ],
    ids=["network", "429", "502"],
)
def test_it_gives_up_in_the_end(
    service: FakeService, answer: Answer, error: type[Exception]
) -> None:
    pauses: list[float] = []
    line = Line(service, before=failing(99, answer))
    with (
        service.client("alice", transport=line, pause=pauses.append) as client,
        pytest.raises(error),
    ):
        client.get("some")
    assert len(pauses) == ATTEMPTS - 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 415, 418, 422])
def test_a_refusal_is_final(service: FakeService, status: int) -> None:
    pauses: list[float] = []
    line = Line(service, before=failing(99, lambda: httpx.Response(status, json={"detail": "No."})))
    with (
        service.client("alice", transport=line, pause=pauses.append) as client,
        pytest.raises(ApiError, match=r"No\."),
    ):
        client.get("some")
    assert pauses == []


def test_the_server_says_how_long_to_wait(service: FakeService) -> None:
    pauses: list[float] = []
    answer = httpx.Response(429, headers={"Retry-After": "7"})
    line = Line(service, before=failing(1, lambda: answer))
    with (
        service.client("alice", transport=line, pause=pauses.append) as client,
        pytest.raises(NotFoundError),
    ):
        client.get("some")
    assert pauses == [7.0]


def test_nobody_waits_for_an_hour(service: FakeService) -> None:
    pauses: list[float] = []
    line = Line(
        service, before=failing(1, lambda: httpx.Response(429, headers={"Retry-After": "3600"}))
    )
    with (
        service.client("alice", transport=line, pause=pauses.append) as client,
        pytest.raises(RateLimitedError) as raised,
    ):
        client.get("some")
    assert (pauses, raised.value.retry_after_s) == ([], 3600.0)


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after_s("0") == 0.0
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert (retry_after_s("Wed, 21 Oct 2315 07:28:00 GMT") or 0.0) > 10**9
    for garbage in (None, "", "soon", "-1", "1.5", "\N{SUPERSCRIPT TWO}"):
        assert retry_after_s(garbage) is None


@pytest.mark.parametrize(
    ("method", "text"),
    [("POST", "/upload/"), ("PUT", "bucket.invalid"), ("GET", "/attachments/")],
    ids=["reserving", "sending", "asking"],
)
def test_a_lost_answer_makes_no_second_attachment(
    service: FakeService, message: str, note: Path, method: str, text: str
) -> None:
    line = Line(service, after=losing(method, text))
    with service.client("alice", transport=line) as client:
        sent = client.upload(note, message_id=message)
        assert sent.status is Status.READY
        assert [found.id for found in client.of_message(message)] == [sent.id]
    assert list(service.bucket.objects.values()) == [note.read_bytes()]


def test_an_object_that_is_there_is_not_sent_again(
    service: FakeService, message: str, note: Path
) -> None:
    """The answer to the PUT was lost, and the inspection has not begun: 412 to the second."""
    service.inspecting = False
    line = Line(service, after=losing("PUT", "bucket.invalid"))
    with service.client("alice", transport=line) as client:
        sent = client.upload(note, message_id=message, wait=False)
    assert (line.count("PUT", "uploads"), sent.status) == (2, Status.PENDING)
    service.inspect(sent.id)
    with service.client("bob") as bob:
        assert bob.get(sent.id).status is Status.READY


def test_a_lost_answer_to_a_deletion_is_a_deletion(
    service: FakeService, message: str, note: Path
) -> None:
    line = Line(service, after=losing("DELETE", ""))
    with service.client("alice", transport=line) as client:
        sent = client.upload(note, message_id=message)
        client.delete(sent.id)
        with pytest.raises(NotFoundError):
            client.get(sent.id)


def test_a_lost_answer_to_a_forward_makes_no_second_copy(
    service: FakeService, message: str, note: Path
) -> None:
    line = Line(service, after=losing("POST", "/copy/"))
    other = service.message("alice", service.conversation("alice", "carol"))
    with service.client("alice", transport=line) as client:
        sent = client.upload(note, message_id=message)
        copy = client.forward(sent.id, message_id=other)
        assert [found.id for found in client.of_message(other)] == [copy.id]


def test_a_renewed_token_is_taken(service: FakeService, message: str, note: Path) -> None:
    tokens = [service.token("alice"), service.token("alice")]
    service.revoke(tokens[0])
    asked = iter([tokens[0], *[tokens[1]] * 99])
    with Client(service.address, lambda: next(asked), transport=service) as client:
        assert client.upload(note, message_id=message).status is Status.READY


@pytest.mark.parametrize(
    "body", [b"", b"<html>Please sign in to the hotel</html>", b"[]", b"null", b'{"id": 7}']
)
def test_an_answer_that_is_not_the_services_is_told(service: FakeService, body: bytes) -> None:
    line = Line(service, before=lambda _: httpx.Response(200, content=body))
    with service.client("alice", transport=line) as client:
        for ask in (client.get, client.download_url, lambda some: list(client.of_message(some))):
            with pytest.raises(UnexpectedAnswerError):
                ask("some")


@pytest.mark.parametrize(
    "address",
    ["", "api.example.com", "ftp://api.example.com", "http://api.example.com", "https://a?b=c",
     "http://[::1", "https://"],
)  # fmt: skip
def test_an_address_that_cannot_be_right_is_told(address: str) -> None:
    with pytest.raises(ConfigurationError):
        Client(address, "token")


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "na\N{DIAERESIS}ive"])
def test_a_token_that_cannot_be_one_is_told(service: FakeService, token: str) -> None:
    with (
        Client(service.address, token, transport=service) as client,
        pytest.raises(ConfigurationError),
    ):
        client.get("some")


def test_the_token_never_goes_to_s3(service: FakeService, message: str, note: Path) -> None:
    told: list[httpx.Request] = []
    line = Line(service, after=told.append)
    with service.client("alice", transport=line) as client:
        sent = client.upload(note, message_id=message)
        client.download(sent.id, note.parent / "back.txt")
    to_s3 = [request for request in told if request.url.host == "bucket.invalid"]
    assert len(to_s3) == 2
    assert not any("authorization" in request.headers for request in to_s3)


def test_lists_are_fetched_page_by_page(service: FakeService, message: str, note: Path) -> None:
    line = Line(service)
    with service.client("alice", transport=line) as client:
        ids = [client.upload(note, message_id=message).id for _ in range(120)]
        found = client.of_message(message)
        assert next(found).id == ids[-1]
        assert line.count("GET", "/messages/") == 1
        assert [record.id for record in found] == ids[-2::-1]
    assert line.count("GET", "/messages/") == 3
