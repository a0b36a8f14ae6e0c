"""Forwarding: the same bytes and metadata under another message, what it becomes and who may."""

from dataclasses import replace

import pytest

from attachments.errors import (
    ConflictError,
    ForbiddenError,
    IdempotencyConflictError,
    NotFoundError,
    NotReadyError,
    TooLargeError,
)
from attachments.ids import new_id
from attachments.model import Action, Attachment, Caller, Status
from tests.builders import ADMIN, CONVERSATION, MEDIA, NOON, PARTICIPANT, SENDER, STRANGER, VIDEO
from tests.fakes import World
from tests.unit.forwarding import ELSEWHERE, FRIEND, TARGET, copies, send, told


@pytest.fixture
def world(world: World) -> World:
    return told(world)


@pytest.fixture
def source(world: World) -> Attachment:
    return world.add(Status.READY)


# ---------------------------------------------------------------- what it becomes


def test_a_forwarded_attachment_is_its_own_and_ready_at_once(
    world: World, source: Attachment
) -> None:
    copy = send(world, source)
    assert world.catalog.get(copy.id) == copy
    assert (copy.status, copy.due_at) == (Status.READY, None)
    assert (copy.message_id, copy.conversation_id) == (TARGET, ELSEWHERE)
    assert (copy.uploaded_by, copy.created_at, copy.uploaded_at) == (
        PARTICIPANT.user_id,
        NOON,
        NOON,
    )
    assert copy.id != source.id
    [link] = world.chat.attachments_of(TARGET)
    assert link["id"] == copy.id


def test_what_inspection_learnt_goes_with_it(world: World, source: Attachment) -> None:
    copy = send(world, source)
    same = (
        "file_name", "file_type", "file_size", "mime_type", "media", "placeholder", "reason"
    )  # fmt: skip
    assert [getattr(copy, name) for name in same] == [getattr(source, name) for name in same]
    assert copy.media == MEDIA
    assert copy.thumbnail is not None
    assert source.thumbnail is not None
    assert copy.thumbnail == replace(
        source.thumbnail, key=f"{copy.thumbnail_prefix}{source.thumbnail.key.rpartition('/')[2]}"
    )
    assert world.storage.head(copy.thumbnail.key).size == len(b"a JPEG")


def test_the_pinned_version_is_copied_whatever_lies_above_it(
    world: World, source: Attachment
) -> None:
    world.storage.arrive(source.upload_key, b"an intruder")
    copy = send(world, source)
    assert copy.version == world.storage.head(copy.upload_key)
    assert copy.version is not None
    assert copy.version.size == len(VIDEO) == copy.file_size
    [bytes_] = world.storage.stream(copy.upload_key, copy.version, 0, 100)
    assert bytes_ == VIDEO


def test_a_file_without_a_thumbnail_is_forwarded_without(world: World) -> None:
    source = world.add(Status.READY, thumbnail=None)
    bare = replace(source, thumbnail=None, reason="There is no picture.", revision=3)
    world.catalog.change(bare, None)
    copy = send(world, bare)
    assert (copy.status, copy.thumbnail, copy.reason) == (Status.READY, None, bare.reason)


def test_it_is_logged_with_both_attachments(world: World, source: Attachment) -> None:
    copy = send(world, source)
    logged = [(entry.action, entry.attachment_id) for entry in world.activity.entries]
    assert sorted(logged) == sorted(
        [
            (Action.FILE_FORWARDED, copy.id),
            (Action.FILE_FORWARDED, source.id),
            (Action.FILE_UPLOADED, copy.id),
        ]
    )
    for entry in world.activity.entries:
        assert (entry.user_id, entry.admin_override) == (PARTICIPANT.user_id, False)
    about = {entry.attachment_id: entry for entry in world.activity.entries[:2]}
    assert source.id in about[copy.id].description
    assert copy.id in about[source.id].description
    assert about[source.id].conversation_id == CONVERSATION


def test_a_copy_outlives_its_source(world: World, source: Attachment) -> None:
    copy = send(world, source)
    world.deletion.attachment(source, user_id="sender", admin_override=False)
    assert copy.thumbnail is not None
    assert world.storage.keys() == {copy.upload_key, copy.thumbnail.key}
    assert send(world, copy, to=TARGET).status is Status.READY


# ---------------------------------------------------------------- who may


