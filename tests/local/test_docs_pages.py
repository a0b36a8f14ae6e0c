"""The API document as a page: everything that it loads comes from this machine."""

import re
from collections.abc import Iterator

import httpx
import pytest
from aiohttp import web

from local.docs_pages import docs_pages
from local.loopback import serving
from openapi.document import DOCUMENT
from tests.local.probe_functions.background import Background


@pytest.fixture(scope="module")
def site() -> Iterator[httpx.Client]:
    async def answer(request: web.Request) -> web.StreamResponse:
        return await docs_pages(request) or web.Response(status=404)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    with (
        Background() as background,
        background.entered(serving(application)) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client


def test_the_page_and_all_that_it_loads_are_served_here(site: httpx.Client) -> None:
    page = site.get("/docs/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    loaded = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert loaded
    for name in loaded:
        assert ":" not in name
        part = site.get(f"/docs/{name}")
        assert (part.status_code, part.headers["x-content-type-options"]) == (200, "nosniff")


def test_the_page_may_load_and_call_nothing_elsewhere(site: httpx.Client) -> None:
    rules = site.get("/docs/").headers["content-security-policy"].split("; ")
    assert "default-src 'self'" in rules
    assert not [rule for rule in rules if rule.startswith(("script-src", "connect-src"))]


def test_the_document_is_the_committed_one(site: httpx.Client) -> None:
    answer = site.get("/docs/openapi.json")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.text == DOCUMENT.read_text()


def test_the_path_without_its_slash_leads_there(site: httpx.Client) -> None:
    answer = site.get("/docs")
    assert (answer.status_code, answer.headers["location"]) == (302, "/docs/")


@pytest.mark.parametrize("path", ["/", "/docs/other", "/docs/../docs/x", "/docsx"])
def test_other_paths_are_not_its_own(site: httpx.Client, path: str) -> None:
    assert site.get(path).status_code == 404
