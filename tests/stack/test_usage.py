"""The usage report: it follows what happens, and is for admins."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.stack.client import Stack, eventually, note, problem

pytestmark = pytest.mark.promise
USAGE = "/reports/usage/"
RESTS = 5  # looks in a row, half a second apart


def days() -> dict[str, str]:
    """Today, also if midnight passes."""
    today = datetime.now(UTC).date()
    return {
        "from": (today - timedelta(days=1)).isoformat(),
        "to": (today + timedelta(days=1)).isoformat(),
    }


def report(stack: Stack, **query: Any) -> Any:
    response = stack.admin.get(USAGE, params={**days(), **query})
    assert response.status_code == 200, response.text
    return response.json()


def ready_documents(stack: Stack) -> tuple[int, int]:
    found = [
        kind
        for kind in report(stack)["kinds"]
        if (kind["file_type"], kind["status"]) == ("document", "ready")
    ]
    return (found[0]["files"], found[0]["bytes"]) if found else (0, 0)


def at_rest(stack: Stack) -> tuple[int, int]:
    """The same, once nothing of what other tests sent comes in any more."""
    seen = [ready_documents(stack)]

    def rests() -> bool:
        time.sleep(0.5)
        seen.append(ready_documents(stack))
        return len(seen) > RESTS and len(set(seen[-RESTS:])) == 1

    assert eventually(rests)
    return seen[-1]


def test_an_upload_and_its_deletion_are_counted(stack: Stack) -> None:
    files, size = at_rest(stack)
    sent = stack.sender.upload(stack.message(), note())
    more = (files + 1, size + sent["file_size"])
    assert eventually(lambda: ready_documents(stack), lambda seen: seen == more) == more
    assert report(stack)["as_of"] is not None
    stack.sender.delete(f"/attachments/{sent['id']}/")
    less = (files, size)
    assert eventually(lambda: ready_documents(stack), lambda seen: seen == less) == less


def test_a_day_is_the_sum_of_its_types(stack: Stack) -> None:
    stack.sender.upload(stack.message(), note())
    found = eventually(lambda: report(stack)["days"], bool)
    for day in found:
        assert day["files"] == sum(each["files"] for each in day["by_type"].values())
        assert day["bytes"] == sum(each["bytes"] for each in day["by_type"].values())


def test_who_stores_most_comes_first(stack: Stack) -> None:
    stack.sender.upload(stack.message(), note())
    users = report(stack, top=100)["users"]
    assert [user["bytes"] for user in users] == sorted(
        (user["bytes"] for user in users), reverse=True
    )
    [sender] = [user for user in users if user["user_id"] == "sender"]
    assert sender["files"] >= 1
    assert len(report(stack, top=1)["users"]) == 1


@pytest.mark.parametrize("user", ["sender", "participant", "stranger"])
def test_nobody_else_learns_how_much_there_is(stack: Stack, user: str) -> None:
    problem(stack.users[user].get(USAGE), 403)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "soon"}, "from"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "from"),
        ({"top": "0"}, "top"),
        ({"top": "101"}, "top"),
    ],
)
def test_a_report_of_nothing_that_there_is_is_refused(
    stack: Stack, query: dict[str, str], field: str
) -> None:
    refused = problem(stack.admin.get(USAGE, params=query), 422)
    assert [error["field"] for error in refused["errors"]] == [field]
