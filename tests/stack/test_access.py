"""Who may do what, and that strangers learn nothing."""

import base64
import json
from collections.abc import Callable
from uuid import uuid4

import httpx
import jwt
import pytest

from tests.stack.client import (
    Json,
    Stack,
    User,
    note,
    problem,
    put,
    without_request_id,
)

# What users may call about one attachment, message or conversation.
READS = (
    ("GET", "/attachments/{attachment}/"),
    ("GET", "/attachments/{attachment}/download/"),
    ("GET", "/videos/{attachment}/download/"),
    ("DELETE", "/attachments/{attachment}/"),
    ("GET", "/messages/{message}/attachments/"),
    ("GET", "/conversations/{conversation}/attachments/"),
)
UPLOADS = (("POST", "/upload/"), ("POST", "/videos/upload/"))
ADMINS = (("GET", "/attachments/"), ("GET", "/reports/activity/"), ("GET", "/reports/usage/"))
SERVICES = (
    ("PUT", "/conversations/{conversation}/"),
    ("DELETE", "/conversations/{conversation}/"),
    ("PUT", "/messages/{message}/"),
    ("DELETE", "/messages/{message}/"),
)


def call(user: User, method: str, path: str, about: Json) -> httpx.Response:
    """A request that would be right if the user might send it."""
    bodies = {
        "POST": {
            "message_id": about["message"],
            "file_name": "a.mp4",
            "file_size": 1,
            "mime_type": "video/mp4",
        },
        "PUT": {
            "participants": [user.id],
            "conversation_id": about["conversation"],
            "sender_id": user.id,
            "version": 9,
        },
        "DELETE": {"version": 9} if not path.startswith("/attachments/") else None,
    }
    body = bodies.get(method)
    headers = {"Content-Type": "application/json"} if body else {}
    content = json.dumps(body) if body else None
    return user.request(method, path.format(**about), content=content, headers=headers)


@pytest.fixture(scope="module")
def existing(ready_video: Json) -> Json:
    return {
        "attachment": ready_video["id"],
        "message": ready_video["message_id"],
        "conversation": ready_video["conversation_id"],
    }


@pytest.fixture
def unknown() -> Json:
    return {name: str(uuid4()) for name in ("attachment", "message", "conversation")}


# ---------------------------------------------------------------- without a good token


@pytest.mark.parametrize(("method", "path"), READS + UPLOADS + ADMINS + SERVICES)
def test_without_a_token_every_route_asks_for_one(
    stack: Stack, existing: Json, method: str, path: str
) -> None:
    response = call(stack.nobody, method, path, existing)
    problem(response, 401)
    assert response.headers["www-authenticate"].startswith("Bearer")


def _unsigned(token: str) -> str:
    """The same claims under `alg: none`."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return f"{header}.{token.split('.')[1]}."


def _forged(token: str) -> str:
    """The same claims, signed by somebody else."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, "a secret of somebody else, 32 bytes long", "HS256")


def _promoted(token: str) -> str:
    """The same signature over the claims of an admin."""
    claims = jwt.decode(token, options={"verify_signature": False}) | {"role": "admin"}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    header, _, signature = token.split(".")
    return f"{header}.{body}.{signature}"


@pytest.mark.parametrize(
    "authorization",
    [
        lambda token: "",
        lambda token: "Bearer",
        lambda token: "Bearer nonsense",
        lambda token: f"Basic {token}",
        lambda token: token,
        lambda token: f"Bearer {token[:-2]}",
        lambda token: f"Bearer {_unsigned(token)}",
        lambda token: f"Bearer {_forged(token)}",
        lambda token: f"Bearer {_promoted(token)}",
    ],
    ids=["empty", "bare", "nonsense", "basic", "no scheme", "cut", "none", "forged", "promoted"],
)
def test_a_token_that_does_not_hold_is_as_good_as_none(
    stack: Stack, existing: Json, authorization: Callable[[str], str]
) -> None:
    header = authorization(stack.description["tokens"]["sender"])
    path = f"/attachments/{existing['attachment']}/"
    response = stack.nobody.get(path, headers={"Authorization": header})
    problem(response, 401)
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_two_tokens_are_none(stack: Stack, existing: Json) -> None:
    """Not even two good ones: who calls would be the choice of whoever reads the headers."""
    good = f"Bearer {stack.description['tokens']['sender']}"
    path = f"/attachments/{existing['attachment']}/"
    headers = [("Authorization", good), ("Authorization", good)]
    problem(stack.nobody.get(path, headers=headers), 401)


# ---------------------------------------------------------------- strangers


@pytest.mark.parametrize(("method", "path"), READS + UPLOADS)
def test_a_stranger_cannot_tell_what_exists_from_what_does_not(
    stack: Stack, existing: Json, unknown: Json, method: str, path: str
) -> None:
    there = call(stack.stranger, method, path, existing)
    not_there = call(stack.stranger, method, path, unknown)
    problem(there, 404)
    assert without_request_id(there) == without_request_id(not_there)
    assert there.status_code == not_there.status_code
    assert set(there.headers) == set(not_there.headers)
    for identifier in existing.values():
        assert identifier not in there.text


