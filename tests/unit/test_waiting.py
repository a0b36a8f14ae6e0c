"""`Prefer: wait` in the words of RFC 7240, and looking again until there is something to say."""

from collections.abc import Callable

import pytest

from attachments.errors import NotFoundError
from attachments.model import Attachment, Status
from functions.serve_attachments.serve import Serving, Shown
from functions.serve_attachments.waiting import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    LONGEST_WAIT_S,
    Patience,
    preferred_wait,
)
from tests.builders import CONVERSATION, NOON, PARTICIPANT, SENDER, in_state
from tests.fakes import World


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("WAIT=5", 5),
        ("wait = 5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=7", 7),
        ("wait=3; foo=bar", 3),
        ("wait=3, wait=7", 3),
        ("return=minimal,wait=0", 0),
        ("wait=10", 10),
        ("wait=11", LONGEST_WAIT_S),
        ("wait=999999999", LONGEST_WAIT_S),
    ],
)
def test_the_seconds_of_a_preference_are_understood(header: str, seconds: int) -> None:
    assert preferred_wait(header) == seconds


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "wait",
        "wait=",
        "wait=-1",
        "wait=1.5",
        "wait=soon",
        "wait=٣",
        "wait=1000000000000",
        "waiting=5",
        "handling=lenient",
        ",,,",
    ],
)
def test_what_is_no_number_of_seconds_is_passed_over(header: str | None) -> None:
    assert preferred_wait(header) is None


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, seconds: float) -> Patience:
        return Patience(seconds, self.sleep, lambda: self.now)


def test_patience_ends_as_soon_as_it_holds() -> None:
    time = Time()
    time.patience(10).until(lambda: time.now >= 101)
    assert 101 <= time.now <= 101 + LONGEST_PAUSE_S


def test_patience_ends_with_its_time() -> None:
    time = Time()
    time.patience(5).until(lambda: False)
    assert time.now == pytest.approx(105)


def test_looking_is_soon_at_first_and_then_seldom() -> None:
    time = Time()
    time.patience(LONGEST_WAIT_S).until(lambda: False)
    assert time.pauses[0] == FIRST_PAUSE_S
    assert max(time.pauses) == LONGEST_PAUSE_S
    assert len(time.pauses) <= 20


@pytest.mark.parametrize("seconds", [0, -3.0])
def test_without_patience_nobody_looks_and_nobody_sleeps(seconds: float) -> None:
    time = Time()
    time.patience(seconds).until(lambda: pytest.fail("looked"))
    assert time.pauses == []


# ---------------------------------------------------------------- the record meanwhile


class Busy(Time):
    """Somebody acts while the caller sleeps."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._acts = [act]

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.now > 101 and self._acts:
            self._acts.pop()()


@pytest.fixture
def attachment(world: World) -> Attachment:
    return world.add(Status.PENDING)


def get(world: World, attachment: Attachment, patience: Patience) -> Shown:
    return Serving(
        caller=SENDER,
        catalog=world.catalog,
        chat=world.chat,
        activity=world.activity,
        storage=world.storage,
        deletion=world.deletion,
        clock=world.clock,
        url_seconds=900,
    ).get(attachment.id, patience=patience)


@pytest.mark.parametrize("status", [Status.READY, Status.REJECTED, Status.FAILED, Status.EXPIRED])
def test_who_waits_sees_the_record_as_soon_as_it_is_decided(
    world: World, attachment: Attachment, status: Status
) -> None:
    time = Busy(lambda: world.catalog.change(in_state(attachment, status), None))
    assert get(world, attachment, time.patience(10)).view.status is status
    assert time.now < 103


def test_a_renewed_upload_is_waited_for_further(world: World, attachment: Attachment) -> None:
    time = Busy(lambda: world.catalog.change(attachment.renewed(due_at=NOON), None))
    assert get(world, attachment, time.patience(5)).view.status is Status.PENDING
    assert time.now == pytest.approx(105)


def test_who_waits_in_vain_sees_it_pending(world: World, attachment: Attachment) -> None:
    time = Time()
    shown = get(world, attachment, time.patience(5))
    assert (shown.view.status, shown.headers["Retry-After"]) == (Status.PENDING, "1")
    assert time.now == pytest.approx(105)


def test_what_is_decided_is_answered_at_once(world: World) -> None:
    time = Time()
    get(world, world.add(Status.READY), time.patience(10))
    assert time.pauses == []


def test_what_is_deleted_meanwhile_is_not_there(world: World, attachment: Attachment) -> None:
    time = Busy(lambda: world.catalog.change(in_state(attachment, Status.DELETED), None))
    with pytest.raises(NotFoundError):
        get(world, attachment, time.patience(10))


def test_who_leaves_while_waiting_sees_nothing(world: World, attachment: Attachment) -> None:
    def leave() -> None:
        world.chat.put_conversation(CONVERSATION, [PARTICIPANT.user_id], 2)
        world.catalog.change(in_state(attachment, Status.READY), None)

    with pytest.raises(NotFoundError):
        get(world, attachment, Busy(leave).patience(10))
