"""What the chat backend tells, and what follows from it."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.stack.client import Json, Stack, eventually, note, problem, put, wrong_fields


def test_an_older_version_of_a_conversation_changes_nothing(
    stack: Stack, conversation: str
) -> None:
    path = f"/conversations/{conversation}/attachments/"
    assert stack.members(conversation, [stack.sender], version=5)["applied"] is True
    late = stack.members(conversation, [stack.sender, stack.participant], version=4)
    assert late["applied"] is False
    assert stack.sender.get(path).status_code == 200
    problem(stack.participant.get(path), 404)


def test_the_same_version_of_a_conversation_again_is_harmless(
    stack: Stack, conversation: str
) -> None:
    for _ in range(2):
        stack.members(conversation, [stack.participant], version=2)
    assert stack.participant.get(f"/conversations/{conversation}/attachments/").is_success


def test_the_same_version_with_other_participants_is_a_conflict(
    stack: Stack, conversation: str
) -> None:
    body = {"participants": [stack.stranger.id], "version": 1}
    problem(stack.service.put(f"/conversations/{conversation}/", json=body), 409)
    problem(stack.stranger.get(f"/conversations/{conversation}/attachments/"), 404)


def test_a_participant_who_was_removed_sees_nothing_from_then_on(
    stack: Stack, conversation: str, message: str
) -> None:
    record = stack.sender.upload(message, note())
    paths = (
        f"/attachments/{record['id']}/",
        f"/attachments/{record['id']}/download/",
        f"/messages/{message}/attachments/",
        f"/conversations/{conversation}/attachments/",
    )
    assert [stack.participant.get(path).status_code for path in paths] == [200] * 4
    stack.members(conversation, [stack.sender], version=2)
    assert [stack.participant.get(path).status_code for path in paths] == [404] * 4
    stack.members(conversation, [stack.sender, stack.participant], version=3)
    assert [stack.participant.get(path).status_code for path in paths] == [200] * 4


def test_a_user_who_left_sees_nothing_not_even_what_they_sent(
    stack: Stack, conversation: str, message: str
) -> None:
    record = stack.sender.upload(message, note())
    stack.members(conversation, [stack.participant], version=2)
    problem(stack.sender.get(f"/attachments/{record['id']}/"), 404)
    problem(stack.sender.delete(f"/attachments/{record['id']}/"), 404)
    assert stack.participant.attachment(record["id"])["status"] == "ready"


@pytest.mark.parametrize("changed", ["conversation_id", "sender_id"])
def test_a_message_keeps_its_conversation_and_its_sender(
    stack: Stack, conversation: str, message: str, changed: str
) -> None:
    body = {
        "conversation_id": conversation,
        "sender_id": stack.sender.id,
        "version": 2,
        changed: stack.conversation() if changed == "conversation_id" else stack.participant.id,
    }
    problem(stack.service.put(f"/messages/{message}/", json=body), 409)
    record = stack.sender.ask(message, note())
    assert record["conversation_id"] == conversation


def test_an_older_version_of_a_message_changes_nothing(
    stack: Stack, conversation: str, message: str
) -> None:
    body = {"conversation_id": conversation, "sender_id": stack.sender.id, "version": 0}
    assert stack.sync("PUT", f"/messages/{message}/", body)["applied"] is False
    deleted = stack.sync("DELETE", f"/messages/{message}/", {"version": 0})
    assert deleted["applied"] is False
    stack.sender.ask(message, note())


def delete_message(stack: Stack, message: str, conversation: str) -> Json:
    return stack.sync("DELETE", f"/messages/{message}/", {"version": 2})


def delete_conversation(stack: Stack, message: str, conversation: str) -> Json:
    return stack.sync("DELETE", f"/conversations/{conversation}/", {"version": 2})


Delete = Callable[[Stack, str, str], Json]
deletions = pytest.mark.parametrize("delete", [delete_message, delete_conversation])


@deletions
def test_attachments_go_with_the_message_and_the_conversation_that_they_belong_to(
    stack: Stack, conversation: str, message: str, delete: Delete
) -> None:
    ready = stack.sender.upload(message, note())
    pending = stack.sender.ask(message, note())
    assert delete(stack, message, conversation)["deleted_attachments"] == 2
    for record in (ready, pending):
        for user in (stack.sender, stack.participant, stack.admin):
            problem(user.get(f"/attachments/{record['id']}/"), 404)
        assert stack.history(record["id"])[-1]["action"] == "file_deleted"


@deletions
def test_their_bytes_go_too(stack: Stack, conversation: str, message: str, delete: Delete) -> None:
    record = stack.sender.upload(message, note())
    assert len(stack.stored(record["id"])) == 1
    delete(stack, message, conversation)
    assert eventually(lambda: stack.stored(record["id"]), lambda keys: not keys) == []


@deletions
def test_no_upload_begins_or_becomes_ready_after_the_deletion(
    stack: Stack, conversation: str, message: str, delete: Delete
) -> None:
    begun = stack.sender.ask(message, note())
    delete(stack, message, conversation)
    refused = stack.sender.post("/upload/", json=note().request(message))
    assert wrong_fields(problem(refused, 404)) == {"message_id"}
    problem(stack.admin.post("/upload/", json=note().request(message)), 404)
    assert put(begun["upload"], note().body).status_code == 200
    problem(stack.admin.get(f"/attachments/{begun['id']}/"), 404)
    assert eventually(lambda: stack.stored(begun["id"]), lambda keys: not keys) == []
    problem(stack.admin.get(f"/attachments/{begun['id']}/"), 404)


@deletions
def test_deleting_again_is_harmless(
    stack: Stack, conversation: str, message: str, delete: Delete
) -> None:
    record = stack.sender.upload(message, note())
    first, second = (delete(stack, message, conversation) for _ in range(2))
    assert (first["deleted_attachments"], second["deleted_attachments"]) == (1, 0)
    actions = [entry["action"] for entry in stack.history(record["id"])]
    assert actions.count("file_deleted") == 1


def test_a_deleted_message_does_not_come_back(
    stack: Stack, conversation: str, message: str
) -> None:
    delete_message(stack, message, conversation)
    body = {"conversation_id": conversation, "sender_id": stack.sender.id, "version": 3}
    problem(stack.service.put(f"/messages/{message}/", json=body), 409)
    late = stack.sync("PUT", f"/messages/{message}/", {**body, "version": 1})
    assert late["applied"] is False
    problem(stack.sender.post("/upload/", json=note().request(message)), 404)


def test_a_message_that_is_deleted_before_it_arrives_never_comes(
    stack: Stack, conversation: str
) -> None:
    message = str(uuid4())
    delete_message(stack, message, conversation)
    body = {"conversation_id": conversation, "sender_id": stack.sender.id, "version": 1}
    assert stack.sync("PUT", f"/messages/{message}/", body)["applied"] is False
    problem(stack.sender.post("/upload/", json=note().request(message)), 404)


def test_no_message_comes_into_a_deleted_conversation(
    stack: Stack, conversation: str, message: str
) -> None:
    delete_conversation(stack, message, conversation)
    body = {"conversation_id": conversation, "sender_id": stack.sender.id, "version": 1}
    problem(stack.service.put(f"/messages/{uuid4()}/", json=body), 409)
    problem(stack.sender.get(f"/conversations/{conversation}/attachments/"), 404)


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/conversations/{id}/", {}, {"participants", "version"}),
        ("/conversations/{id}/", {"participants": "me", "version": 1}, {"participants"}),
        ("/conversations/{id}/", {"participants": [], "version": -1}, {"version"}),
        ("/conversations/{id}/", {"participants": ["u"] * 1001, "version": 1}, {"participants"}),
        ("/conversations/42/", {"participants": [], "version": 1}, {"conversation_id"}),
        (
            "/messages/{id}/",
            {"conversation_id": "42", "sender_id": ""},
            {"conversation_id", "sender_id", "version"},
        ),
        (
            "/messages/42/",
            {"conversation_id": str(UUID(int=1)), "sender_id": "u", "version": 1},
            {"message_id"},
        ),
    ],
)
def test_the_chat_backend_is_told_which_fields_are_wrong(
    stack: Stack, path: str, body: Json, fields: set[str]
) -> None:
    response = stack.service.put(path.format(id=uuid4()), json=body)
    assert wrong_fields(problem(response, 422)) == fields


def test_a_deletion_needs_a_version(stack: Stack, message: str) -> None:
    response = stack.service.delete(f"/messages/{message}/")
    assert wrong_fields(problem(response, 422)) == {"version"}
    assert stack.service.delete(f"/messages/{message}?version=2").status_code == 200
