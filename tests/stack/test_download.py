"""Reading: the record, and the bytes by signed URL."""

from urllib.parse import unquote

import httpx
import pytest

from tests.stack.client import File, Json, Stack, User, note, problem
from tests.stack.conftest import Clip


def url_of(user: User, record: Json) -> str:
    response = user.get(f"/attachments/{record['id']}/download/")
    assert response.status_code == 200, response.text
    url: str = response.json()["url"]
    return url


@pytest.mark.parametrize("route", ["attachments", "videos"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_bytes_are_those_that_were_uploaded(
    stack: Stack, ready_video: Json, clip: Clip, route: str, slash: str
) -> None:
    response = stack.participant.get(f"/{route}/{ready_video['id']}/download{slash}")
    assert response.status_code == 200
    download = response.json()
    assert set(download) == {"id", "url", "thumbnail_url", "expires_at"}
    assert download["id"] == ready_video["id"]
    assert download["expires_at"] > ready_video["created_at"]
    assert httpx.get(download["thumbnail_url"]).headers["content-type"] == "image/jpeg"
    got = httpx.get(download["url"])
    assert (got.status_code, got.headers["content-type"]) == (200, "video/mp4")
    assert got.headers["content-disposition"].startswith("inline;")
    assert got.content == clip("mp4", seconds=2).body


def test_a_part_of_the_bytes_can_be_read(stack: Stack, ready_video: Json, clip: Clip) -> None:
    whole = clip("mp4", seconds=2).body
    url = url_of(stack.participant, ready_video)
    part = httpx.get(url, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, whole[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    beyond = httpx.get(url, headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416


def test_a_signed_url_cannot_be_made_to_serve_another_type(stack: Stack, ready_video: Json) -> None:
    url = url_of(stack.participant, ready_video)
    forged = url.replace("video%2Fmp4", "text%2Fhtml")
    assert forged != url
    assert httpx.get(forged).status_code == 403


def test_a_name_with_an_emoji_comes_back_as_it_was(stack: Stack, message: str) -> None:
    name = 'Zelt 🏕️ "am See".txt'
    record = stack.sender.upload(message, File(name, "text/plain", b"Bring the tent.\n"))
    assert record["file_name"] == name
    got = httpx.get(url_of(stack.participant, record))
    disposition = got.headers["content-disposition"]
    kind, plain, true_name = disposition.split("; ")
    assert kind == "attachment"
    assert plain == 'filename="Zelt __ _am See_.txt"'
    assert unquote(true_name.removeprefix("filename*=UTF-8''")) == name


@pytest.mark.parametrize(
    ("name", "mime_type", "body"),
    [
        ("page.html", "text/html", b"<!doctype html><script>alert(1)</script>"),
        ("drawing.svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"></svg>'),
        ("page.txt", "text/plain", b"<html><script>alert(1)</script></html>"),
    ],
)
def test_what_a_browser_would_run_is_saved_and_not_shown(
    stack: Stack, message: str, name: str, mime_type: str, body: bytes
) -> None:
    record = stack.sender.upload(message, File(name, mime_type, body))
    got = httpx.get(url_of(stack.participant, record))
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.content == body


def test_a_document_is_no_video_to_download(stack: Stack, ready_note: Json) -> None:
    problem(stack.sender.get(f"/videos/{ready_note['id']}/download/"), 404)


def test_what_is_pending_cannot_be_downloaded_yet(stack: Stack, pending_note: Json) -> None:
    response = stack.sender.get(f"/attachments/{pending_note['id']}/download/")
    body = problem(response, 409)
    assert "not uploaded yet" in body["detail"]


def test_a_pending_record_says_when_to_ask_again(stack: Stack, pending_note: Json) -> None:
    response = stack.sender.get(f"/attachments/{pending_note['id']}/")
    assert (response.status_code, response.json()["status"]) == (200, "pending")
    assert int(response.headers["retry-after"]) > 0


def test_a_ready_record_does_not_ask_to_come_again(stack: Stack, ready_note: Json) -> None:
    response = stack.sender.get(f"/attachments/{ready_note['id']}")
    assert response.status_code == 200
    assert "retry-after" not in response.headers


def test_a_record_that_did_not_change_is_not_sent_again(stack: Stack, ready_note: Json) -> None:
    path = f"/attachments/{ready_note['id']}/"
    for _ in range(2):  # an ETag ends with its signed URLs: once it may end between two requests
        known = stack.participant.get(path).headers["etag"]
        again = stack.participant.get(path, headers={"If-None-Match": known})
        if again.status_code == 304:
            break
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == known
    other = stack.participant.get(path, headers={"If-None-Match": 'W/"0-0"'})
    assert other.status_code == 200


def test_a_record_that_changed_is_sent_again(stack: Stack, message: str) -> None:
    ticket = stack.sender.ask(message, note())
    path = f"/attachments/{ticket['id']}/"
    pending = stack.sender.get(path).headers["etag"]
    httpx.put(ticket["upload"]["url"], content=note().body, headers=ticket["upload"]["headers"])
    assert stack.sender.settled(ticket["id"])["status"] == "ready"
    ready = stack.sender.get(path, headers={"If-None-Match": pending})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.headers["etag"] != pending


def test_answers_are_not_kept_by_caches_nor_guessed_at(stack: Stack, ready_note: Json) -> None:
    headers = stack.sender.get(f"/attachments/{ready_note['id']}/").headers
    assert headers["cache-control"] == "private, no-cache"
    assert headers["x-content-type-options"] == "nosniff"
