"""`Prefer: wait`: one request instead of many, answered as soon as there is something to say."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.stack.client import Json, Stack, User, note, problem, put

FILE = note()


def wait(user: User, attachment_id: str, seconds: object, **headers: str) -> httpx.Response:
    prefer = {"Prefer": f"wait={seconds}", **headers}
    return user.get(f"/attachments/{attachment_id}/", headers=prefer)


def test_who_waits_is_answered_as_soon_as_the_file_is_ready(
    stack: Stack, pending_note: Json
) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting: Future[httpx.Response] = pool.submit(wait, stack.sender, pending_note["id"], 10)
        assert put(pending_note["upload"], FILE.body).status_code == 200
        response = waiting.result()
    if response.json()["status"] == "pending":  # a machine that is busy for ten seconds
        response = wait(stack.sender, pending_note["id"], 10)
    assert response.json()["status"] == "ready"
    assert response.headers["preference-applied"] == "wait=10"
    assert "retry-after" not in response.headers


def test_who_waits_in_vain_is_answered_after_that_time(stack: Stack, pending_note: Json) -> None:
    began = time.monotonic()
    response = wait(stack.sender, pending_note["id"], 2)
    assert time.monotonic() - began >= 2
    assert (response.status_code, response.json()["status"]) == (200, "pending")
    assert response.headers["preference-applied"] == "wait=2"
    assert response.headers["retry-after"] == "1"


def test_what_is_ready_is_answered_at_once(stack: Stack, ready_note: Json) -> None:
    response = wait(stack.sender, ready_note["id"], 10)
    assert response.json()["status"] == "ready"
    assert response.elapsed.total_seconds() < 9
    assert response.headers["preference-applied"] == "wait=10"
    tag = response.headers["etag"]
    again = wait(stack.sender, ready_note["id"], 10, **{"If-None-Match": tag})
    assert (again.status_code, again.headers["preference-applied"]) == (304, "wait=10")


def test_nobody_waits_longer_than_ten_seconds(stack: Stack, ready_note: Json) -> None:
    response = wait(stack.sender, ready_note["id"], 3600)
    assert response.headers["preference-applied"] == "wait=10"


@pytest.mark.parametrize("seconds", ["", "soon", "-1"])
def test_a_preference_that_is_not_understood_is_passed_over(
    stack: Stack, pending_note: Json, seconds: str
) -> None:
    response = wait(stack.sender, pending_note["id"], seconds)
    assert response.status_code == 200
    assert "preference-applied" not in response.headers


def test_waiting_shows_nobody_what_they_may_not_see(stack: Stack, pending_note: Json) -> None:
    for user in (stack.participant, stack.stranger):
        began = time.monotonic()
        problem(wait(user, pending_note["id"], 9), 404)
        assert time.monotonic() - began < 8


def test_a_page_may_say_and_read_the_preference(stack: Stack) -> None:
    response = stack.nobody.options(
        "/attachments/x/",
        headers={
            "Origin": stack.origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,prefer",
        },
    )
    assert "prefer" in response.headers["access-control-allow-headers"]
    exposed = stack.nobody.get("/attachments/x/", headers={"Origin": stack.origin})
    assert "preference-applied" in exposed.headers["access-control-expose-headers"]
