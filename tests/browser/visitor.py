"""Somebody in front of the dashboard: what they do, and what they see."""

import json
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.stack.client import Stack

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, CDPSession, Locator

T = TypeVar("T")
PATIENCE_MS = 60_000  # a busy machine
DRAG_MS = 200  # how long a hand holds files over a place
# Recorded before anything of the page runs; later documents of the tab add to it.
RECORD_VIOLATIONS = """
  addEventListener('securitypolicyviolation', (event) => {
    const known = JSON.parse(sessionStorage.getItem('violations') ?? '[]');
    known.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ''}`);
    sessionStorage.setItem('violations', JSON.stringify(known));
  });
"""


class Visitor:
    """A window of its own, with its own storage, as of a user with a browser of their own."""

    def __init__(self, context: "BrowserContext", stack: Stack) -> None:
        self.stack = stack
        self.errors: list[str] = []
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(RECORD_VIOLATIONS)
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    @cached_property
    def cdp(self) -> "CDPSession":
        """The browser's own tools."""
        return self.page.context.new_cdp_session(self.page)

    def violations(self) -> list[str]:
        """What the Content-Security-Policy refused."""
        found: list[str] = json.loads(
            self.page.evaluate("sessionStorage.getItem('violations') ?? '[]'")
        )
        return found

    def go(self, place: str) -> None:
        """Follow a link to a place of the dashboard: `#/...`."""
        self.page.goto(self.stack.description["dashboard"] + place)

    def sign_in(self, user: str, place: str = "") -> None:
        self.go(place)
        self.page.get_by_role("button", name=f"{user} ").click()
        self.page.get_by_role("button", name="Sign out").wait_for()

    # ------------------------------------------------------------ sending

    def drop(self, *files: Path) -> None:
        """Drag files over the page, which opens a place for them, and drop them there."""
        place = self.page.locator(".uppy-Dashboard-AddFiles")
        until = time.monotonic() + PATIENCE_MS / 1000
        while not place.is_visible():  # a page that is still starting does not look
            assert time.monotonic() < until, "nothing opens where files are dragged"
            self._drag("dragEnter", 400, 300, files)
            self._drag("dragOver", 400, 300, files)
            self.page.wait_for_timeout(DRAG_MS)
        box = place.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self._drag("dragOver", x, y, files)
        self._drag("drop", x, y, files)
        self.page.locator(".uppy-Dashboard-Item").nth(len(files) - 1).wait_for()

    def _drag(self, kind: str, x: float, y: float, files: Sequence[Path]) -> None:
        paths = [str(path) for path in files]
        data = {"items": [], "files": paths, "dragOperationsMask": 1}
        event = {"type": kind, "x": x, "y": y, "data": data}
        self.cdp.send("Input.dispatchDragEvent", event)

    def start(self) -> None:
        self.page.locator(".uppy-StatusBar-actionBtn--upload").click()

    def send(self, *files: Path) -> None:
        """Send files and wait until each is inspected."""
        self.drop(*files)
        self.start()
        for file in files:
            self.card(file.name, "ready").wait_for()

    # ------------------------------------------------------------ looking

    def until(self, look: Callable[[], T], holds: Callable[[T], bool] = bool) -> T:
        """What `look` sees once it holds; after the deadline what it saw last, for an assertion.

        The browser's events arrive meanwhile, which they would not while the test sleeps.
        """
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not holds(seen := look()) and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        return seen

    def card(self, name: str, status: str | None = None) -> "Locator":
        """The card of a file in a gallery, in a status or in any."""
        state = f'[data-status="{status}"]' if status else ""
        return self.page.locator(f".card{state}").filter(has_text=name)

    def open(self, name: str) -> "Locator":
        """The details of a file."""
        self.card(name).get_by_role("link").click()
        details = self.page.get_by_role("dialog", name=name)
        details.locator(".facts").wait_for()
        return details

    def slow_upload(self, bytes_a_second: int) -> None:
        """As over a slow line: what is sent at once nobody can watch."""
        self.network(upload=bytes_a_second)

    def network(self, *, offline: bool = False, upload: int = -1) -> None:
        self.cdp.send(
            "Network.emulateNetworkConditions",
            {
                "offline": offline,
                "latency": 0,
                "downloadThroughput": -1,
                "uploadThroughput": upload,
            },
        )
