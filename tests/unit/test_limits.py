"""How much one user may ask for, and how they are told."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from attachments.errors import LimitExceededError
from attachments.ids import new_id
from attachments.limits import WINDOW, RateLimiter, Window
from attachments.model import Caller, Status, Usage
from attachments.routes import ROUTES, Allowance, allowance_of
from attachments.settings import MEGABYTE as MB
from tests.builders import ADMIN, MESSAGE, NOON, SENDER, SERVICE, settings_of
from tests.conftest import KeyServer
from tests.doors import Answer, Doors, opened
from tests.fakes import MemoryGuards, World


def limiter(world: World, **settings: int) -> RateLimiter:
    return RateLimiter(world.guards, settings_of(**settings), world.clock)


def passed(counting: RateLimiter, caller: Caller, allowance: Allowance, times: int) -> int:
    """How many of so many calls are let through."""
    through = 0
    for _ in range(times):
        try:
            counting.count(caller, allowance)
        except LimitExceededError:
            continue
        through += 1
    return through


# ---------------------------------------------------------------- calls a minute


def test_as_many_calls_pass_in_a_minute_as_are_allowed_and_then_again(world: World) -> None:
    counting = limiter(world, calls_per_minute=5)
    assert passed(counting, SENDER, Allowance.CALLS, 20) == 5
    world.pass_time(WINDOW)
    assert passed(counting, SENDER, Allowance.CALLS, 20) == 5


def test_each_kind_of_call_has_its_own_allowance(world: World) -> None:
    counting = limiter(world, calls_per_minute=3, uploads_per_minute=2, sign_calls_per_minute=7)
    through = {kind: passed(counting, SENDER, kind, 10) for kind in Allowance}
    assert through == {Allowance.CALLS: 3, Allowance.UPLOADS: 2, Allowance.SIGN: 7}


def test_one_users_calls_are_not_anothers(world: World) -> None:
    counting = limiter(world, calls_per_minute=3)
    assert passed(counting, SENDER, Allowance.CALLS, 9) == 3
    assert passed(counting, Caller("participant"), Allowance.CALLS, 9) == 3


def test_admins_have_an_allowance_of_their_own_and_the_service_has_none(world: World) -> None:
    counting = limiter(world, calls_per_minute=1, admin_calls_per_minute=4)
    assert passed(counting, ADMIN, Allowance.CALLS, 9) == 4
    assert passed(counting, SERVICE, Allowance.CALLS, 50) == 50
    assert counting.count(SERVICE, Allowance.CALLS) == {}


def test_what_is_left_is_told_with_every_call(world: World) -> None:
    counting = limiter(world, calls_per_minute=2)
    left = Window.of("sender", NOON).seconds_left(NOON)
    assert counting.count(SENDER, Allowance.CALLS) == {
        "RateLimit-Policy": '"calls";q=2;w=60',
        "RateLimit": f'"calls";r=1;t={left}',
    }
    counting.count(SENDER, Allowance.CALLS)
    with pytest.raises(LimitExceededError) as refused:
        counting.count(SENDER, Allowance.CALLS)
    assert refused.value.headers == {
        "RateLimit-Policy": '"calls";q=2;w=60',
        "RateLimit": f'"calls";r=0;t={left}',
        "Retry-After": str(left),
    }


@pytest.mark.parametrize("user", ["sender", "participant", "ann", "\u00e9"])
def test_who_waits_as_long_as_told_is_in_the_next_minute(user: str) -> None:
    for milliseconds in range(0, 61_000, 499):
        now = NOON + timedelta(milliseconds=milliseconds)
        window = Window.of(user, now)
        assert window.ends_at - WINDOW <= now < window.ends_at
        then = now + timedelta(seconds=window.seconds_left(now))
        assert Window.of(user, then).number == window.number + 1


def test_not_everybodys_minute_begins_at_the_same_second() -> None:
    seconds = {Window.of(f"user-{n}", NOON).seconds_left(NOON) for n in range(200)}
    assert len(seconds) > 30


class CountingGuards(MemoryGuards):
    """Knows how often it was asked to count."""

    asked = 0

    def count(self, counter: str, *, limit: int, expires_at: datetime) -> int | None:
        self.asked += 1
        return super().count(counter, limit=limit, expires_at=expires_at)


def test_who_was_refused_costs_no_write_in_that_minute() -> None:
    guards = CountingGuards()
    counting = RateLimiter(guards, settings_of(calls_per_minute=2), lambda: NOON)
    assert passed(counting, SENDER, Allowance.CALLS, 50) == 2
    assert guards.asked == 3


class BrokenGuards(MemoryGuards):
    def count(self, counter: str, *, limit: int, expires_at: datetime) -> int | None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")


def test_a_call_that_cannot_be_counted_is_not_let_through() -> None:
    counting = RateLimiter(BrokenGuards(), settings_of(), lambda: NOON)
    with pytest.raises(ClientError):
        counting.count(SENDER, Allowance.CALLS)


def test_upload_requests_are_counted_as_such_and_everything_else_as_calls() -> None:
    uploads = {route.path for route in ROUTES if route.allowance is Allowance.UPLOADS}
    assert {"/api/chat/videos/upload", "/api/chat/upload"} <= uploads
    assert allowance_of("POST", "/api/chat/upload") is Allowance.UPLOADS
    assert allowance_of("GET", "/api/chat/upload") is Allowance.CALLS
    assert allowance_of("GET", "/nothing") is Allowance.CALLS


# ---------------------------------------------------------------- at the door


@pytest.fixture
def doors(world: World, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    limits = {"max_pending_uploads": 2, "max_stored_megabytes": 10}
    with opened(world, key_server, monkeypatch, **limits) as doors:
        yield doors


def ask(doors: Doors, *, caller: Caller = SENDER, size: int = 7, key: str = "") -> Answer:
    body = {"message_id": MESSAGE, "file_name": "a.mp4", "file_size": size}
    headers = {"idempotency-key": key} if key else {}
    return doors.call(
        "issue_upload",
        "POST",
        "/api/chat/upload/",
        caller=caller,
        body={**body, "mime_type": "video/mp4"},
        headers=headers,
    )


def refused(answer: Answer, policy: str) -> dict[str, Any]:
    assert answer.status == 429, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["RateLimit-Policy"].startswith(f'"{policy}";q=')
    assert answer.headers["RateLimit"].startswith(f'"{policy}";r=')
    body: dict[str, Any] = answer.json
    assert body["type"] == "urn:offchat:problem:limit-exceeded"
    return body


def test_a_call_too_many_is_answered_429_whatever_it_was(doors: Doors) -> None:
    doors.world.limiter = limiter(doors.world, calls_per_minute=2)
    for path in ("/api/chat/nothing/", f"/api/chat/attachments/{new_id()}/"):
        answer = doors.call("serve_attachments", "GET", path)
        assert answer.status == 404
        assert answer.headers["RateLimit-Policy"] == '"calls";q=2;w=60'
    refused(doors.call("serve_attachments", "GET", "/api/chat/attachments/"), "calls")
    assert doors.call("serve_attachments", "GET", "/api/chat/x/", caller=None).status == 401


def test_an_upload_request_too_many_is_answered_429_and_leaves_nothing(doors: Doors) -> None:
    doors.world.limiter = limiter(doors.world, uploads_per_minute=1)
    assert ask(doors).headers["RateLimit"].startswith('"uploads";r=0;t=')
    refused(ask(doors), "uploads")
    assert len(doors.world.catalog.records) == 1


def test_an_upload_under_way_too_many_is_answered_429(doors: Doors) -> None:
    first, _ = ask(doors, key="k"), ask(doors)
    body = refused(ask(doors), "pending-uploads")
    assert body["detail"] == "You may have 2 uploads under way. Finish or delete some."
    assert len(doors.world.catalog.records) == 2
    assert ask(doors, key="k").json["id"] == first.json["id"]  # a retry begins nothing
    assert ask(doors, caller=ADMIN).status == 201
    path = f"/api/chat/attachments/{first.json['id']}/"
    assert doors.call("serve_attachments", "DELETE", path).status == 200
    assert ask(doors).status == 201


def test_more_bytes_than_a_user_may_store_are_answered_429(doors: Doors) -> None:
    assert ask(doors, size=6 * MB).status == 201
    body = refused(ask(doors, size=4 * MB + 1), "stored-bytes")
    assert body["detail"] == "You may store 10 MB, and this is more. Delete some files first."
    assert ask(doors, size=4 * MB).status == 201


def test_a_file_that_is_larger_than_all_that_a_user_may_store_is_refused(doors: Doors) -> None:
    refused(ask(doors, size=11 * MB), "stored-bytes")
    assert doors.world.guards.held("sender") is None


# ---------------------------------------------------------------- what a user holds


@pytest.mark.parametrize(
    ("status", "held"),
    [
        (Status.PENDING, Usage(1, 20)),
        (Status.READY, Usage(0, 20)),
        (Status.FAILED, Usage(0, 20)),
        (Status.REJECTED, Usage()),
        (Status.EXPIRED, Usage()),
        (Status.DELETED, Usage()),
    ],
)
def test_what_a_user_holds_follows_the_state(world: World, status: Status, held: Usage) -> None:
    world.add(status)
    counted = world.guards.held("sender")
    assert counted is not None
    assert counted.usage == held


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.DELETED])
def test_deleting_frees_all_of_it_once(world: World, status: Status) -> None:
    attachment = world.add(status)
    for _ in range(2):
        world.deletion.attachment(attachment, user_id="sender", admin_override=False)
        counted = world.guards.held("sender")
        assert counted is not None
        assert counted.usage == Usage()
