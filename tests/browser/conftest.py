"""A real Chromium against a running stack that serves the dashboard."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from tests.browser import chromium
from tests.browser.visitor import Visitor
from tests.stack.client import ROOT, File, Stack, note, sample
from tests.stack.running import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Visit = Callable[..., Visitor]


def _missing(what: str) -> NoReturn:
    """Skips the test; in CI nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    executable = chromium.executable()
    if executable is None:
        _missing(chromium.MISSING)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is missing: `make .venv/browser-ready` installs it.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=chromium.ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def dashboard_files() -> Path:
    built = subprocess.run(
        [sys.executable, str(ROOT / "dashboard" / "build.py")], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.strip())


@pytest.fixture(scope="session")
def stack(dashboard_files: Path) -> Iterator[Stack]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), "--dashboard", str(dashboard_files)) as stack,
    ):
        yield stack


@pytest.fixture(scope="session")
def shared(stack: Stack) -> dict[str, str]:
    """A conversation with a video and a document in it."""
    conversation = stack.conversation()
    message = stack.message(conversation)
    clip = sample("mp4", seconds=2)
    video = stack.sender.upload(message, File(clip.name, "video/mp4", clip.read_bytes()))
    stack.sender.upload(message, note())
    return {"conversation": conversation, "message": message, "video": video["id"]}


@pytest.fixture
def visit(browser: "Browser", stack: Stack) -> Iterator[Visit]:
    """Opens a window, for a user who signs in; at the end none may have broken the page's rules."""
    with ExitStack() as windows:
        visitors = []

        def open_window(user: str | None, place: str = "", **options: Any) -> Visitor:
            context = windows.enter_context(browser.new_context(**options))
            visitor = Visitor(context, stack)
            visitors.append(visitor)
            if user is None:
                visitor.go(place)
            else:
                visitor.sign_in(user, place)
            return visitor

        yield open_window
        for visitor in visitors:
            assert visitor.violations() == []
            assert visitor.errors == []
