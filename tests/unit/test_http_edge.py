"""The HTTP edge: tokens, paths, methods and the headers of every answer."""

from typing import Any

import pytest

from attachments.ids import new_id
from attachments.routes import ROUTES
from tests.builders import CONVERSATION, MESSAGE, SENDER, SERVICE, STRANGER
from tests.conftest import KeyServer
from tests.doors import DOORS, Doors, token
from tests.unit.problems import UPLOAD, problem

ROUTE_IDS = [f"{route.method} {route.path}" for route in ROUTES]
EVERY_ROUTE = pytest.mark.parametrize("route", ROUTES, ids=ROUTE_IDS)


def path_of(template: str) -> str:
    return template.replace("<", "").replace(">", "")


# ---------------------------------------------------------------- tokens


@EVERY_ROUTE
def test_without_a_token_every_route_answers_401(doors: Doors, route: Any) -> None:
    answer = doors.call(route.function, route.method, path_of(route.path), caller=None)
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer ", "Bearer x.y.z", f"Bearer {token(SENDER, exp=1)}", f"Basic {token(SENDER)}",
     f"Bearer {token(SENDER)},Bearer {token(SENDER)}"],
    ids=["empty", "nothing", "garbage", "expired", "basic", "doubled"],
)  # fmt: skip
def test_a_bad_token_is_answered_401(doors: Doors, authorization: str) -> None:
    headers = {"authorization": authorization}
    answer = doors.call("issue_upload", "POST", "/api/chat/upload/", body=UPLOAD, headers=headers)
    problem(answer, 401, "unauthenticated")


def test_a_key_server_that_is_down_is_answered_503(doors: Doors, key_server: KeyServer) -> None:
    key_server.status = 500
    answer = doors.call("issue_upload", "POST", "/api/chat/upload/", body=UPLOAD)
    problem(answer, 503, "keys-unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert not doors.world.catalog.records


@EVERY_ROUTE
def test_users_and_the_service_have_routes_of_their_own(doors: Doors, route: Any) -> None:
    other = SENDER if route.function == "sync_chat" else SERVICE
    answer = doors.call(route.function, route.method, path_of(route.path), caller=other)
    problem(answer, 403, "forbidden")


# ---------------------------------------------------------------- paths and methods


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_path_works_with_and_without_its_slash(doors: Doors, slash: str) -> None:
    answer = doors.call("issue_upload", "POST", f"/api/chat/videos/upload{slash}", body=UPLOAD)
    assert answer.status == 201, answer.body


@pytest.mark.parametrize("function", list(DOORS))
@pytest.mark.parametrize("path", ["/", "/api/chat", "/api/chat/nothing/", "/admin"])
def test_an_unknown_path_is_answered_404(doors: Doors, function: str, path: str) -> None:
    caller = SERVICE if function == "sync_chat" else SENDER
    answer = doors.call(function, "GET", path, caller=caller)
    body = problem(answer, 404, "not-found")
    assert body["detail"] == "There is no such path."


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        ("/api/chat/upload/", "GET", "POST"),
        ("/api/chat/attachments/", "POST", "GET"),
        ("/api/chat/attachments/some-id/", "PATCH", "DELETE, GET"),
        ("/api/chat/attachments/some-id/download/", "DELETE", "GET"),
        ("/api/chat/attachments/some-id/", "HEAD", "DELETE, GET"),
    ],
)
def test_another_method_is_answered_405_with_those_that_are_known(
    doors: Doors, path: str, method: str, allow: str
) -> None:
    answer = doors.call("serve_attachments", method, path)
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == allow


def test_a_preflight_needs_no_token(doors: Doors) -> None:
    for function in DOORS:
        answer = doors.call(function, "OPTIONS", "/api/chat/upload/", caller=None)
        assert (answer.status, answer.body) == (204, "")


@pytest.mark.parametrize(
    "attachment_id", ["nope", 'a"b', "a#b", "é", "%2e%2e", "0" * 500, "\u202e", "..", "a\nb"]
)
def test_an_id_that_is_none_is_answered_as_one_that_is_unknown(
    doors: Doors, attachment_id: str
) -> None:
    def said(attachment_id: str) -> dict[str, Any]:
        path = f"/api/chat/attachments/{attachment_id}/"
        body = problem(doors.call("serve_attachments", "GET", path), 404, "not-found")
        return {name: value for name, value in body.items() if name != "request_id"}

    assert said(attachment_id) == said(new_id())


def test_a_stranger_gets_the_same_bytes_for_what_exists_and_what_does_not(doors: Doors) -> None:
    attachment = doors.world.add()
    shapes = [
        ("GET", "/api/chat/attachments/{}/", attachment.id),
        ("DELETE", "/api/chat/attachments/{}/", attachment.id),
        ("GET", "/api/chat/attachments/{}/download/", attachment.id),
        ("GET", "/api/chat/videos/{}/download/", attachment.id),
        ("GET", "/api/chat/messages/{}/attachments/", MESSAGE),
        ("GET", "/api/chat/conversations/{}/attachments/", CONVERSATION),
    ]
    for method, path, known in shapes:
        answers = [
            doors.call("serve_attachments", method, path.format(each), caller=STRANGER)
            for each in (known, new_id())
        ]
        texts = {answer.body.replace(answer.request_id, "") for answer in answers}
        assert len(texts) == 1, path
        assert known not in texts.pop()
        assert {answer.status for answer in answers} == {404}


def test_header_names_may_come_in_any_case(doors: Doors) -> None:
    headers = {
        "Authorization": f"Bearer {token(SENDER)}",
        "Content-Type": "Application/JSON; Charset=UTF-8",
        "Idempotency-Key": "k",
    }
    first, second = (
        doors.call(
            "issue_upload",
            "POST",
            "/api/chat/upload/",
            caller=None,
            content_type=None,
            headers=headers,
            body=UPLOAD,
        )
        for _ in range(2)
    )
    assert (first.status, second.status) == (201, 201), first.body
    assert first.json["id"] == second.json["id"]


def test_every_answer_keeps_browsers_and_caches_in_bounds(doors: Doors) -> None:
    for answer in (
        doors.call("issue_upload", "POST", "/api/chat/upload/", body=UPLOAD),
        doors.call("issue_upload", "POST", "/api/chat/upload/", body="{"),
        doors.call("issue_upload", "POST", "/api/chat/upload/", caller=None),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["X-Request-Id"] == answer.request_id
