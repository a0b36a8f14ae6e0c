"""Exactly as many pass as may, however many ask at once; and what is counted stays true."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from attachments import dynamo
from attachments.errors import LimitExceededError
from attachments.guards import RECOUNT_EVERY
from attachments.ids import new_id
from attachments.limits import RateLimiter
from attachments.model import Attachment, Caller, Status, Usage
from attachments.routes import Allowance
from functions.sweep.recount import recount
from tests.builders import in_state, settings_of
from tests.contract.conftest import Stores
from tests.contract.records import attached, note

AT_ONCE, ALLOWED = 100, 37


def passing(act: Callable[[int], object]) -> int:
    """How many of a hundred calls at once are let through."""
    start = threading.Barrier(AT_ONCE)

    def attempt(number: int) -> bool:
        start.wait()
        try:
            act(number)
        except LimitExceededError:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(attempt, range(AT_ONCE))).count(True)


@pytest.mark.parametrize("allowance", list(Allowance))
def test_of_a_hundred_calls_at_once_exactly_as_many_pass_as_may(
    stores: Stores, noon: datetime, allowance: Allowance
) -> None:
    settings = settings_of(
        calls_per_minute=ALLOWED, uploads_per_minute=ALLOWED, sign_calls_per_minute=ALLOWED
    )
    user = Caller(new_id())
    # Functions count each for themselves: nothing is remembered from one to the next.
    limiters = [RateLimiter(stores.guards, settings, lambda: noon) for _ in range(AT_ONCE)]
    assert passing(lambda number: limiters[number].count(user, allowance)) == ALLOWED


def drafts(stores: Stores, at: datetime, size: int) -> list[Attachment]:
    """A hundred uploads that one user could ask for."""
    message, user = stores.message(), new_id()
    return [
        attached(message, at, uploaded_by=user, file_size=size, due_at=at + timedelta(days=9))
        for _ in range(AT_ONCE)
    ]


@pytest.mark.parametrize(
    "most", [Usage(ALLOWED, 10**9), Usage(10**9, ALLOWED * 1000 + 999)], ids=["uploads", "bytes"]
)
def test_of_a_hundred_uploads_at_once_exactly_as_many_begin_as_may(
    stores: Stores, noon: datetime, most: Usage
) -> None:
    made = drafts(stores, noon, 1000)

    def create(number: int) -> None:
        stores.catalog.create(made[number], note(made[number]), most=most)

    assert passing(create) == ALLOWED
    user = made[0].uploaded_by
    held = stores.guards.held(user)
    assert held is not None
    assert held.usage == Usage(ALLOWED, ALLOWED * 1000)
    assert len(list(stores.catalog.of_uploader(user))) == ALLOWED


def test_an_upload_that_is_refused_leaves_nothing(stores: Stores, noon: datetime) -> None:
    first, second, *_ = drafts(stores, noon, 10)
    stores.catalog.create(first, note(first), most=Usage(1, 100))
    with pytest.raises(LimitExceededError) as refused:
        stores.catalog.create(second, note(second), most=Usage(1, 100))
    assert refused.value.headers["RateLimit"] == '"pending-uploads";r=0'
    assert [each.id for each in stores.catalog.of_uploader(first.uploaded_by)] == [first.id]
    assert list(stores.activity.of_attachment(second.id, after=None)) == []


def test_without_a_limit_uploads_are_counted_and_not_refused(
    stores: Stores, noon: datetime
) -> None:
    first, second, *_ = drafts(stores, noon, 10)
    for each in (first, second):
        stores.catalog.create(each, note(each), most=None)
    held = stores.guards.held(first.uploaded_by)
    assert held is not None
    assert held.usage == Usage(2, 20)


def test_what_is_held_changes_with_the_record_and_only_then(stores: Stores, noon: datetime) -> None:
    [draft, *_] = drafts(stores, noon, 20)
    stores.catalog.create(draft, note(draft))

    def usage() -> Usage:
        held = stores.guards.held(draft.uploaded_by)
        assert held is not None
        return held.usage

    renewed = draft.renewed(due_at=noon + timedelta(days=10))
    stores.catalog.change(renewed, None)
    assert usage() == Usage(1, 20)
    ready = in_state(stores.catalog.get(draft.id), Status.READY)
    stores.catalog.change(ready, None)
    assert usage() == Usage(0, 20)
    deleted = stores.catalog.get(draft.id).deleted(now=noon)
    stores.catalog.change(deleted, None)
    assert usage() == Usage()
    stores.catalog.change(
        stores.catalog.get(draft.id).purged(now=noon, keep=timedelta(days=30)), None
    )
    assert usage() == Usage()


# ---------------------------------------------------------------- counting anew


def to_recount(stores: Stores, now: datetime) -> set[str]:
    return {user for n in range(dynamo.SHARDS) for user in stores.guards.to_recount(now, n)}


def drifted(stores: Stores, noon: datetime) -> str:
    """A user who is said to hold more than they do."""
    first, second, *_ = drafts(stores, noon, 10)
    for each in (first, second):
        stores.catalog.create(each, note(each))
    stores.catalog.change(in_state(second, Status.READY), None)
    excess = {"excess": stores.guards.hold(first.uploaded_by, Usage(3, 500), noon, most=None)}
    _write(stores, excess)
    return first.uploaded_by


def _write(stores: Stores, parts: dict[str, dict[str, object]]) -> None:
    """Whatever a bug of ours could write by itself."""
    for part in parts.values():
        if "apply" in part:
            part["apply"]()  # type: ignore[operator]
        else:
            dynamo.transact(stores.guards._client, parts)


def test_a_count_that_drifted_is_put_right(stores: Stores, noon: datetime) -> None:
    user = drifted(stores, noon)
    later = noon + RECOUNT_EVERY
    assert user in to_recount(stores, later)
    difference = recount(user, later, guards=stores.guards, catalog=stores.catalog)
    assert difference == Usage(-3, -500)
    held = stores.guards.held(user)
    assert held is not None
    assert held.usage == Usage(1, 30)
    assert user not in to_recount(stores, later)


def test_a_count_is_looked_at_soon_after_it_refused_somebody(
    stores: Stores, noon: datetime
) -> None:
    user = drifted(stores, noon)
    [extra, *_] = drafts(stores, noon, 10)
    extra = replace(extra, uploaded_by=user)
    with pytest.raises(LimitExceededError):
        stores.catalog.create(extra, note(extra), most=Usage(4, 10_000))
    assert user in to_recount(stores, noon)
    later = noon + timedelta(minutes=2)
    assert recount(user, later, guards=stores.guards, catalog=stores.catalog) is not None
    stores.guards.recount_at(user, later)
    assert user in to_recount(stores, later)
    stores.catalog.create(extra, note(extra), most=Usage(4, 10_000))


def test_a_count_that_changes_is_left_alone(stores: Stores, noon: datetime) -> None:
    user = drifted(stores, noon)
    just_after = noon + timedelta(seconds=59)
    assert recount(user, just_after, guards=stores.guards, catalog=stores.catalog) is None
    held = stores.guards.held(user)
    assert held is not None
    assert not stores.guards.recounted(user, Usage(), files=0, revision=held.revision - 1)
    assert stores.guards.held(user) == held
