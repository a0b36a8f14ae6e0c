"""A pending record and the one request that S3 will accept for it."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from attachments.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    TooLargeError,
    UnsupportedTypeError,
)
from attachments.ids import new_id
from attachments.model import Action, Caller, FileType, Message, Status
from attachments.settings import MEGABYTE as MB
from functions.issue_upload.deadline import SLOW_UPLOAD
from functions.issue_upload.schemas import UploadRequest, ticket_of
from tests.builders import ADMIN, CONVERSATION, MESSAGE, NOON, PARTICIPANT, SENDER, STRANGER
from tests.fakes import MemoryChat, World
from tests.unit.issuing import SHA256, issue, video

# ---------------------------------------------------------------- the record and the request


def test_the_record_is_what_was_declared_and_pending(world: World) -> None:
    issued = issue(world, video(sha256=SHA256), video_only=True)
    record = world.catalog.get(issued.attachment.id)
    assert record == issued.attachment
    assert record.status is Status.PENDING
    assert (record.message_id, record.conversation_id) == (MESSAGE, CONVERSATION)
    assert (record.uploaded_by, record.created_at) == (SENDER.user_id, NOON)
    assert (record.file_name, record.file_size) == ("holiday.mp4", 7 * MB)
    assert (record.file_type, record.mime_type) == (FileType.VIDEO, "video/mp4")
    assert (record.sha256, record.video_only) == (SHA256, True)


def test_the_request_is_for_this_records_key_size_type_and_checksum(world: World) -> None:
    issued = issue(world, video(sha256=SHA256), upload_url_seconds=600)
    assert issued.request == world.storage.sign_put(
        issued.attachment.upload_key,
        size=7 * MB,
        mime_type="video/mp4",
        sha256=SHA256,
        seconds=600,
    )
    assert issued.expires_at == NOON + timedelta(minutes=10)


def test_the_sweep_waits_until_a_slow_upload_must_be_over(world: World) -> None:
    issued = issue(world, upload_url_seconds=600)
    assert issued.attachment.due_at == NOON + timedelta(minutes=10) + SLOW_UPLOAD


def test_the_request_is_logged_and_linked_to_its_message(world: World) -> None:
    issued = issue(world)
    [logged] = world.activity.entries
    assert (logged.action, logged.user_id) == (Action.UPLOAD_REQUESTED, SENDER.user_id)
    assert (logged.attachment_id, logged.admin_override) == (issued.attachment.id, False)
    [link] = world.chat.attachments_of(MESSAGE)
    assert link["id"] == issued.attachment.id


def test_the_key_is_generated_and_the_name_cleaned(world: World) -> None:
    issued = issue(world, video(file_name="../../a\u202e.mp4"))
    assert issued.attachment.file_name == "a.mp4"
    assert issued.attachment.upload_key == f"uploads/{UUID(issued.attachment.id)}"


def test_a_type_is_taken_without_its_parameters(world: World) -> None:
    issued = issue(world, video(mime_type='Video/MP4; codecs="avc1"'))
    assert issued.attachment.mime_type == "video/mp4"
    assert issued.request is not None
    assert issued.request.headers["Content-Type"] == "video/mp4"


# ---------------------------------------------------------------- who may


def test_an_admin_may_upload_anywhere_and_it_is_logged_as_an_override(world: World) -> None:
    issued = issue(world, caller=ADMIN)
    assert issued.attachment.uploaded_by == ADMIN.user_id
    [logged] = world.activity.entries
    assert logged.admin_override


def test_an_admin_who_is_the_sender_overrides_nothing(world: World) -> None:
    issue(world, caller=replace(SENDER, admin=True))
    [logged] = world.activity.entries
    assert not logged.admin_override


def test_a_participant_who_is_not_the_sender_is_forbidden(world: World) -> None:
    with pytest.raises(ForbiddenError):
        issue(world, caller=PARTICIPANT)
    assert not world.catalog.records


def refusal(world: World, request: UploadRequest, caller: Caller) -> tuple[str, dict[str, str]]:
    with pytest.raises(NotFoundError) as refused:
        issue(world, request, caller=caller)
    assert not world.catalog.records
    return refused.value.detail, refused.value.fields


def test_a_stranger_hears_the_same_of_a_message_as_of_none(world: World) -> None:
    known = refusal(world, video(), STRANGER)
    unknown = refusal(world, video(message_id=new_id()), STRANGER)
    assert known == unknown
    assert list(known[1]) == ["message_id"]


def test_a_sender_who_left_hears_the_same(world: World) -> None:
    world.chat.put_conversation(CONVERSATION, [PARTICIPANT.user_id], 2)
    assert refusal(world, video(), SENDER) == refusal(world, video(message_id=new_id()), SENDER)


def test_nothing_is_attached_to_a_deleted_message(world: World) -> None:
    world.chat.delete_message(MESSAGE, 2, NOON)
    assert refusal(world, video(), SENDER) == refusal(world, video(message_id=new_id()), SENDER)


def test_nothing_is_attached_to_a_message_of_a_deleted_conversation(world: World) -> None:
    world.chat.delete_conversation(CONVERSATION, 2, NOON)
    refusal(world, video(), SENDER)


class DeletedInBetween(MemoryChat):
    """The message is deleted right after it was read."""

    def message(self, message_id: str) -> Message | None:
        found = super().message(message_id)
        if found:
            self.delete_message(message_id, found.version, NOON)
        return found


def test_a_message_that_is_deleted_in_the_middle_is_not_found() -> None:
    late = World(chat=DeletedInBetween)
    assert refusal(late, video(), SENDER) == refusal(late, video(), SENDER)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("mime_type", "megabytes", "words"),
    [
        ("video/mp4", 100, "A video may have at most 100 MB"),
        ("image/png", 20, "An image may have at most 20 MB"),
        ("audio/mpeg", 50, "An audio file may have at most 50 MB"),
        ("application/pdf", 50, "A document may have at most 50 MB"),
        ("application/zip", 25, "A file of this type may have at most 25 MB"),
    ],
)
def test_each_type_has_its_limit(world: World, mime_type: str, megabytes: int, words: str) -> None:
    largest = video(mime_type=mime_type, file_size=megabytes * MB)
    assert issue(world, largest).attachment.file_size == megabytes * MB
    with pytest.raises(TooLargeError, match=words) as refused:
        issue(world, video(mime_type=mime_type, file_size=megabytes * MB + 1))
    assert list(refused.value.fields) == ["file_size"]
    assert len(world.catalog.records) == 1


@pytest.mark.parametrize(
    "wrong", [{"file_name": "setup.exe"}, {"mime_type": "application/x-msdownload"}]
)
def test_the_video_route_takes_videos_only(world: World, wrong: dict[str, str]) -> None:
    with pytest.raises(UnsupportedTypeError) as refused:
        issue(world, video(**wrong), video_only=True)
    assert list(refused.value.fields) == list(wrong)
    issue(world, video(**wrong), video_only=False)


@pytest.mark.parametrize("wrong", [{"file_name": "\u202e.."}, {"mime_type": "mp4"}])
def test_a_name_or_type_that_is_none_is_refused(world: World, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        issue(world, video(**wrong))
    assert list(refused.value.fields) == list(wrong)
    assert not world.catalog.records


@pytest.mark.parametrize(
    "wrong",
    [
        {"file_size": 0},
        {"file_size": -1},
        {"file_size": 1.5},
        {"file_size": "7"},
        {"file_size": True},
        {"message_id": "x"},
        {"file_name": ""},
        {"file_name": None},
        {"mime_type": ""},
        {"sha256": "not base64"},
        {"sha256": base64.b64encode(b"too short").decode()},
        {"sha256": ""},
        {"sha256": SHA256 + "\n"},
        {"sha256": SHA256[:-1]},
    ],
)
def test_a_request_with_a_wrong_field_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        video(**wrong)
    assert [error["loc"] for error in refused.value.errors()] == [tuple(wrong)]


def test_fields_that_are_not_the_clients_to_set_are_ignored(world: World) -> None:
    issued = issue(
        world,
        video(user_id="admin", uploaded_by="admin", conversation_id=new_id(), role="admin"),
    )
    assert issued.attachment.uploaded_by == SENDER.user_id
    assert issued.attachment.conversation_id == CONVERSATION


# ---------------------------------------------------------------- what the client sees


def test_the_ticket_holds_the_record_and_how_to_upload(world: World) -> None:
    issued = issue(world)
    ticket = ticket_of(issued).model_dump(mode="json")
    assert issued.request is not None
    assert ticket["upload"] == {
        "method": "PUT",
        "url": issued.request.url,
        "headers": {"Content-Type": "video/mp4", "If-None-Match": "*"},
        "key": issued.attachment.upload_key,
        "part_size": 5 * MB,
        "expires_at": "2024-05-17T12:15:00.000Z",
    }
    assert (ticket["id"], ticket["status"]) == (issued.attachment.id, "pending")


def test_a_message_of_another_conversation_gives_its_own_conversation(world: World) -> None:
    other = Message(id=new_id(), conversation_id=new_id(), sender_id="sender", version=1)
    world.chat.put_conversation(other.conversation_id, ["sender"], 1)
    world.chat.put_message(other)
    issued = issue(world, video(message_id=other.id))
    assert issued.attachment.conversation_id == other.conversation_id
