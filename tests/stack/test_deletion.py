"""Deleting: who may, and that nothing stays."""

import httpx
import pytest

from tests.stack.client import Json, Stack, eventually, note, problem, put
from tests.stack.conftest import Clip


@pytest.fixture
def attachment(stack: Stack, message: str) -> Json:
    return stack.sender.upload(message, note())


def path_of(record: Json) -> str:
    return f"/attachments/{record['id']}/"


def test_the_uploader_may_delete_and_then_it_is_gone_for_everybody(
    stack: Stack, conversation: str, message: str, attachment: Json
) -> None:
    response = stack.sender.delete(path_of(attachment))
    assert response.status_code == 200
    assert response.json() == {"message": "Attachment deleted successfully"}
    for user in (stack.sender, stack.participant, stack.admin):
        problem(user.get(path_of(attachment)), 404)
        problem(user.get(f"{path_of(attachment)}download/"), 404)
        assert user.items(f"/messages/{message}/attachments/") == []
        assert user.items(f"/conversations/{conversation}/attachments/") == []
    entry = stack.history(attachment["id"])[-1]
    assert (entry["action"], entry["user_id"]) == ("file_deleted", stack.sender.id)
    assert entry["admin_override"] is False


def test_bytes_and_thumbnail_of_what_was_deleted_are_gone(
    stack: Stack, message: str, clip: Clip
) -> None:
    video = stack.sender.upload(message, clip("mp4", seconds=2))
    assert len(stack.stored(video["id"])) == 2
    assert stack.sender.delete(path_of(video)).status_code == 200
    assert eventually(lambda: stack.stored(video["id"]), lambda keys: not keys) == []


def test_urls_that_were_handed_out_lead_nowhere_after_deletion(
    stack: Stack, message: str, clip: Clip
) -> None:
    video = stack.sender.upload(message, clip("mp4", seconds=2))
    download = stack.participant.get(f"{path_of(video)}download/").json()
    urls = (download["url"], download["thumbnail_url"])
    assert [httpx.get(url).status_code for url in urls] == [200, 200]
    assert stack.sender.delete(path_of(video)).status_code == 200
    # Without the right to list the bucket, S3 does not even tell that a key is missing.
    assert {httpx.get(url).status_code for url in urls} <= {403, 404}


def test_what_is_deleted_cannot_be_deleted_again(stack: Stack, attachment: Json) -> None:
    assert stack.sender.delete(path_of(attachment)).status_code == 200
    problem(stack.sender.delete(path_of(attachment)), 404)
    actions = [entry["action"] for entry in stack.history(attachment["id"])]
    assert actions.count("file_deleted") == 1


def test_another_participant_may_not_delete(stack: Stack, attachment: Json) -> None:
    problem(stack.participant.delete(path_of(attachment)), 403)
    assert stack.participant.attachment(attachment["id"])["status"] == "ready"


def test_a_stranger_finds_nothing_to_delete(stack: Stack, attachment: Json) -> None:
    problem(stack.stranger.delete(path_of(attachment)), 404)
    assert stack.sender.attachment(attachment["id"])["status"] == "ready"


def test_an_admin_may_delete_and_the_log_says_that_it_was_an_override(
    stack: Stack, attachment: Json
) -> None:
    assert stack.admin.delete(path_of(attachment).rstrip("/")).status_code == 200
    problem(stack.sender.get(path_of(attachment)), 404)
    entry = stack.history(attachment["id"])[-1]
    assert (entry["action"], entry["user_id"]) == ("file_deleted", stack.admin.id)
    assert entry["admin_override"] is True


def test_what_is_uploaded_after_deletion_goes_away_again(stack: Stack, pending_note: Json) -> None:
    assert stack.sender.delete(path_of(pending_note)).status_code == 200
    assert put(pending_note["upload"], note().body).status_code == 200
    assert eventually(lambda: stack.stored(pending_note["id"]), lambda keys: not keys) == []
    problem(stack.sender.get(path_of(pending_note)), 404)
