"""The activity log: who did what to which attachment, when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from tests.stack.client import Json, Stack, eventually, note

LOG = "/reports/activity/"


@dataclass(frozen=True)
class Story:
    """An attachment that was uploaded, downloaded and deleted."""

    record: Json
    entries: list[Json]


@pytest.fixture(scope="module")
def story(stack: Stack) -> Story:
    record = stack.sender.upload(stack.message(), note())
    stack.participant.get(f"/attachments/{record['id']}/download/")
    stack.sender.delete(f"/attachments/{record['id']}/")
    return Story(record, stack.history(record["id"]))


def of(story: Story, entries: list[Json]) -> list[Json]:
    """Those about the story's attachment, oldest first."""
    return [entry for entry in entries[::-1] if entry["attachment_id"] == story.record["id"]]


def instant(entry: Json, offset_ms: int = 0) -> str:
    shifted = datetime.fromisoformat(entry["at"]) + timedelta(milliseconds=offset_ms)
    return shifted.isoformat()


def test_the_log_of_an_attachment_tells_its_whole_story(stack: Stack, story: Story) -> None:
    told = [(entry["action"], entry["user_id"]) for entry in story.entries]
    assert told == [
        ("upload_requested", stack.sender.id),
        ("file_uploaded", stack.sender.id),
        ("file_downloaded", stack.participant.id),
        ("file_deleted", stack.sender.id),
    ]
    times = [entry["at"] for entry in story.entries]
    assert times == sorted(times)
    assert len({entry["id"] for entry in story.entries}) == 4
    for entry in story.entries:
        assert entry["attachment_id"] == story.record["id"]
        assert entry["message_id"] == story.record["message_id"]
        assert entry["conversation_id"] == story.record["conversation_id"]
        assert entry["admin_override"] is False


def test_the_log_can_be_asked_for_one_user(stack: Stack, story: Story) -> None:
    user, first = stack.participant.id, instant(story.entries[0])
    entries = eventually(
        lambda: stack.admin.items(LOG, **{"user": user, "from": first}),
        lambda entries: bool(of(story, entries)),
    )
    assert {entry["user_id"] for entry in entries} == {user}
    assert of(story, entries) == story.entries[2:3]


def test_the_log_can_be_asked_for_a_time(stack: Stack, story: Story) -> None:
    uploaded, downloaded = story.entries[1:3]
    span = {"from": instant(uploaded), "to": instant(downloaded)}
    entries = eventually(
        lambda: stack.admin.items(LOG, **span), lambda entries: len(of(story, entries)) == 2
    )
    assert of(story, entries) == [uploaded, downloaded]
    assert all(uploaded["at"] <= entry["at"] <= downloaded["at"] for entry in entries)
    times = [entry["at"] for entry in entries]
    assert times == sorted(times, reverse=True)


def test_the_log_can_be_asked_for_a_user_an_attachment_and_a_time_at_once(
    stack: Stack, story: Story
) -> None:
    asked = {"user": stack.sender.id, "attachment": story.record["id"]}
    entries = stack.admin.items(LOG, **asked)
    assert entries == [story.entries[number] for number in (3, 1, 0)]
    later = stack.admin.items(LOG, **asked, **{"from": instant(story.entries[0], 1)})
    assert later == [story.entries[number] for number in (3, 1)]


@pytest.mark.parametrize("who", ["attachment", "user", "nobody"])
def test_pages_of_the_log_show_every_entry_once(stack: Stack, story: Story, who: str) -> None:
    asked = {
        "from": instant(story.entries[0]),
        "to": instant(story.entries[-1]),
        "attachment": story.record["id"],
        "user": stack.sender.id,
    }
    query = {name: asked[name] for name in ("from", "to", who) if name in asked}
    whole = stack.admin.items(LOG, limit=100, **query)
    pages = list(stack.admin.pages(LOG, limit=2, **query))
    assert [entry for page in pages for entry in page] == whole
    assert all(len(page) <= 2 for page in pages)
    assert len(whole) >= 3


def test_looking_is_not_logged_but_every_download_is(stack: Stack, message: str) -> None:
    record = stack.sender.upload(message, note())
    path = f"/attachments/{record['id']}/"
    for _ in range(2):
        stack.participant.get(path)
        stack.participant.items(f"/messages/{message}/attachments/")
        stack.participant.get(f"{path}download/")
    actions = [entry["action"] for entry in stack.history(record["id"])]
    assert actions == ["upload_requested", "file_uploaded", "file_downloaded", "file_downloaded"]


def test_a_download_that_is_refused_is_not_logged(stack: Stack, pending_note: Json) -> None:
    stack.sender.get(f"/attachments/{pending_note['id']}/download/")
    stack.stranger.get(f"/attachments/{pending_note['id']}/download/")
    actions = [entry["action"] for entry in stack.history(pending_note["id"])]
    assert actions == ["upload_requested"]
