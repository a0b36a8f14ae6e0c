"""What a browser may do from which page: the same origins for the API and the bucket."""

import httpx
import pytest

from tests.stack.client import Json, Stack, note, problem, put

FOREIGN = "https://chat.example.net"
API = {"Access-Control-Request-Headers": "authorization,content-type,idempotency-key"}
BUCKET = {"Access-Control-Request-Headers": "content-type,if-none-match"}


def preflight(url: str, origin: str, method: str, headers: dict[str, str]) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, **headers}
    return httpx.options(url, headers=asked)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/chat/videos/upload/"),
        ("GET", "/api/chat/attachments/x/"),
        ("DELETE", "/api/chat/attachments/x/"),
    ],
)
def test_a_page_of_ours_may_call_the_api(stack: Stack, method: str, path: str) -> None:
    response = preflight(f"{stack.api}{path}", stack.origin, method, API)
    assert response.is_success
    assert response.headers["access-control-allow-origin"] == stack.origin
    assert method in response.headers["access-control-allow-methods"]
    for name in API["Access-Control-Request-Headers"].split(","):
        assert name in response.headers["access-control-allow-headers"].lower()


def test_a_foreign_page_may_not_call_the_api(stack: Stack) -> None:
    response = preflight(f"{stack.api}/api/chat/videos/upload/", FOREIGN, "POST", API)
    assert "access-control-allow-origin" not in response.headers


def test_a_page_of_ours_can_read_answers_and_refusals(stack: Stack, ready_note: Json) -> None:
    path, headers = f"/attachments/{ready_note['id']}/", {"Origin": stack.origin}
    answer = stack.sender.get(path, headers=headers)
    refusal = stack.stranger.get(path, headers=headers)
    problem(refusal, 404)
    for response in (answer, refusal):
        assert response.headers["access-control-allow-origin"] == stack.origin
        assert "etag" in response.headers["access-control-expose-headers"].lower()


def test_a_foreign_page_cannot_read_answers(stack: Stack, ready_note: Json) -> None:
    response = stack.sender.get(f"/attachments/{ready_note['id']}/", headers={"Origin": FOREIGN})
    assert "access-control-allow-origin" not in response.headers


def test_a_page_of_ours_may_upload_to_the_bucket_and_read_what_it_says(
    stack: Stack, pending_note: Json
) -> None:
    upload = pending_note["upload"]
    allowed = preflight(upload["url"], stack.origin, "PUT", BUCKET)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == stack.origin
    assert "PUT" in allowed.headers["access-control-allow-methods"]
    refused = put(upload, b"too short", origin=stack.origin)
    sent = put(upload, note().body, origin=stack.origin)
    assert (refused.status_code, sent.status_code) == (403, 200)
    for response in (refused, sent):
        assert response.headers["access-control-allow-origin"] == stack.origin
        assert "etag" in response.headers["access-control-expose-headers"].lower()


def test_a_foreign_page_may_not_upload_to_the_bucket(stack: Stack, pending_note: Json) -> None:
    response = preflight(pending_note["upload"]["url"], FOREIGN, "PUT", BUCKET)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers
