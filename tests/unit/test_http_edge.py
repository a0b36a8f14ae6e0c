"""The HTTP edge: tokens, paths, bodies, and errors as problems."""

import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from attachments.errors import (
    AttachmentsError,
    LimitExceededError,
    MessageGoneError,
    MethodNotAllowedError,
    StaleRecordError,
)
from attachments.http_edge import MAX_BODY_BYTES, HttpEdge
from attachments.ids import new_id, utc_now
from attachments.limits import RateLimiter
from attachments.model import Status
from attachments.problems import PROBLEMS, render
from attachments.routes import ROUTES
from attachments.settings import TokenClaim, read_settings
from attachments.tokens import KeySet, TokenVerifier
from tests.builders import (
    ADMIN,
    CONVERSATION,
    MESSAGE,
    PARTICIPANT,
    SENDER,
    SERVICE,
    STRANGER,
    settings_of,
)
from tests.conftest import KeyServer
from tests.doors import DOORS, Answer, Doors, opened, token
from tests.fakes import MemoryGuards, World

UPLOAD = {
    "message_id": MESSAGE,
    "file_name": "holiday.mp4",
    "file_size": 7,
    "mime_type": "video/mp4",
}


@pytest.fixture
def doors(world: World, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    with opened(world, key_server, monkeypatch) as doors:
        yield doors


def problem(answer: Answer, status: int, kind: str) -> dict[str, Any]:
    """The answer's body, after a check that it is a whole problem (RFC 9457)."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["type"] == f"urn:offchat:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"].endswith((".", "}", "`"))
    assert body["request_id"] == answer.request_id == answer.headers["X-Request-Id"]
    assert set(body) <= {"type", "title", "status", "detail", "request_id", "errors"}
    return body


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


# ---------------------------------------------------------------- bodies


def post(doors: Doors, body: Any, **more: Any) -> Answer:
    return doors.call("issue_upload", "POST", "/api/chat/upload/", body=body, **more)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data; boundary=x", "Multipart/Form-Data", "application/x-www-form-urlencoded"],
)
def test_a_form_is_answered_415_with_the_new_flow(doors: Doors, content_type: str) -> None:
    for encoded in (True, False):
        answer = post(doors, "--x--", content_type=content_type, encoded=encoded)
        body = problem(answer, 415, "unsupported-type")
        assert "POST {message_id, file_name, file_size, mime_type}" in body["detail"]
        assert "PUT the bytes" in body["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "video/mp4"])
def test_another_type_is_answered_415(doors: Doors, content_type: str) -> None:
    body = problem(post(doors, UPLOAD, content_type=content_type), 415, "unsupported-type")
    assert "application/json" in body["detail"]


@pytest.mark.parametrize("content_type", [None, "", "application/json", "application/json;a=b"])
@pytest.mark.parametrize("encoded", [True, False])
def test_json_is_taken_as_text_or_as_base64(
    doors: Doors, content_type: str | None, encoded: bool
) -> None:
    answer = post(doors, UPLOAD, content_type=content_type, encoded=encoded)
    assert answer.status == 201, answer.body


def test_a_huge_body_is_answered_413(doors: Doors) -> None:
    just_right = {**UPLOAD, "ignored": ""}
    room = MAX_BODY_BYTES - len(json.dumps(just_right))
    assert post(doors, {**just_right, "ignored": "x" * room}).status == 201
    answer = post(doors, {**just_right, "ignored": "x" * (room + 1)})
    problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "not JSON",
        '{"message_id": }',
        '{"a":' * 50_000,
        "[" * 100_000,
        '{"file_size": ' + "1" * 5000 + "}",
        "\ufeff{}",
    ],
    ids=["cut", "text", "hole", "deep object", "deep list", "long number", "byte order mark"],
)
def test_what_is_no_json_is_answered_400(doors: Doors, body: str) -> None:
    problem(post(doors, body), 400, "malformed-body")


@pytest.mark.parametrize("raw", ["eyc", "/////", "gP8=", "é"])
def test_what_is_no_base64_or_no_text_is_answered_400(doors: Doors, raw: str) -> None:
    answer = post(doors, None, content_type="application/json", raw=raw)
    problem(answer, 400, "malformed-body")


@pytest.mark.parametrize("body", [None, "", "null", "[]", "7", '"text"', json.dumps([UPLOAD])])
def test_a_body_that_is_no_object_is_answered_422(doors: Doors, body: str | None) -> None:
    answer = post(doors, body)
    problem(answer, 422, "invalid-request")
    assert answer.fields == ["body"]


def test_every_wrong_field_of_a_body_is_named(doors: Doors) -> None:
    problem(answer := post(doors, {}), 422, "invalid-request")
    assert answer.fields == ["message_id", "file_name", "file_size", "mime_type"]
    wrong = {
        "message_id": "x",
        "file_name": "",
        "file_size": 0,
        "mime_type": 7,
        "sha256": "x",
    }
    body = problem(answer := post(doors, wrong), 422, "invalid-request")
    assert answer.fields == list(wrong)
    for name in wrong:
        assert name in body["detail"]
    assert all(error["detail"].endswith(".") for error in body["errors"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"file_name": "\\ud800"}', "file_name"),
        ('{"file_size": NaN}', "file_size"),
        ('{"file_size": 1e3}', "file_size"),
        ('{"file_size": true}', "file_size"),
    ],
)
def test_odd_values_are_wrong_fields(doors: Doors, body: str, field: str) -> None:
    others = {name: value for name, value in UPLOAD.items() if name != field}
    answer = post(doors, body[:-1] + "," + json.dumps(others)[1:])
    problem(answer, 422, "invalid-request")
    assert answer.fields == [field]


@pytest.mark.parametrize(
    ("change", "status", "kind", "field"),
    [
        ({"file_size": 100 * 1024 * 1024 + 1}, 413, "too-large", "file_size"),
        ({"file_name": "setup.exe"}, 415, "unsupported-type", "file_name"),
        ({"mime_type": "text/html"}, 415, "unsupported-type", "mime_type"),
        ({"file_name": "..."}, 422, "invalid-request", "file_name"),
        ({"message_id": new_id()}, 404, "not-found", "message_id"),
    ],
)
def test_what_the_rules_refuse_names_its_field_too(
    doors: Doors, change: dict[str, Any], status: int, kind: str, field: str
) -> None:
    body = {**UPLOAD, **change}
    answer = doors.call("issue_upload", "POST", "/api/chat/videos/upload/", body=body)
    problem(answer, status, kind)
    assert answer.fields == [field]


def test_every_wrong_field_of_a_query_is_named(doors: Doors) -> None:
    query = f"limit=0&type=x&from=y&to=z&cursor={'x' * 1025}"
    answer = doors.call(
        "serve_attachments", "GET", "/api/chat/attachments/", caller=ADMIN, query=query
    )
    problem(answer, 422, "invalid-request")
    assert set(answer.fields) == {"limit", "type", "from", "to", "cursor"}
    query = "user=&attachment=&from=x&to=y&limit=101"
    answer = doors.call("report", "GET", "/api/chat/reports/activity/", caller=ADMIN, query=query)
    problem(answer, 422, "invalid-request")
    assert set(answer.fields) == {"user", "attachment", "from", "to", "limit"}


def test_every_wrong_field_of_what_the_chat_tells_is_named(doors: Doors) -> None:
    answer = doors.call(
        "sync_chat",
        "PUT",
        f"/api/chat/conversations/{CONVERSATION}/",
        caller=SERVICE,
        body={"participants": ["ann", ""], "version": -1},
    )
    problem(answer, 422, "invalid-request")
    assert answer.fields == ["participants.1", "version"]
    answer = doors.call(
        "sync_chat", "PUT", "/api/chat/messages/no-id/", caller=SERVICE, body={"version": 1}
    )
    problem(answer, 422, "invalid-request")
    assert answer.fields == ["message_id", "conversation_id", "sender_id"]


@pytest.mark.parametrize("cursor", ["x", "W10", "bm8"])
def test_a_cursor_that_does_not_fit_is_answered_400(doors: Doors, cursor: str) -> None:
    path = f"/api/chat/messages/{MESSAGE}/attachments/"
    answer = doors.call("serve_attachments", "GET", path, query=f"cursor={cursor}")
    problem(answer, 400, "invalid-cursor")
    assert answer.fields == ["cursor"]


# ---------------------------------------------------------------- whole answers


def test_an_upload_is_answered_201_with_its_place(doors: Doors) -> None:
    answer = doors.call("issue_upload", "POST", "/api/chat/videos/upload/", body=UPLOAD)
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Location"] == f"/api/chat/attachments/{answer.json['id']}/"
    assert answer.json["status"] == "pending"
    assert answer.json["upload"]["method"] == "PUT"
    assert doors.world.catalog.get(answer.json["id"]).video_only


def test_an_attachment_that_did_not_change_is_answered_304(doors: Doors) -> None:
    path = f"/api/chat/attachments/{doors.world.add().id}/"
    first = doors.call("serve_attachments", "GET", path, caller=PARTICIPANT)
    assert (first.status, first.json["status"]) == (200, "ready")
    again = doors.call(
        "serve_attachments", "GET", path, headers={"if-none-match": first.headers["ETag"]}
    )
    assert (again.status, again.body, again.headers["ETag"]) == (304, "", first.headers["ETag"])


def test_a_pending_attachment_says_when_to_ask_again(doors: Doors) -> None:
    path = f"/api/chat/attachments/{doors.world.add(Status.PENDING).id}/"
    answer = doors.call("serve_attachments", "GET", path)
    assert answer.headers["Retry-After"] == "1"
    not_ready = doors.call("serve_attachments", "GET", f"{path}download/")
    problem(not_ready, 409, "not-ready")


def test_a_download_and_a_deletion_are_answered_in_full(doors: Doors) -> None:
    attachment = doors.world.add()
    path = f"/api/chat/videos/{attachment.id}/download/"
    download = doors.call("serve_attachments", "GET", path, caller=PARTICIPANT)
    assert set(download.json) == {"id", "url", "thumbnail_url", "expires_at"}
    path = f"/api/chat/attachments/{attachment.id}/"
    problem(doors.call("serve_attachments", "DELETE", path, caller=PARTICIPANT), 403, "forbidden")
    deleted = doors.call("serve_attachments", "DELETE", path)
    assert deleted.status == 200
    assert deleted.json == {"message": "Attachment deleted successfully"}
    problem(doors.call("serve_attachments", "GET", path), 404, "not-found")


def test_lists_are_pages(doors: Doors) -> None:
    made = [doors.world.add().id for _ in range(3)]
    for path, caller in (
        (f"/api/chat/messages/{MESSAGE}/attachments/", SENDER),
        (f"/api/chat/conversations/{CONVERSATION}/attachments/", PARTICIPANT),
    ):
        page = doors.call("serve_attachments", "GET", path, caller=caller, query="limit=2")
        assert len(page.json["items"]) == 2
        query = f"limit=2&cursor={page.json['next_cursor']}"
        rest = doors.call("serve_attachments", "GET", path, caller=caller, query=query)
        assert rest.json["next_cursor"] is None
        found = [item["id"] for item in page.json["items"] + rest.json["items"]]
        assert sorted(found) == sorted(made)
    everything = doors.call(
        "serve_attachments",
        "GET",
        "/api/chat/attachments/",
        caller=ADMIN,
        query="from=2024-05-17&to=2024-05-17&type=video",
    )
    assert len(everything.json["items"]) == 3


def test_the_chat_backend_is_answered_with_what_was_applied(doors: Doors) -> None:
    message = new_id()
    doors.world.add()

    def tell(method: str, path: str, body: Any = None, query: str = "") -> Any:
        answer = doors.call("sync_chat", method, path, caller=SERVICE, body=body, query=query)
        assert answer.status == 200, answer.body
        return answer.json

    path = f"/api/chat/messages/{message}/"
    body = {"conversation_id": CONVERSATION, "sender_id": "sender", "version": 3}
    applied = {"id": message, "version": 3, "applied": True, "deleted_attachments": None}
    assert tell("PUT", path, body) == applied
    assert tell("PUT", path, {**body, "version": 2})["applied"] is False
    assert tell("DELETE", path, query="version=4")["deleted_attachments"] == 0
    path = f"/api/chat/conversations/{CONVERSATION}/"
    assert tell("PUT", path, {"participants": ["sender"], "version": 2})["applied"] is True
    assert tell("DELETE", path, {"version": 3})["deleted_attachments"] == 1
    body = {"participants": ["sender"], "version": 4}
    conflict = doors.call("sync_chat", "PUT", path, caller=SERVICE, body=body)
    problem(conflict, 409, "conflict")


def test_admins_read_the_activity_and_nobody_else_does(doors: Doors) -> None:
    post(doors, UPLOAD)
    path = "/api/chat/reports/activity/"
    answer = doors.call("report", "GET", path, caller=ADMIN, query="user=sender")
    assert [item["action"] for item in answer.json["items"]] == ["upload_requested"]
    problem(doors.call("report", "GET", path), 403, "forbidden")


# ---------------------------------------------------------------- errors


def edge_that_raises(error: Exception, key_server: KeyServer) -> HttpEdge:
    verifier = TokenVerifier(
        KeySet(key_server.url),
        issuer="chat.example",
        audience="attachments",
        admin=TokenClaim.parse("role=admin"),
        service=TokenClaim.parse("role=service"),
    )
    limiter = RateLimiter(MemoryGuards(), settings_of(), utc_now)
    edge = HttpEdge(lambda: verifier, lambda: limiter)

    @edge.get("/raise")
    def fail() -> None:
        raise error

    return edge


class SecretError(Exception):
    pass


@pytest.fixture
def raising(
    doors: Doors, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Exception], Answer]:
    """The answer to a request that raises this."""

    def answer(error: Exception) -> Answer:
        door = ModuleType("door")
        door.handler = edge_that_raises(error, key_server).resolve  # type: ignore[attr-defined]
        monkeypatch.setitem(DOORS, "raises", door)
        return doors.call("raises", "GET", "/raise/")

    return answer


def test_a_record_that_never_rests_is_a_conflict_to_try_again(
    raising: Callable[[Exception], Answer],
) -> None:
    answer = raising(StaleRecordError("0192f000"))
    body = problem(answer, 409, "conflict")
    assert body["detail"] == "The attachment is changing; try again."
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "error",
    [
        SecretError("table offchat-prod, token eyJhbGciOi"),
        KeyError("token eyJhbGciOi"),
        MessageGoneError("eyJhbGciOi", fields={"eyJhbGciOi": "eyJhbGciOi"}),
    ],
)
def test_an_internal_error_shows_nothing_of_itself(
    raising: Callable[[Exception], Answer], error: Exception
) -> None:
    answer = raising(error)
    body = problem(answer, 500, "internal")
    assert body["detail"] == "Try again; nothing was lost."
    assert "eyJhbGciOi" not in answer.body
    assert type(error).__name__ not in answer.body


@pytest.mark.parametrize("error", list(PROBLEMS), ids=lambda error: error.__name__)
def test_every_error_of_the_table_has_a_title_and_a_detail(error: type[AttachmentsError]) -> None:
    made: dict[type[AttachmentsError], AttachmentsError] = {
        MethodNotAllowedError: MethodNotAllowedError("", allowed=("GET",)),
        LimitExceededError: LimitExceededError("", headers={}),
    }
    raised = made.get(error) or error()
    status, body, _ = render(raised, "r")
    assert 400 <= status < 600
    assert status.value == body["status"] == PROBLEMS[error][0]
    assert body["title"]
    assert body["detail"]


def test_no_two_errors_share_their_type() -> None:
    kinds = [kind for _, kind, _, _ in PROBLEMS.values()]
    assert len(kinds) == len(set(kinds))


# ---------------------------------------------------------------- settings


def test_each_missing_or_wrong_variable_is_named() -> None:
    whole = {name.upper(): str(value) for name, value in settings_of().model_dump().items()}
    assert read_settings({**whole, "PATH": "/bin"}) == settings_of()
    del whole["BUCKET"]
    whole["UPLOAD_URL_SECONDS"] = "3601"
    with pytest.raises(ValueError, match="bucket") as refused:
        read_settings(whole)
    assert "upload_url_seconds" in str(refused.value)
