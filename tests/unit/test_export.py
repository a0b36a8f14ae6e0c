"""All that is kept about a user."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from attachments.activity import entry
from attachments.ids import new_id
from attachments.model import Action, Message, Status
from tests.builders import CONVERSATION, MESSAGE, SERVICE
from tests.conftest import KeyServer
from tests.doors import Answer, Doors, opened
from tests.fakes import World


@pytest.fixture
def doors(world: World, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    with opened(world, key_server, monkeypatch) as doors:
        yield doors


def export(doors: Doors, user: str = "sender", query: str = "") -> Answer:
    path = f"/api/chat/users/{user}/export/"
    return doors.call("sync_chat", "GET", path, caller=SERVICE, query=query)


def pages(doors: Doors, limit: int) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    for _ in range(100):
        query = f"limit={limit}" + (f"&cursor={quote(cursor)}" if cursor else "")
        answer = export(doors, query=query)
        assert answer.status == 200, answer.body
        found.append(answer.json["items"])
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


@pytest.fixture
def filled(world: World) -> World:
    """Attachments, deleted ones too, a second message, and some activity."""
    for status in Status:
        attachment = world.add(status)
        done = entry(Action.FILE_DOWNLOADED, attachment, user_id="sender", at=world.now)
        world.activity.add(done)
    world.add(uploaded_by="participant")
    second = Message(id=new_id(), conversation_id=CONVERSATION, sender_id="sender", version=1)
    world.chat.put_message(second)
    return world


def test_everything_about_a_user_is_listed_and_nothing_about_others(
    filled: World, doors: Doors
) -> None:
    items = export(doors).json["items"]
    kinds = [item["kind"] for item in items]
    states = len(Status)
    expected = {
        "attachment": states,
        "conversation": 1,
        "message": 2,
        "activity": states,
        "usage": 1,
    }
    assert {kind: kinds.count(kind) for kind in kinds} == expected
    about = {item["kind"]: item["about"] for item in items}
    assert about["conversation"] == {"id": CONVERSATION}
    assert {item["about"]["id"] for item in items if item["kind"] == "message"} >= {MESSAGE}
    assert all(
        item["about"]["uploaded_by"] == "sender" for item in items if item["kind"] == "attachment"
    )
    assert about["usage"]["pending_uploads"] == 1
    assert "participant" not in export(doors).body


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 100])
def test_pages_of_any_size_hold_the_same(filled: World, doors: Doors, limit: int) -> None:
    whole = pages(doors, 100)[0]
    found = pages(doors, limit)
    assert [item for page in found for item in page] == whole
    assert all(len(page) == limit for page in found[:-1])


def test_of_a_user_who_is_not_known_there_is_nothing(doors: Doors) -> None:
    assert export(doors, "nobody").json == {"items": [], "next_cursor": None}


def test_a_cursor_of_another_user_is_refused(filled: World, doors: Doors) -> None:
    cursor = export(doors, query="limit=2").json["next_cursor"]
    answer = export(doors, "participant", query=f"limit=2&cursor={cursor}")
    assert answer.status == 400


@pytest.mark.parametrize("user", ["auth0|1", "ann@chat.example", "Ann Lee", "\u00e9"])
def test_a_user_id_may_hold_what_a_path_may(doors: Doors, world: World, user: str) -> None:
    world.chat.put_conversation(new_id(), [user], 1)
    assert len(export(doors, user).json["items"]) == 1


def test_what_an_erasure_did_is_answered(filled: World, doors: Doors) -> None:
    answer = doors.call("sync_chat", "DELETE", "/api/chat/users/sender/", caller=SERVICE)
    assert answer.status == 200, answer.body
    assert answer.json == {
        "id": "sender",
        "deleted_attachments": len(Status),
        "removed_memberships": 1,
        "pseudonymised_messages": 2,
        "pseudonymised_entries": len(Status),
        "finished": False,
    }
    kept = export(doors).json["items"]
    assert [item["kind"] for item in kept] == ["usage"]
