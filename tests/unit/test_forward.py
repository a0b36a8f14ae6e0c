"""Forwarding: the same bytes and metadata under another message, whatever happens in between."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from attachments.errors import (
    ConflictError,
    CopyUnfinishedError,
    ForbiddenError,
    IdempotencyConflictError,
    NotFoundError,
    NotReadyError,
    TooLargeError,
)
from attachments.ids import new_id
from attachments.model import (
    Action,
    Activity,
    Attachment,
    Caller,
    Message,
    ObjectVersion,
    Status,
)
from functions.issue_upload.forward import LONGEST_COPY, forward
from functions.issue_upload.schemas import CopyRequest
from functions.sweep.sweep import Sweeping
from tests.builders import (
    ADMIN,
    CONVERSATION,
    MEDIA,
    MESSAGE,
    NOON,
    PARTICIPANT,
    SENDER,
    STRANGER,
    VIDEO,
    in_state,
    settings_of,
)
from tests.fakes import CrashError, MemoryCatalog, MemoryStorage, World

FRIEND = Caller("friend")
ELSEWHERE = "0192f000-0000-7000-8000-0000000000aa"
TARGET = "0192f000-0000-7000-8000-0000000000ab"


def told(world: World, message_id: str = TARGET, sender: Caller = PARTICIPANT) -> World:
    """The chat backend tells of a message of the participant, in a conversation with a friend."""
    world.chat.put_conversation(ELSEWHERE, [PARTICIPANT.user_id, FRIEND.user_id], 1)
    world.chat.put_message(
        Message(id=message_id, conversation_id=ELSEWHERE, sender_id=sender.user_id, version=1)
    )
    return world


@pytest.fixture
def world(world: World) -> World:
    return told(world)


@pytest.fixture
def source(world: World) -> Attachment:
    return world.add(Status.READY)


def send(
    world: World,
    source: Attachment,
    *,
    caller: Caller = PARTICIPANT,
    to: str = TARGET,
    key: str | None = None,
    **settings: Any,
) -> Attachment:
    return forward(
        source.id,
        CopyRequest.model_validate({"message_id": to}),
        caller=caller,
        idempotency_key=key,
        settings=settings_of(**settings),
        catalog=world.catalog,
        chat=world.chat,
        guards=world.guards,
        storage=world.storage,
        clock=world.clock,
    )


def copies(world: World) -> list[Attachment]:
    return [record for record in world.catalog.records.values() if record.copied_from]


def left_of(world: World, copy: Attachment) -> set[str]:
    """The keys under which bytes of a copy lie."""
    keys = world.storage.keys()
    return {key for key in keys if copy.id in key}


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


def writes_of_a_forward() -> int:
    for writes in range(1, 20):
        world = told(World())
        source = world.add(Status.READY)
        world.fuse.light(writes)
        try:
            send(world, source)
        except CrashError:
            continue
        return writes - 1
    raise AssertionError("forwarding does not end")


WRITES = writes_of_a_forward()


def test_forwarding_is_four_writes() -> None:
    """The record, the thumbnail, the file, and the record again."""
    assert WRITES == 4


def crashed(writes: int) -> tuple[World, Attachment]:
    world = told(World())
    source = world.add(Status.READY)
    world.fuse.light(writes)
    with pytest.raises(CrashError):
        send(world, source, key="k")
    return world, source


@pytest.mark.parametrize("writes", range(1, WRITES + 1))
def test_after_a_crash_anywhere_a_retry_makes_it_ready_once(writes: int) -> None:
    world, source = crashed(writes)
    copy = send(world, source, key="k")
    assert copies(world) == [copy]
    assert (copy.status, copy.version) == (Status.READY, world.storage.head(copy.upload_key))
    assert copy.thumbnail is not None
    assert world.storage.head(copy.thumbnail.key)
    actions = world.activity.actions()
    assert sorted(actions) == [
        Action.FILE_FORWARDED, Action.FILE_FORWARDED, Action.FILE_UPLOADED
    ]  # fmt: skip


@pytest.mark.parametrize("writes", [1, 2])
def test_a_copy_that_never_got_its_bytes_expires_and_leaves_nothing(writes: int) -> None:
    world, source = crashed(writes)
    [copy] = copies(world)
    assert copy.status is Status.PENDING
    world.pass_time(LONGEST_COPY)
    sweep(world)
    expired = world.catalog.get(copy.id)
    assert (expired.status, expired.due_at) == (Status.EXPIRED, None)
    assert expired.reason == "The file that it forwards could not be copied."
    assert source.thumbnail is not None
    assert world.storage.keys() == {source.upload_key, source.thumbnail.key}


def test_a_copy_that_got_its_bytes_and_no_more_waits_for_their_event() -> None:
    world, _ = crashed(3)
    [copy] = copies(world)
    assert copy.status is Status.PENDING
    assert world.storage.head(copy.upload_key).size == copy.file_size


def sweep(world: World) -> None:
    Sweeping(
        catalog=world.catalog,
        chat=world.chat,
        storage=world.storage,
        deletion=world.deletion,
        erasure=world.erasure,
        guards=world.guards,
        clock=world.clock,
        has_time=lambda: True,
    ).run()


class SlowStorage(MemoryStorage):
    """The first copy of a file goes on for longer than anybody waits."""

    slow = True

    def copy(self, source: str, key: str, *, version_id: str | None = None) -> ObjectVersion:
        copied = super().copy(source, key, version_id=version_id)
        if self.slow and version_id:
            SlowStorage.slow = False
            raise CopyUnfinishedError
        return copied


def test_a_copy_that_takes_long_is_pending_and_nobody_begins_it_twice() -> None:
    world = told(World(storage=SlowStorage))
    source = world.add(Status.READY)
    copy = send(world, source, key="k")
    assert (copy.status, copy.due_at) == (Status.PENDING, NOON + LONGEST_COPY)
    assert send(world, source, key="k").version == world.storage.head(copy.upload_key)


class VanishingStorage(MemoryStorage):
    """The source is removed while its thumbnail is copied."""

    def copy(self, source: str, key: str, *, version_id: str | None = None) -> ObjectVersion:
        if version_id:
            self.delete_all(source)
        return super().copy(source, key, version_id=version_id)


def test_a_source_that_is_deleted_in_the_middle_is_not_found_and_leaves_nothing() -> None:
    world = told(World(storage=VanishingStorage))
    source = world.add(Status.READY)
    with pytest.raises(NotFoundError):
        send(world, source)
    [copy] = copies(world)
    assert (copy.status, copy.due_at) == (Status.EXPIRED, NOON)
    sweep(world)
    assert not left_of(world, copy)
    assert Action.UPLOAD_EXPIRED in world.activity.actions()


class Meanwhile(MemoryCatalog):
    """A pending copy is decided by somebody else before it can be made ready."""

    status = Status.READY

    def change(self, attachment: Attachment, entry: Activity | None) -> None:
        record = self.records[attachment.id]
        if record.copied_from and record.status is Status.PENDING:
            super().change(in_state(record, self.status), None)
        super().change(attachment, entry)


def test_a_copy_that_the_inspector_made_ready_first_is_ready() -> None:
    world = told(World(catalog=Meanwhile))
    copy = send(world, world.add(Status.READY))
    assert world.catalog.get(copy.id) == copy
    assert copy.status is Status.READY
    assert Action.FILE_UPLOADED not in world.activity.actions()  # the inspector's is not ours


def test_a_copy_that_is_deleted_before_it_is_ready_is_not_found() -> None:
    class DeletedMeanwhile(Meanwhile):
        status = Status.DELETED

    world = told(World(catalog=DeletedMeanwhile))
    with pytest.raises(NotFoundError):
        send(world, world.add(Status.READY))


class UntoldStorage(MemoryStorage):
    """The target message is deleted during the copy."""

    world: World

    def copy(self, source: str, key: str, *, version_id: str | None = None) -> ObjectVersion:
        self.world.chat.delete_message(TARGET, 2, NOON)
        return super().copy(source, key, version_id=version_id)


def test_nothing_becomes_ready_under_a_message_that_is_deleted_in_the_middle() -> None:
    world = told(World(storage=UntoldStorage))
    UntoldStorage.world = world
    with pytest.raises(NotFoundError) as refused:
        send(world, world.add(Status.READY))
    assert list(refused.value.fields) == ["message_id"]
    world.pass_time(timedelta(minutes=5))
    sweep(world)
    [copy] = copies(world)
    assert copy.status is Status.DELETED
    assert not left_of(world, copy)
    assert world.chat.message(MESSAGE) is not None
