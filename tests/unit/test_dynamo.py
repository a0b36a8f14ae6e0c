"""Transactions that meet others, and the days that a page looks at."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from attachments import dynamo
from attachments.dynamo import CONFLICT_TRIES, SHARDS, ConditionFailedError, Window, transact
from attachments.errors import InvalidCursorError


class CancelledError(ClientError):
    def __init__(self, *codes: str) -> None:
        reasons = [{"Code": code} for code in codes]
        super().__init__(
            cast(Any, {"Error": {"Code": "x"}, "CancellationReasons": reasons}),
            "TransactWriteItems",
        )


class Table:
    """A client whose transactions are cancelled as told, then succeed."""

    class exceptions:  # noqa: N801 as boto3 has it
        TransactionCanceledException = CancelledError

    def __init__(self, *cancelled: CancelledError) -> None:
        self._cancelled = list(cancelled)
        self.calls = 0

    def transact_write_items(self, TransactItems: list[Any]) -> None:  # noqa: N803
        self.calls += 1
        if self._cancelled:
            raise self._cancelled.pop(0)


def run(table: Table) -> list[float]:
    """The pauses between the tries."""
    pauses: list[float] = []
    parts: dict[str, Any] = {"record": {}, "message": {}, "link": {}}
    transact(cast(Any, table), parts, sleep=pauses.append)
    return pauses


def test_a_transaction_that_meets_another_is_tried_again() -> None:
    table = Table(*[CancelledError("None", "TransactionConflict", "None")] * 3)
    pauses = run(table)
    assert table.calls == 4
    assert len(pauses) == 3
    assert all(0 < pause <= 0.5 for pause in pauses)


def test_a_condition_that_does_not_hold_is_final() -> None:
    table = Table(CancelledError("None", "ConditionalCheckFailed", "TransactionConflict"))
    with pytest.raises(ConditionFailedError) as refused:
        run(table)
    assert refused.value.failed == {"message"}
    assert table.calls == 1


def test_a_wrong_request_is_not_repeated() -> None:
    table = Table(CancelledError("None", "None", "ValidationError"))
    with pytest.raises(CancelledError):
        run(table)
    assert table.calls == 1


def test_an_endless_conflict_rises_in_the_end() -> None:
    table = Table(*[CancelledError("TransactionConflict", "None", "None")] * 99)
    with pytest.raises(CancelledError):
        run(table)
    assert table.calls == CONFLICT_TRIES


def test_keys_that_a_batch_left_out_are_asked_for_again() -> None:
    class Batches:
        def __init__(self) -> None:
            self.asked: list[list[Any]] = []

        def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
            keys = RequestItems["t"]["Keys"]
            assert RequestItems["t"]["ConsistentRead"]
            self.asked.append(keys)
            rest = keys[1:]
            return {
                "Responses": {"t": [{**keys[0], "seen": True}]},
                "UnprocessedKeys": {"t": {"Keys": rest}} if rest else {},
            }

    client = Batches()
    keys = [{"id": "b"}, {"id": "a"}]
    items = dynamo.get_items(cast(Any, client), "t", keys)
    assert [item["id"] for item in items] == ["b", "a"]
    assert client.asked == [keys, keys[1:]]


def test_streams_are_merged_newest_first() -> None:
    def stream(*sorts: str) -> Iterator[dict[str, Any]]:
        return iter([{"sort": sort} for sort in sorts])

    merged = dynamo.merge_newest([stream("9", "5", "1"), stream(), stream("8", "5"), stream("7")])
    assert [item["sort"] for item in merged] == ["9", "8", "7", "5", "5", "1"]


@given(st.text())
def test_a_shard_is_one_of_them_and_always_the_same(identifier: str) -> None:
    try:
        number = dynamo.shard(identifier)
    except UnicodeEncodeError:
        return  # a lone surrogate is in no identifier
    assert 0 <= number < SHARDS
    assert dynamo.shard(identifier) == number


def test_shards_fill_evenly() -> None:
    counts = [0] * SHARDS
    for number in range(8000):
        counts[dynamo.shard(f"id-{number}")] += 1
    assert all(850 < count < 1150 for count in counts)


days = st.dates()


@given(first=days, span=st.integers(0, 400))
def test_windows_walk_over_every_day_and_end(first: date, span: int) -> None:
    last = date.fromordinal(min(first.toordinal() + span, date.max.toordinal()))
    seen: list[date] = []
    after: str | None = None
    for _ in range(20):
        window = Window.of(first, last, after)
        assert len(list(window)) <= Window.DAYS
        seen += [day for day in window if day not in seen]
        after = window.resume
        if after is None:
            break
    assert after is None
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == (last - first).days + 1


def test_a_window_begins_with_the_day_of_the_position() -> None:
    last = date(2024, 5, 17)
    window = Window.of(last - timedelta(days=9), last, "2024-05-15T12:00:00.000Z#id")
    assert next(iter(window)) == date(2024, 5, 15)


@pytest.mark.parametrize("position", ["", "x", "2024-13-01T", "yesterday"])
def test_a_position_in_no_day_is_refused(position: str) -> None:
    with pytest.raises(InvalidCursorError):
        Window.of(date(2024, 1, 1), date(2024, 1, 2), position)
