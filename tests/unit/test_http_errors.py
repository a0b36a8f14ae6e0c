"""The HTTP edge: errors as problems."""

from collections.abc import Callable
from types import ModuleType

import pytest

from attachments.errors import (
    AttachmentsError,
    LimitExceededError,
    MessageGoneError,
    MethodNotAllowedError,
    StaleRecordError,
)
from attachments.http_edge import HttpEdge
from attachments.ids import utc_now
from attachments.limits import RateLimiter
from attachments.problems import PROBLEMS, render
from attachments.settings import TokenClaim
from attachments.tokens import KeySet, TokenVerifier
from tests.builders import settings_of
from tests.conftest import KeyServer
from tests.doors import DOORS, Answer, Doors
from tests.fakes import MemoryGuards
from tests.unit.problems import problem


def edge_that_raises(error: Exception, key_server: KeyServer) -> HttpEdge:
    verifier = TokenVerifier(
        KeySet(key_server.url),
        issuer="chat.example",
        audience="attachments",
        admin=TokenClaim.parse("role=admin"),
        service=TokenClaim.parse("role=service"),
    )
    limiter = RateLimiter(MemoryGuards(), settings_of(), utc_now)
    edge = HttpEdge(lambda: verifier, lambda: limiter, service="report")

    @edge.get("/raise")
    def fail() -> None:
        raise error

    return edge


class SecretError(Exception):
    pass


@pytest.fixture
def raising(
    doors: Doors, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Exception], Answer]:
    """The answer to a request that raises this."""

    def answer(error: Exception) -> Answer:
        door = ModuleType("door")
        door.handler = edge_that_raises(error, key_server).resolve  # type: ignore[attr-defined]
        monkeypatch.setitem(DOORS, "raises", door)
        return doors.call("raises", "GET", "/raise/")

    return answer


def test_a_record_that_never_rests_is_a_conflict_to_try_again(
    raising: Callable[[Exception], Answer],
) -> None:
    answer = raising(StaleRecordError("0192f000"))
    body = problem(answer, 409, "conflict")
    assert body["detail"] == "The attachment is changing; try again."
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "error",
    [
        SecretError("table offchat-prod, token eyJhbGciOi"),
        KeyError("token eyJhbGciOi"),
        MessageGoneError("eyJhbGciOi", fields={"eyJhbGciOi": "eyJhbGciOi"}),
    ],
)
def test_an_internal_error_shows_nothing_of_itself(
    raising: Callable[[Exception], Answer], error: Exception
) -> None:
    answer = raising(error)
    body = problem(answer, 500, "internal")
    assert body["detail"] == "Try again; nothing was lost."
    assert "eyJhbGciOi" not in answer.body
    assert type(error).__name__ not in answer.body


@pytest.mark.parametrize("error", list(PROBLEMS), ids=lambda error: error.__name__)
def test_every_error_of_the_table_has_a_title_and_a_detail(error: type[AttachmentsError]) -> None:
    made: dict[type[AttachmentsError], AttachmentsError] = {
        MethodNotAllowedError: MethodNotAllowedError("", allowed=("GET",)),
        LimitExceededError: LimitExceededError("", headers={}),
    }
    raised = made.get(error) or error()
    status, body, _ = render(raised, "r")
    assert 400 <= status < 600
    assert status.value == body["status"] == PROBLEMS[error][0]
    assert body["title"]
    assert body["detail"]


def test_no_two_errors_share_their_type() -> None:
    kinds = [kind for _, kind, _, _ in PROBLEMS.values()]
    assert len(kinds) == len(set(kinds))