def test_who_does_not_see_the_source_hears_that_it_is_not_there(
    world: World, source: Attachment
) -> None:
    with pytest.raises(NotFoundError) as known:
        send(world, source, caller=FRIEND)
    with pytest.raises(NotFoundError) as unknown:
        send(world, replace(source, id=new_id()), caller=FRIEND)
    assert (known.value.detail, known.value.fields) == (unknown.value.detail, unknown.value.fields)


def test_who_left_the_source_forwards_nothing(world: World, source: Attachment) -> None:
    world.chat.put_conversation(CONVERSATION, [SENDER.user_id], 2)
    with pytest.raises(NotFoundError):
        send(world, source)


def test_who_is_not_in_the_target_hears_that_it_is_not_there(
    world: World, source: Attachment
) -> None:
    with pytest.raises(NotFoundError) as known:
        send(world, source, caller=SENDER)
    with pytest.raises(NotFoundError) as unknown:
        send(world, source, caller=SENDER, to=new_id())
    assert known.value.fields == unknown.value.fields
    assert list(known.value.fields) == ["message_id"]


def test_a_message_of_somebody_else_takes_nothing(world: World, source: Attachment) -> None:
    other = new_id()
    told(world, other, FRIEND)
    with pytest.raises(ForbiddenError):
        send(world, source, to=other)
    assert not copies(world)


@pytest.mark.parametrize(
    "caller", [ADMIN, replace(PARTICIPANT, admin=True)], ids=["an admin", "who is one of them"]
)
def test_an_admin_may_and_it_is_logged_where_nobody_else_might(
    world: World, source: Attachment, caller: Caller
) -> None:
    send(world, source, caller=caller)
    forwarded = [e for e in world.activity.entries if e.action is Action.FILE_FORWARDED]
    assert [entry.admin_override for entry in forwarded] == [caller is ADMIN] * 2


def test_an_admin_overrides_also_where_only_one_side_is_not_theirs(
    world: World, source: Attachment
) -> None:
    for caller in (Caller(SENDER.user_id, admin=True), Caller(FRIEND.user_id, admin=True)):
        world.activity.entries.clear()
        send(world, source, caller=caller)
        assert all(e.admin_override for e in world.activity.entries[:2])


@pytest.mark.parametrize("status", [Status.PENDING, Status.REJECTED, Status.FAILED, Status.EXPIRED])
def test_only_what_is_ready_is_forwarded(world: World, status: Status) -> None:
    told(world, other := new_id(), SENDER)
    world.chat.put_conversation(ELSEWHERE, [SENDER.user_id], 2)
    source = world.add(status)
    with pytest.raises(NotReadyError, match=status):
        send(world, source, caller=SENDER, to=other)
    with pytest.raises(NotFoundError):
        send(world, source, caller=STRANGER)
    assert not copies(world)


def test_an_attachment_whose_bytes_vanished_is_not_forwarded(
    world: World, source: Attachment
) -> None:
    world.catalog.change(source.lost(), None)
    with pytest.raises(NotReadyError, match="bytes of this file are missing"):
        send(world, source)
    assert not copies(world)


def test_a_deleted_attachment_is_not_forwarded(world: World) -> None:
    with pytest.raises(NotFoundError):
        send(world, world.add(Status.DELETED))


def test_nothing_is_forwarded_to_a_deleted_message(world: World, source: Attachment) -> None:
    world.chat.delete_message(TARGET, 2, NOON)
    with pytest.raises(NotFoundError):
        send(world, source)
    assert not copies(world)


def test_a_file_above_todays_limit_is_not_forwarded(world: World) -> None:
    source = world.add(Status.READY)
    large = replace(source, file_size=2 * 2**20, revision=3)
    world.catalog.change(large, None)
    with pytest.raises(TooLargeError):
        send(world, large, max_video_megabytes=1)


# ---------------------------------------------------------------- again, and in between


def test_the_same_key_forwards_once(world: World, source: Attachment) -> None:
    first, second = send(world, source, key="k"), send(world, source, key="k")
    assert first == second
    assert copies(world) == [first]
    told(world, other := new_id())
    with pytest.raises(IdempotencyConflictError):
        send(world, source, to=other, key="k")
    with pytest.raises(IdempotencyConflictError):
        send(world, world.add(Status.READY), key="k")


def test_a_key_of_a_deleted_copy_is_a_conflict(world: World, source: Attachment) -> None:
    copy = send(world, source, key="k")
    world.deletion.attachment(copy, user_id="participant", admin_override=False)
    with pytest.raises(ConflictError):
        send(world, source, key="k")
