"""The HTTP edge: bodies and queries, and which of their fields are wrong."""

import json
from typing import Any

import pytest

from attachments.http_edge import MAX_BODY_BYTES
from attachments.ids import new_id
from tests.builders import ADMIN, CONVERSATION, MESSAGE, SERVICE
from tests.doors import Doors
from tests.unit.problems import UPLOAD, post, problem


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
