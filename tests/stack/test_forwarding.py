"""Forwarding over HTTP: the file is copied within S3, and the copy is an attachment of its own."""

import json
from uuid import uuid4

import httpx
import pytest

from tests.stack.client import Json, Stack, User, eventually, note, problem, without_request_id
from tests.stack.multipart import MEGABYTE, Multipart, log_of


@pytest.fixture
def target(stack: Stack) -> str:
    """A message of the participant, in another conversation with the stranger."""
    conversation_id, message_id = str(uuid4()), str(uuid4())
    stack.members(conversation_id, [stack.participant, stack.stranger], version=1)
    body = {"conversation_id": conversation_id, "sender_id": stack.participant.id, "version": 1}
    stack.sync("PUT", f"/messages/{message_id}/", body)
    return message_id


def forward(user: User, attachment_id: str, message_id: str, **headers: str) -> httpx.Response:
    said = {"message_id": message_id}
    return user.post(f"/attachments/{attachment_id}/copy/", json=said, headers=headers)


def content(user: User, attachment_id: str) -> bytes:
    url = user.get(f"/attachments/{attachment_id}/download/").json()["url"]
    return httpx.get(url, timeout=60).content


def test_a_video_is_forwarded_with_all_that_is_known_of_it(
    stack: Stack, ready_video: Json, target: str
) -> None:
    response = forward(stack.participant, ready_video["id"], target)
    assert response.status_code == 201, response.text
    copy = response.json()
    assert response.headers["location"] == f"/api/chat/attachments/{copy['id']}/"
    assert copy["status"] == "ready"
    assert copy["message_id"] == target
    assert copy["uploaded_by"] == stack.participant.id
    its_own = {"id", "message_id", "conversation_id", "uploaded_by", "created_at", "uploaded_at"}
    same = set(ready_video) - its_own - {"thumbnail_url"}
    assert {name: copy[name] for name in same} == {name: ready_video[name] for name in same}
    assert httpx.get(copy["thumbnail_url"]).content == _thumbnail(stack, ready_video["id"])
    assert content(stack.stranger, copy["id"]) == content(stack.sender, ready_video["id"])
    problem(stack.sender.get(f"/attachments/{copy['id']}/"), 404)


def _thumbnail(stack: Stack, attachment_id: str) -> bytes:
    return httpx.get(stack.sender.attachment(attachment_id)["thumbnail_url"]).content


def test_the_event_of_the_copy_changes_nothing(stack: Stack, ready_note: Json, target: str) -> None:
    copy = forward(stack.participant, ready_note["id"], target).json()
    # Another upload is inspected after the copy's event was.
    stack.sender.upload(stack.message(), note())
    assert stack.stranger.attachment(copy["id"]) == copy
    history = stack.history(copy["id"])
    assert [entry["action"] for entry in history] == ["file_forwarded", "file_uploaded"]
    assert ready_note["id"] in history[0]["description"]
    assert copy["id"] in json.dumps(stack.history(ready_note["id"]))
    assert stack.stored(copy["id"]) == [f"uploads/{copy['id']}"]


def test_a_file_that_came_in_parts_is_forwarded_whole(
    stack: Stack, message: str, target: str
) -> None:
    file = log_of(6 * MEGABYTE)
    upload = Multipart(stack.sender, stack.sender.ask(message, file), file)
    for number in (1, 2):
        assert upload.send_part(number).status_code == 200
    assert upload.complete().status_code == 200
    assert stack.sender.settled(upload.id)["status"] == "ready"
    copy = forward(stack.participant, upload.id, target).json()
    assert content(stack.participant, copy["id"]) == file.body


def test_a_copy_stays_when_its_source_is_deleted(stack: Stack, message: str, target: str) -> None:
    file = note("Shall we?")
    source = stack.sender.upload(message, file)
    copy = forward(stack.participant, source["id"], target).json()
    assert stack.sender.delete(f"/attachments/{source['id']}/").status_code == 200
    assert content(stack.stranger, copy["id"]) == file.body
    problem(forward(stack.participant, source["id"], target), 404)
    assert stack.participant.delete(f"/attachments/{copy['id']}/").status_code == 200
    assert eventually(lambda: stack.stored(copy["id"]), lambda left: not left) == []


def test_the_same_idempotency_key_forwards_once(
    stack: Stack, ready_note: Json, target: str
) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first, second = (forward(stack.participant, ready_note["id"], target, **key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert len(stack.participant.items(f"/messages/{target}/attachments/")) == 1


def test_what_the_caller_may_not_see_or_send_to_is_not_there(
    stack: Stack, ready_note: Json, target: str
) -> None:
    unknown = str(uuid4())
    hidden = forward(stack.stranger, ready_note["id"], target)
    assert hidden.status_code == 404
    absent = forward(stack.stranger, unknown, target)
    assert without_request_id(hidden) == without_request_id(absent)
    not_in_target = forward(stack.sender, ready_note["id"], target)
    assert not_in_target.status_code == 404
    nowhere = forward(stack.sender, ready_note["id"], unknown)
    assert without_request_id(not_in_target) == without_request_id(nowhere)
    not_the_sender = forward(stack.participant, ready_note["id"], ready_note["message_id"])
    problem(not_the_sender, 403)
    problem(forward(stack.nobody, ready_note["id"], target), 401)
    problem(forward(stack.service, ready_note["id"], target), 403)


def test_an_admin_forwards_anything_and_it_is_logged_as_an_override(
    stack: Stack, ready_note: Json, target: str
) -> None:
    copy = forward(stack.admin, ready_note["id"], target).json()
    assert [entry["admin_override"] for entry in stack.history(copy["id"])] == [True, False]


def test_what_is_not_ready_is_not_forwarded(stack: Stack, pending_note: Json, message: str) -> None:
    refused = problem(forward(stack.sender, pending_note["id"], message), 409)
    assert refused["type"] == "urn:offchat:problem:not-ready"


@pytest.mark.parametrize("body", [{}, {"message_id": "x"}, {"message_id": None}], ids=str)
def test_a_request_that_names_no_message_is_refused(
    stack: Stack, ready_note: Json, body: Json
) -> None:
    problem(stack.sender.post(f"/attachments/{ready_note['id']}/copy/", json=body), 422)
