"""Every view: nothing serious for axe, no wider than a phone, and a small first load."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.stack.client import ROOT, Stack

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "is_mobile": True,
    "has_touch": True,
}
WINDOW: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}


@pytest.fixture(scope="module")
def axe(dashboard_files: Path) -> str:
    """axe-core, from the packages that the build has installed."""
    return (ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js").read_text()


def breaches(visitor: Visitor, axe: str) -> list[dict[str, Any]]:
    """What axe finds serious or critical in what is shown now (WCAG 2.2, level AA)."""
    visitor.page.evaluate(axe)
    result = visitor.page.evaluate(
        "() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })"
    )
    return [
        {"rule": found["id"], "at": [node["target"] for node in found["nodes"]]}
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
    ]


def views(shared: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Places, and what is on screen there when all is loaded."""
    yield "#/open", "h1"
    yield f"#/conversations/{shared['conversation']}", ".card >> nth=1"
    yield f"#/conversations/{shared['conversation']}?type=audio", "text=Nothing here"
    yield f"#/messages/{shared['message']}?open={shared['video']}", ".facts"
    yield "#/everything", ".card >> nth=1"
    yield "#/activity", "tr[data-action] >> nth=1"
    yield "#/usage", "tr[data-type]"
    yield "#/conversations/nothing", "[role=alert] h2"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [WINDOW, PHONE], ids=["window", "phone"])
def test_axe_finds_nothing_serious(
    visit: Visit, shared: dict[str, str], axe: str, scheme: str, screen: dict[str, Any]
) -> None:
    admin = visit("admin", "#/open", color_scheme=scheme, reduced_motion="reduce", **screen)
    found = {}
    for place, shown in views(shared):
        admin.go(place)
        admin.page.locator(shown).first.wait_for()
        found[place] = breaches(admin, axe)
    admin.go(f"#/messages/{shared['message']}")
    admin.page.get_by_role("button", name="Send files").click()
    admin.page.locator(".uppy-Dashboard-AddFiles").wait_for()
    found["sending"] = breaches(admin, axe)
    admin.page.get_by_role("button", name="Sign out").click()
    admin.page.get_by_role("heading", name="OffChat Attachments").wait_for()
    found["sign-in"] = breaches(admin, axe)
    assert {place: breaches for place, breaches in found.items() if breaches} == {}


def test_on_a_phone_nothing_is_wider_than_the_screen(visit: Visit, shared: dict[str, str]) -> None:
    admin = visit("admin", "#/open", **PHONE)
    widths = {}
    for place, shown in views(shared):
        admin.go(place)
        admin.page.locator(shown).first.wait_for()
        widths[place] = admin.page.evaluate("document.documentElement.scrollWidth")
    assert {place for place, width in widths.items() if width > PHONE["viewport"]["width"]} == set()


def test_the_first_load_is_small(visit: Visit, stack: Stack, shared: dict[str, str]) -> None:
    """At most 250 KB of compressed script; Uppy comes when somebody sends files."""
    sender = visit("sender", f"#/conversations/{shared['conversation']}")
    sender.page.locator(".card").first.wait_for()
    scripts = sender.page.evaluate(
        """() => performance.getEntriesByType('resource')
            .map((entry) => new URL(entry.name).pathname)
            .filter((path) => path.endsWith('.js'))"""
    )
    files = [path.rpartition("/")[2] for path in scripts]
    assert files
    assert not [name for name in files if name.startswith("engine")]
    page = stack.description["dashboard"]
    contents = [httpx.get(f"{page}assets/{name}").content for name in set(files)]
    compressed = sum(len(gzip.compress(content)) for content in contents)
    print(f"first load: {compressed / 1024:.1f} KB of compressed script")
    assert compressed <= 250 * 1024
