"""Hostile file names, from the request to the header that S3 answers the download with."""

from email.message import Message
from urllib.parse import unquote

import httpx
import pytest

from tests.stack.client import File, Stack, problem, wrong_fields

BODY = b"Bring the tent.\n"
SHOWN = {
    "a header": ('"; x="\r\nSet-Cookie: a=b.txt', '"; x="Set-Cookie: a=b.txt'),
    "a right-to-left override": ("invoice\u202efdp.exe", "invoicefdp.exe"),
    "emoji": ("👨‍👩‍👧 camp 🏕.txt", "👨👩👧 camp 🏕.txt"),
    "a double extension": ("a.mp4.html", "a.mp4.html"),
    "an encoded nothing": ("a%00.txt", "a%00.txt"),
    "a nothing": ("a\x00.txt", "a.txt"),
    "a folder": ("..\\..//etc/passwd", "passwd"),
    "quotes": ("a'b\"c`d;e.txt", "a'b\"c`d;e.txt"),
    "the longest name": ("🏕" * 63 + "abc", "🏕" * 63 + "abc"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_hostile_name_is_only_ever_a_name(stack: Stack, shared_message: str, name: str) -> None:
    sent, shown = SHOWN[name]
    ticket = stack.sender.send_file(shared_message, File(sent, "text/plain", BODY))
    assert ticket["upload"]["key"] == f"uploads/{ticket['id']}"
    record = stack.sender.settled(ticket["id"])
    assert (record["status"], record["file_name"]) == ("ready", shown)
    download = stack.participant.get(f"/attachments/{record['id']}/download/").json()
    got = httpx.get(download["url"])
    assert (got.status_code, got.content) == (200, BODY)
    assert "set-cookie" not in got.headers
    assert got.headers["content-type"] == "application/octet-stream"
    [disposition] = got.headers.get_list("content-disposition")
    headers = Message()
    headers["Content-Disposition"] = disposition
    assert headers.get_content_disposition() == "attachment"
    assert unquote(disposition.partition("filename*=UTF-8''")[2]) == shown


@pytest.mark.parametrize("sent", ["x" * 300, "🏕" * 64, "\x00\x1f", "\u202e", "a/", " . "])
def test_a_name_that_is_none_is_refused(stack: Stack, shared_message: str, sent: str) -> None:
    file = File(sent, "text/plain", BODY)
    response = stack.sender.post("/upload/", json=file.request(shared_message))
    assert wrong_fields(problem(response, 422)) == {"file_name"}


@pytest.mark.parametrize("name", ["a.exe", "a.mp4.html", "a.mp4\x00.exe"])
def test_what_is_no_video_by_its_name_is_refused_on_the_video_route(
    stack: Stack, shared_message: str, name: str
) -> None:
    body = File(name, "video/mp4", BODY).request(shared_message)
    response = stack.sender.post("/videos/upload/", json=body)
    assert wrong_fields(problem(response, 415)) == {"file_name"}