@pytest.mark.parametrize(("method", "path"), READS + UPLOADS)
def test_a_participant_who_left_is_a_stranger(
    stack: Stack, conversation: str, message: str, unknown: Json, method: str, path: str
) -> None:
    record = stack.sender.ask(message, note())
    stack.members(conversation, [stack.participant], version=2)
    about = {"attachment": record["id"], "message": message, "conversation": conversation}
    left = call(stack.sender, method, path, about)
    problem(left, 404)
    assert without_request_id(left) == without_request_id(call(stack.sender, method, path, unknown))


# ---------------------------------------------------------------- participants


@pytest.mark.parametrize(("method", "path"), UPLOADS)
def test_a_participant_who_did_not_send_the_message_may_not_attach_to_it(
    stack: Stack, existing: Json, method: str, path: str
) -> None:
    problem(call(stack.participant, method, path, existing), 403)


def test_a_participant_sees_what_the_sender_sees(stack: Stack, ready_video: Json) -> None:
    mine = stack.sender.attachment(ready_video["id"])
    theirs = stack.participant.attachment(ready_video["id"])
    assert {**mine, "thumbnail_url": None} == {**theirs, "thumbnail_url": None}
    assert httpx.get(theirs["thumbnail_url"]).status_code == 200


def test_a_participant_does_not_see_what_is_not_ready(
    stack: Stack, message: str, pending_note: Json
) -> None:
    problem(stack.participant.get(f"/attachments/{pending_note['id']}/"), 404)
    problem(stack.participant.get(f"/attachments/{pending_note['id']}/download/"), 404)
    assert stack.participant.items(f"/messages/{message}/attachments/") == []


# ---------------------------------------------------------------- roles


@pytest.mark.parametrize(("method", "path"), SERVICES)
@pytest.mark.parametrize("who", ["sender", "stranger", "admin"])
def test_a_user_may_not_speak_for_the_chat_backend(
    stack: Stack, existing: Json, who: str, method: str, path: str
) -> None:
    problem(call(stack.users[who], method, path, existing), 403)


@pytest.mark.parametrize(("method", "path"), READS + UPLOADS + ADMINS)
def test_the_chat_backend_may_not_act_as_a_user(
    stack: Stack, existing: Json, method: str, path: str
) -> None:
    problem(call(stack.service, method, path, existing), 403)


@pytest.mark.parametrize(("method", "path"), ADMINS)
@pytest.mark.parametrize("who", ["sender", "participant", "stranger"])
def test_admin_routes_are_for_admins(
    stack: Stack, existing: Json, who: str, method: str, path: str
) -> None:
    problem(call(stack.users[who], method, path, existing), 403)


def test_an_admin_may_do_all_and_the_log_says_that_it_was_an_override(
    stack: Stack, conversation: str, message: str
) -> None:
    record = stack.admin.upload(message, note())
    path = f"/attachments/{record['id']}/"
    assert record["uploaded_by"] == stack.admin.id
    for listing in (f"/messages/{message}", f"/conversations/{conversation}"):
        assert [item["id"] for item in stack.admin.items(f"{listing}/attachments/")] == [
            record["id"]
        ]
    assert stack.admin.get(f"{path}download/").status_code == 200
    assert stack.admin.delete(path).status_code == 200
    log = [
        (entry["action"], entry["user_id"], entry["admin_override"])
        for entry in stack.history(record["id"])
    ]
    assert log == [
        ("upload_requested", stack.admin.id, True),
        ("file_uploaded", stack.admin.id, False),
        ("file_downloaded", stack.admin.id, True),
        ("file_deleted", stack.admin.id, True),
    ]


def test_an_admin_may_see_and_delete_what_a_user_has_not_sent_yet(
    stack: Stack, pending_note: Json
) -> None:
    assert stack.admin.attachment(pending_note["id"])["status"] == "pending"
    assert stack.admin.delete(f"/attachments/{pending_note['id']}/").status_code == 200
    assert stack.history(pending_note["id"])[-1]["admin_override"] is True


def test_what_an_admin_does_as_a_participant_is_no_override(
    stack: Stack, conversation: str, message: str
) -> None:
    stack.members(conversation, [stack.sender, stack.admin], version=2)
    record = stack.sender.upload(message, note())
    assert stack.admin.get(f"/attachments/{record['id']}/download/").status_code == 200
    last = stack.history(record["id"])[-1]
    assert (last["action"], last["user_id"], last["admin_override"]) == (
        "file_downloaded",
        stack.admin.id,
        False,
    )


def test_a_signed_url_needs_no_token_and_shows_one_object_only(
    stack: Stack, pending_note: Json, ready_note: Json
) -> None:
    url = stack.sender.get(f"/attachments/{ready_note['id']}/download/").json()["url"]
    assert httpx.get(url).status_code == 200
    other = url.replace(ready_note["id"], pending_note["id"])
    assert httpx.get(other).status_code == 403
    assert httpx.delete(url).status_code == 403
    assert httpx.get(url.partition("?")[0]).status_code == 403
    assert put({"url": url, "headers": {}}, b"x").status_code == 403
