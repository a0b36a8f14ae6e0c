"""The stack that the tests drive: the one that STACK names, else one of their own."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stack.client import File, Json, Stack, note, sample
from tests.stack.running import running

MIME_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "ogg": "video/ogg",
    "avi": "video/x-msvideo",
}
Clip = Callable[..., File]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise: holds for every running stack (make accept)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever drives the stack is a promise."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("promise")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    given = os.environ.get("STACK")
    if given:
        stack = Stack(json.loads(Path(given).read_text()))
        yield stack
        stack.close()
        return
    with running(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def conversation(stack: Stack) -> str:
    """A conversation of sender and participant, of this test alone."""
    return stack.conversation()


@pytest.fixture
def message(stack: Stack, conversation: str) -> str:
    """A message of the sender in it."""
    return stack.message(conversation)


@pytest.fixture(scope="session")
def clip() -> Clip:
    """A sample of a format, as somebody's holiday."""

    def of(extension: str, *, seconds: int = 10) -> File:
        body = sample(extension, seconds=seconds).read_bytes()
        return File(f"holiday.{extension}", MIME_TYPES[extension], body)

    return of


@pytest.fixture(scope="session")
def shared_message(stack: Stack) -> str:
    """A message for tests that only look."""
    return stack.message()


@pytest.fixture(scope="session")
def ready_video(stack: Stack, shared_message: str, clip: Clip) -> Json:
    """A video for tests that only look."""
    return stack.sender.upload(shared_message, clip("mp4", seconds=2))


@pytest.fixture(scope="session")
def ready_note(stack: Stack, shared_message: str) -> Json:
    """A document for tests that only look."""
    return stack.sender.upload(shared_message, note())


@pytest.fixture
def pending_note(stack: Stack, message: str) -> Json:
    """A ticket of the sender that nothing was uploaded for."""
    return stack.sender.ask(message, note())
