"""Forwarding again after a crash, and what happens in between."""

from datetime import timedelta

import pytest

from attachments.errors import CopyUnfinishedError, NotFoundError
from attachments.model import Action, Activity, Attachment, ObjectVersion, Status
from functions.issue_upload.forward import LONGEST_COPY
from functions.sweep.sweep import Sweeping
from tests.builders import MESSAGE, NOON, in_state
from tests.fakes import CrashError, MemoryCatalog, MemoryStorage, World
from tests.unit.forwarding import TARGET, copies, left_of, send, told


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
