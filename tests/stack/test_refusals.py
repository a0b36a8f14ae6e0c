"""What the API refuses, and that a person can act on what it says."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.stack.client import File, Json, Stack, note, problem, without_request_id, wrong_fields

MB = 1024 * 1024
VIDEO = File("holiday.mp4", "video/mp4", b"x")


def ask(stack: Stack, message: str, **changed: Any) -> httpx.Response:
    return stack.sender.post("/videos/upload/", json=VIDEO.request(message, **changed))


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"message_id": str(uuid4())}, 404, "message_id"),
        ({"message_id": "42"}, 422, "message_id"),
        ({"message_id": None}, 422, "message_id"),
        ({"file_size": 0}, 422, "file_size"),
        ({"file_size": -1}, 422, "file_size"),
        ({"file_size": "12"}, 422, "file_size"),
        ({"file_size": 1.5}, 422, "file_size"),
        ({"file_size": 100 * MB + 1}, 413, "file_size"),
        ({"file_name": "holiday.exe"}, 415, "file_name"),
        ({"file_name": "holiday.mp4.html"}, 415, "file_name"),
        ({"file_name": "mp4"}, 415, "file_name"),
        ({"file_name": ""}, 422, "file_name"),
        ({"file_name": "\u202e\u0000"}, 422, "file_name"),
        ({"file_name": "x" * 300 + ".mp4"}, 422, "file_name"),
        ({"mime_type": "application/x-msdownload"}, 415, "mime_type"),
        ({"mime_type": "video"}, 422, "mime_type"),
        ({"sha256": "not base64!"}, 422, "sha256"),
        ({"sha256": "c2hvcnQ="}, 422, "sha256"),
    ],
    ids=str,
)
def test_an_upload_request_with_a_wrong_field_is_told_which(
    stack: Stack, shared_message: str, changed: Json, status: int, field: str
) -> None:
    body = problem(ask(stack, shared_message, **changed), status)
    assert wrong_fields(body) == {field}


@pytest.mark.parametrize("field", ["message_id", "file_name", "file_size", "mime_type"])
def test_an_upload_request_without_a_field_is_told_which(
    stack: Stack, shared_message: str, field: str
) -> None:
    request = VIDEO.request(shared_message)
    del request[field]
    body = problem(stack.sender.post("/videos/upload/", json=request), 422)
    assert wrong_fields(body) == {field}
    assert field in body["detail"]


def test_all_wrong_fields_are_listed_at_once(stack: Stack) -> None:
    request = {"message_id": "42", "file_name": "", "file_size": 0}
    body = problem(stack.sender.post("/videos/upload/", json=request), 422)
    assert wrong_fields(body) == {"message_id", "file_name", "file_size", "mime_type"}


def test_an_exe_is_refused_in_name_and_type_at_once(stack: Stack, shared_message: str) -> None:
    changed = {"file_name": "setup.exe", "mime_type": "application/x-msdownload"}
    body = problem(ask(stack, shared_message, **changed), 415)
    assert wrong_fields(body) == {"file_name", "mime_type"}
    assert "MP4, WebM, OGG, MOV, AVI or MKV" in body["detail"]


def test_the_message_of_a_conversation_of_others_is_refused_as_if_unknown(stack: Stack) -> None:
    conversation = str(uuid4())
    stack.members(conversation, [stack.participant], version=1)
    body = problem(ask(stack, stack.message(conversation)), 404)
    assert wrong_fields(body) == {"message_id"}


@pytest.mark.parametrize(
    ("name", "mime_type", "megabytes"),
    [
        ("a.mp4", "video/mp4", 100),
        ("a.jpg", "image/jpeg", 20),
        ("a.mp3", "audio/mpeg", 50),
        ("a.pdf", "application/pdf", 50),
        ("a.bin", "application/octet-stream", 25),
    ],
)
def test_each_type_has_its_own_size_limit(
    stack: Stack, shared_message: str, name: str, mime_type: str, megabytes: int
) -> None:
    file = File(name, mime_type, b"")
    largest = file.request(shared_message, file_size=megabytes * MB)
    assert stack.sender.post("/upload/", json=largest).status_code == 201
    larger = file.request(shared_message, file_size=megabytes * MB + 1)
    body = problem(stack.sender.post("/upload/", json=larger), 413)
    assert wrong_fields(body) == {"file_size"}
    assert f"{megabytes} MB" in body["detail"]


@pytest.mark.parametrize("route", ["/upload/", "/videos/upload/"])
@pytest.mark.parametrize("text", [b"{", b"{'message_id': 1}", b"message_id=1"])
def test_a_body_that_is_no_json_is_refused(stack: Stack, text: bytes, route: str) -> None:
    headers = {"Content-Type": "application/json"}
    body = problem(stack.sender.post(route, content=text, headers=headers), 400)
    assert body["type"] == "urn:offchat:problem:malformed-body"


@pytest.mark.parametrize("text", [b"", b"null", b"[1, 2]", b'"text"', b"42"])
def test_a_body_that_is_no_object_is_refused(stack: Stack, text: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    body = problem(stack.sender.post("/upload/", content=text, headers=headers), 422)
    assert body["errors"]


@pytest.mark.parametrize("route", ["/upload/", "/videos/upload/"])
def test_a_form_is_told_of_the_new_way_to_upload(
    stack: Stack, shared_message: str, route: str
) -> None:
    form = {"message_id": shared_message}
    files = {"video": ("holiday.mp4", b"bytes", "video/mp4")}
    body = problem(stack.sender.post(route, data=form, files=files), 415)
    for word in ("message_id", "file_name", "file_size", "mime_type", "PUT", "upload"):
        assert word in body["detail"]


def test_a_body_of_another_type_than_json_is_refused(stack: Stack, shared_message: str) -> None:
    headers = {"Content-Type": "text/xml"}
    body = problem(stack.sender.post("/upload/", content="<a/>", headers=headers), 415)
    assert "application/json" in body["detail"]


def test_a_huge_body_is_refused(stack: Stack, shared_message: str) -> None:
    problem(ask(stack, shared_message, padding="x" * 300 * 1024), 413)
    # What API Gateway itself refuses has its own words.
    assert ask(stack, shared_message, padding="x" * 11 * MB).status_code == 413


def test_fields_that_nobody_asked_for_decide_nothing(stack: Stack, message: str) -> None:
    forged = {"uploaded_by": "admin", "conversation_id": str(uuid4()), "role": "admin"}
    response = stack.sender.post("/upload/", json=note().request(message, **forged))
    assert response.status_code == 201
    assert response.json()["uploaded_by"] == stack.sender.id
    assert response.json()["conversation_id"] != forged["conversation_id"]


@pytest.mark.parametrize("path", ["/nothing/", "/attachments/a/b/c/", "/attachments/..%2F../"])
def test_a_path_that_is_not_there_is_not_found(stack: Stack, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        problem(stack.sender.request(method, path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/videos/upload/", "POST"),
        ("DELETE", "/upload/", "POST"),
        ("PATCH", "/attachments/{id}/", "DELETE, GET"),
        ("POST", "/attachments/{id}/", "DELETE, GET"),
        ("PUT", "/attachments/{id}/download/", "GET"),
        ("POST", "/reports/activity/", "GET"),
    ],
)
def test_a_method_that_a_path_does_not_know_is_told_which_it_knows(
    stack: Stack, method: str, path: str, allowed: str
) -> None:
    response = stack.sender.request(method, path.format(id=uuid4()))
    problem(response, 405)
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("attachment_id", ["42", "x" * 200, "%00", "💥"])
def test_what_is_no_id_names_nothing(stack: Stack, attachment_id: str) -> None:
    response = stack.sender.get(f"/attachments/{attachment_id}/download/")
    problem(response, 404)
    unknown = stack.sender.get(f"/attachments/{uuid4()}/download/")
    assert without_request_id(response) == without_request_id(unknown)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/messages/{id}/attachments/", {"limit": 0}, "limit"),
        ("/messages/{id}/attachments/", {"limit": 101}, "limit"),
        ("/messages/{id}/attachments/", {"limit": "all"}, "limit"),
        ("/conversations/{id}/attachments/", {"type": "hologram"}, "type"),
    ],
    ids=str,
)
def test_a_wrong_query_parameter_is_told_which(
    stack: Stack, path: str, query: dict[str, str | int], field: str
) -> None:
    response = stack.sender.get(path.format(id=uuid4()), params=query)
    assert wrong_fields(problem(response, 422)) == {field}


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/attachments/", {"from": "yesterday"}, "from"),
        ("/attachments/", {"from": "2031-02-02", "to": "2031-02-01"}, "from"),
        ("/reports/activity/", {"to": "soon"}, "to"),
        (
            "/reports/activity/",
            {"from": "2031-02-02T00:00:00Z", "to": "2031-02-01T00:00:00Z"},
            "from",
        ),
    ],
    ids=str,
)
def test_a_wrong_query_parameter_of_an_admin_is_told_which(
    stack: Stack, path: str, query: dict[str, str], field: str
) -> None:
    assert wrong_fields(problem(stack.admin.get(path, params=query), 422)) == {field}
