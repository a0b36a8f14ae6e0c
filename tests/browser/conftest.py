"""A real Chromium against a running stack that serves the dashboard.

The machine's own browser is driven: `chromium` of the PATH, or the one that CHROMIUM names.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from tests.browser.visitor import Visitor
from tests.stack.client import ROOT, LocalRun, Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Nothing of the browser's own may leave this machine.
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]
Visit = Callable[..., Visitor]


def _missing(what: str) -> NoReturn:
    """Skips the test; in CI nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        _missing("There is no Chromium: apt-get install chromium, or name one in CHROMIUM.")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is missing: `make .venv/browser-ready` installs it.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
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
    with tempfile.TemporaryDirectory() as folder:
        run = LocalRun(
            Path(folder), "--port", "0", "--no-demo", "--dashboard", str(dashboard_files)
        )
        try:
            running = Stack(run.ready())
            yield running
            running.close()
        finally:
            run.interrupt()


@pytest.fixture
def visit(browser: "Browser", stack: Stack) -> Iterator[Visit]:
    """Opens a window for a user. At the end none may have broken the page's own rules."""
    with ExitStack() as windows:
        visitors = []

        def open_window(user: str, place: str = "", **options: Any) -> Visitor:
            context = windows.enter_context(browser.new_context(**options))
            visitor = Visitor(context, stack)
            visitors.append(visitor)
            visitor.sign_in(user, place)
            return visitor

        yield open_window
        for visitor in visitors:
            assert visitor.violations() == []
            assert visitor.errors == []
