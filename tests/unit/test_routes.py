"""The paths that the functions answer are those of the one table."""

import re

import pytest

from attachments.http_edge import HttpEdge
from attachments.routes import ROUTES, methods_of
from functions.issue_upload.app import app as issue_upload
from functions.report.app import app as report
from functions.serve_attachments.app import app as serve_attachments
from functions.sync_chat.app import app as sync_chat

DOORS = {
    "issue_upload": issue_upload,
    "serve_attachments": serve_attachments,
    "sync_chat": sync_chat,
    "report": report,
}


def registered(app: HttpEdge) -> set[tuple[str, str]]:
    """What the app says of itself in its OpenAPI description."""
    paths = app.get_openapi_schema(title="t", version="1").paths or {}
    return {
        (method.upper(), re.sub(r"\{(\w+)\}", r"<\1>", path))
        for path, item in paths.items()
        for method in ("get", "put", "post", "delete", "options", "head", "patch", "trace")
        if getattr(item, method) is not None
    }


@pytest.mark.parametrize("function", list(DOORS))
def test_a_function_answers_exactly_its_routes(function: str) -> None:
    declared = {(route.method, route.path) for route in ROUTES if route.function == function}
    assert registered(DOORS[function]) == declared


def test_every_route_is_some_functions() -> None:
    assert {route.function for route in ROUTES} == set(DOORS)


def test_no_route_stands_twice_or_ends_in_a_slash() -> None:
    pairs = [(route.method, route.path) for route in ROUTES]
    assert len(pairs) == len(set(pairs))
    assert not [path for _, path in pairs if path.endswith("/")]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/chat/upload", ("POST",)),
        ("/api/chat/attachments", ("GET",)),
        ("/api/chat/attachments/x", ("DELETE", "GET")),
        ("/api/chat/attachments/x/download", ("GET",)),
        ("/api/chat/attachments/x/sign", ("POST",)),
        ("/api/chat/attachments/x/copy", ("POST",)),
        ("/api/chat/conversations/x", ("DELETE", "PUT")),
        ("/api/chat/attachments/x/y", ()),
        ("/api/chat/upload/x", ()),
        ("/api/chat/uploadx", ()),
        ("/", ()),
    ],
)
def test_a_path_knows_its_methods(path: str, methods: tuple[str, ...]) -> None:
    assert methods_of(path) == methods
