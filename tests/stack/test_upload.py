"""Uploads: asked for at the API, sent straight to the bucket, found again as a record."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.stack.client import ROOT, File, Stack, User, eventually, note, problem, put
from tests.stack.conftest import Clip


def test_a_ticket_says_everything_about_the_one_request_that_s3_accepts(
    stack: Stack, conversation: str, message: str
) -> None:
    file = note()
    response = stack.sender.post("/upload/", json=file.request(message))
    ticket = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/chat/attachments/{ticket['id']}/"
    assert ticket["upload"]["method"] == "PUT"
    assert ticket["upload"]["headers"] == {"Content-Type": "text/plain", "If-None-Match": "*"}
    assert ticket["upload"]["key"] == f"uploads/{ticket['id']}"
    assert file.name not in ticket["upload"]["url"]
    assert ticket["created_at"] < ticket["upload"]["expires_at"]
    expected = {
        "message_id": message,
        "conversation_id": conversation,
        "uploaded_by": stack.sender.id,
        "file_name": "note.txt",
        "file_type": "document",
        "file_size": len(file.body),
        "mime_type": "text/plain",
        "status": "pending",
        "reason": None,
        "url": None,
        "thumbnail_url": None,
        "uploaded_at": None,
    }
    assert expected.items() <= ticket.items()


def test_a_video_goes_up_with_curl_exactly_as_the_readme_says(
    stack: Stack, clip: Clip, tmp_path: Path
) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "sample.mp4").write_bytes(clip("mp4").body)
    ids = {"conversation_id": str(uuid4()), "message_id": str(uuid4())}
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(stack.description | ids))
    readme = (ROOT / "README.md").read_text()
    script = readme[
        readme.index("API=http://127.0.0.1:8000") : readme.index("call -H 'Prefer: wait")
    ]
    script = script.replace("http://127.0.0.1:8000", stack.api)
    done = subprocess.run(
        ["bash", "-c", f"set -eu\n{script}\necho $ID"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    record = stack.sender.settled(done.stdout.split()[-1])
    assert (record["status"], record["file_name"]) == ("ready", "holiday.mp4")
    assert (record["width"], record["height"], record["duration"]) == (1280, 720, 10)
    assert record["message_id"] == ids["message_id"]


def test_ten_uploads_at_once_are_all_ready_and_each_once_in_the_activity_log(
    stack: Stack, message: str, clip: Clip
) -> None:
    video = clip("mp4", seconds=2)
    with ThreadPoolExecutor(10) as pool:
        records = list(pool.map(lambda _: stack.sender.upload(message, video), range(10)))
    assert len({record["id"] for record in records}) == 10
    for record in records:
        history = eventually(partial(stack.history, record["id"]), lambda seen: len(seen) > 1)
        assert [entry["action"] for entry in history] == ["upload_requested", "file_uploaded"]


def test_an_upload_bound_to_its_sha256_becomes_ready(stack: Stack, message: str) -> None:
    file = note()
    ticket = stack.sender.ask(message, file, sha256=file.digest)
    assert ticket["upload"]["headers"]["x-amz-checksum-sha256"] == file.digest
    assert put(ticket["upload"], file.body).status_code == 200
    assert stack.sender.settled(ticket["id"])["status"] == "ready"


@pytest.mark.parametrize("route", ["/upload", "/upload/", "/videos/upload", "/videos/upload/"])
def test_the_upload_routes_work_with_and_without_a_trailing_slash(
    stack: Stack, message: str, route: str
) -> None:
    response = stack.sender.post(route, json=File("a.mp4", "video/mp4", b"x").request(message))
    assert response.status_code == 201


# ---------------------------------------------------------------- retries


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def ask(user: User, message: str, file: File, key: dict[str, str]) -> httpx.Response:
    return user.post(file.route, json=file.request(message), headers=key)


def test_a_retry_with_the_same_key_and_body_gets_the_same_attachment(
    stack: Stack, message: str, key: dict[str, str]
) -> None:
    first = ask(stack.sender, message, note(), key)
    second = ask(stack.sender, message, note(), key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert put(second.json()["upload"], note().body).status_code == 200
    assert len(stack.sender.items(f"/messages/{message}/attachments/")) == 1


def test_retries_at_once_with_the_same_key_get_one_attachment(
    stack: Stack, message: str, key: dict[str, str]
) -> None:
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: ask(stack.sender, message, note(), key), range(5)))
    assert [answer.status_code for answer in answers] == [201] * 5
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_retry_after_the_upload_finds_the_record_and_nothing_to_send(
    stack: Stack, message: str, key: dict[str, str]
) -> None:
    ticket = ask(stack.sender, message, note(), key).json()
    put(ticket["upload"], note().body)
    stack.sender.settled(ticket["id"])
    again = ask(stack.sender, message, note(), key)
    assert again.status_code == 201
    assert (again.json()["id"], again.json()["status"]) == (ticket["id"], "ready")
    assert again.json()["upload"] is None


def test_a_used_key_with_another_body_is_refused(
    stack: Stack, message: str, key: dict[str, str]
) -> None:
    ask(stack.sender, message, note(), key)
    body = problem(ask(stack.sender, message, note("Another text."), key), 422)
    assert body["type"] == "urn:offchat:problem:idempotency-conflict"


def test_the_key_of_another_user_is_another_key(
    stack: Stack, message: str, key: dict[str, str]
) -> None:
    first = ask(stack.sender, message, note(), key)
    other = ask(stack.admin, message, note("Another text."), key)
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["id"] != other.json()["id"]
