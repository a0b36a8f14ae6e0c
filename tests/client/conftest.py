"""What the client is tried on: the service in memory, and the local stack."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from offchat_attachments import Client
from offchat_attachments.testing import FakeService
from tests.stack.client import Stack
from tests.stack.running import running

PART_BYTES = 5 * 2**20  # S3 takes no smaller one


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A local stack of these tests."""
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def message(service: FakeService) -> str:
    """A message of alice to bob, in memory."""
    return service.message("alice", service.conversation("alice", "bob"))


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text("Bring the tent.\n")
    return path


@dataclass
class Line(httpx.BaseTransport):
    """The network between a client and a service: what goes over it, and what goes wrong.

    `before` may raise instead of sending a request, or answer it; `after` may lose its answer.
    """

    service: httpx.BaseTransport
    before: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
    after: Callable[[httpx.Request], None] = lambda _: None
    sent: list[str] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        answer = self.before(request)
        if answer is not None:
            return answer
        self.sent.append(f"{request.method} {request.url.path}?{request.url.query.decode()}")
        answer = self.service.handle_request(request)
        self.after(request)
        return answer

    def count(self, method: str, text: str) -> int:
        """How many requests of a method went through with this text in their target."""
        return sum(line.startswith(method) and text in line for line in self.sent)


@dataclass(frozen=True)
class Place:
    """A service with two users in conversations, a stranger and an admin."""

    client: Callable[[str], Client]
    conversation: Callable[[], str]
    message: Callable[[str], str]
    garbage_is_refused: Callable[[], None]  # tells the fake what a real inspection finds


def in_memory() -> Place:
    service = FakeService()

    def refuse() -> None:
        service.rejection = "This is not a video."

    def client(user: str) -> Client:
        if user == "nobody":
            return Client(service.address, user, transport=service)
        return service.client(user, admin=user == "admin", parts_above_bytes=PART_BYTES)

    return Place(
        client,
        lambda: service.conversation("sender", "participant"),
        lambda conversation: service.message("sender", conversation),
        refuse,
    )


def on_stack(stack: Stack) -> Place:
    def client(user: str) -> Client:
        token = stack.description["tokens"].get(user, user)
        return Client(stack.api, token, parts_above_bytes=PART_BYTES)

    return Place(client, stack.conversation, stack.message, lambda: None)


@pytest.fixture(params=["memory", "stack"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "memory":
        return in_memory()
    return on_stack(request.getfixturevalue("stack"))
