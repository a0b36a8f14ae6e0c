"""The dashboard's files as the local stack serves them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.cors import CorsRule
from local.http_api import HttpApi, Throttle
from local.lambda_client import LambdaClient
from local.pages import DEMO, Dashboard, security_headers
from local.template import TemplateError, load
from tests.local.probe_functions.background import Background

ROOT = Path(__file__).parents[2]
FILES = "http://127.0.0.1:9"
DESCRIPTION = {
    "tokens": {user: f"{user}'s" for user in ("sender", "stranger", "participant", "admin")}
    | {"service": "the chat backend's"},
    "conversation_id": "a conversation",
    "message_id": "a message",
    "aws": {"secret_access_key": "secret"},
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("built")
    (folder / "secret.json").write_text("{}")
    built = folder / "dashboard"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html>")
    (built / "icon.svg").write_text("<svg/>")
    (built / "notes.txt").write_text("not a page")
    (built / "assets" / "index-abc.js").write_text("export {}")
    headers = security_headers(load(ROOT / "template.yaml"), api="'self'", files=FILES)
    dashboard = Dashboard(built, headers, lambda: DESCRIPTION)
    cors = CorsRule(origins=(), methods=(), headers=(), exposed=(), max_age_s=0)
    with Background() as background:
        functions = background.entered(LambdaClient.connected(FILES))
        with functions as client:
            api = HttpApi((), cors, client, Throttle(100, 100), pages=(dashboard,))
            with (
                background.entered(api.serving()) as address,
                httpx.Client(base_url=address) as browser,
            ):
                yield browser


@pytest.mark.parametrize(
    ("path", "media_type", "caching"),
    [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/icon.svg", "image/svg+xml", "no-cache"),
        ("/config.json", "application/json; charset=utf-8", "no-store"),
        (
            "/assets/index-abc.js",
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
    ],
)
def test_a_file_has_its_type_its_caching_and_the_security_headers(
    page: httpx.Client, path: str, media_type: str, caching: str
) -> None:
    answer = page.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == caching
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_the_page_may_load_and_ask_only_what_it_needs(page: httpx.Client) -> None:
    policy = page.get("/").headers["content-security-policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == ["'self'"]
    assert set(rules["connect-src"]) == {"'self'", FILES}
    assert rules["media-src"] == [FILES]
    assert rules["frame-ancestors"] == rules["base-uri"] == ["'none'"]
    assert "unsafe" not in policy
    assert "$" not in policy


@pytest.mark.parametrize(
    "path",
    [
        "/nothing.html",
        "/notes.txt",
        "/assets",
        "/..%2fsecret.json",
        "/%2e%2e/secret.json",
        "/%00.html",
    ],
)
def test_what_is_no_file_of_the_dashboard_is_left_to_the_api(page: httpx.Client, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"message": "Not Found"}


def test_the_demo_users_are_offered_without_the_service_and_without_keys(
    page: httpx.Client,
) -> None:
    assert page.get("/config.json").json()["demo"] == DEMO
    offered = page.get(f"/{DEMO}")
    assert offered.headers["cache-control"] == "no-store"
    assert set(offered.json()) == {"tokens", "conversation_id", "message_id"}
    assert set(offered.json()["tokens"]) == {"sender", "participant", "stranger", "admin"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_the_demo_users_are_not_for_another_site(
    page: httpx.Client, headers: dict[str, str]
) -> None:
    assert page.get(f"/{DEMO}", headers=headers).status_code == 404


def test_a_template_without_the_headers_is_told() -> None:
    with pytest.raises(TemplateError, match="DashboardHeaders"):
        security_headers({"Resources": {}}, api="'self'", files=FILES)
