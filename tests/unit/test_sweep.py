"""What a client or a crash left behind is brought to its end."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from attachments.chat import HEAD_START
from attachments.errors import ObjectMissingError
from attachments.ids import new_id
from attachments.model import Action, Message, ObjectVersion, Status
from functions.sweep.healing import Healing
from functions.sweep.sweep import SWEEPER, Swept
from tests.builders import CONVERSATION, MESSAGE, NOON, TOMBSTONE_LIFE, VERSION, in_state
from tests.fakes import MemoryCatalog, MemoryStorage, World

HOUR = timedelta(hours=1)


def sweep(world: World, has_time: Callable[[], bool] = lambda: True) -> Swept:
    return Healing(
        catalog=world.catalog,
        chat=world.chat,
        guards=world.guards,
        counters=world.counters,
        storage=world.storage,
        deletion=world.deletion,
        erasure=world.erasure,
        clock=world.clock,
        has_time=has_time,
    ).run()


def test_an_upload_that_never_came_expires_at_its_deadline(world: World) -> None:
    attachment = world.add(Status.PENDING, due_at=NOON + HOUR)
    world.pass_time(HOUR - timedelta(seconds=1))
    assert sweep(world) == Swept()
    world.pass_time(timedelta(seconds=1))
    assert sweep(world) == Swept(expired=1)
    record = world.catalog.get(attachment.id)
    assert (record.status, record.due_at) == (Status.EXPIRED, None)
    assert record.expires_at == world.now + TOMBSTONE_LIFE
    [logged] = world.activity.entries
    assert (logged.action, logged.user_id) == (Action.UPLOAD_EXPIRED, "sender")
    assert logged.description == record.reason


def test_an_upload_that_was_never_inspected_to_the_end_fails_and_keeps_its_bytes(
    world: World,
) -> None:
    attachment = world.add(Status.PENDING)
    world.storage.arrive(attachment.upload_key, b"bytes")
    world.pass_time(HOUR)
    assert sweep(world) == Swept(failed=1)
    record = world.catalog.get(attachment.id)
    assert record.status is Status.FAILED
    assert world.storage.keys() == {attachment.upload_key}
    assert world.activity.actions() == [Action.FILE_FAILED]


def test_an_upload_that_was_removed_again_expires(world: World) -> None:
    attachment = world.add(Status.PENDING)
    world.storage.arrive(attachment.upload_key, b"bytes")
    world.storage.cover(attachment.upload_key)
    world.pass_time(HOUR)
    assert sweep(world) == Swept(expired=1)
    assert not world.storage.keys()


def test_an_upload_in_parts_that_was_left_is_aborted(world: World) -> None:
    left, running = world.add(Status.PENDING), world.add(Status.PENDING, due_at=NOON + 2 * HOUR)
    for attachment in (left, running):
        world.storage.begin(attachment.upload_key)
    world.pass_time(HOUR)
    assert sweep(world) == Swept(expired=1)
    assert world.storage.begun(left.upload_key) == []
    assert len(world.storage.begun(running.upload_key)) == 1


def test_what_a_crash_kept_from_being_aborted_is_aborted_by_the_next_pass(world: World) -> None:
    attachment = world.add(Status.PENDING)
    world.storage.begin(attachment.upload_key)
    world.pass_time(HOUR)
    world.fuse.light(1)
    assert sweep(world).errors == 1
    assert world.catalog.get(attachment.id).status is Status.EXPIRED
    assert world.storage.begun(attachment.upload_key)
    assert sweep(world) == Swept(purged=1)
    record = world.catalog.get(attachment.id)
    assert (record.status, record.due_at) == (Status.EXPIRED, None)
    assert world.storage.begun(attachment.upload_key) == []


@pytest.mark.parametrize("status", [Status.REJECTED, Status.DELETED])
def test_bytes_that_should_be_gone_are_removed(world: World, status: Status) -> None:
    attachment = world.add(status)
    world.storage.arrive(f"{attachment.thumbnail_prefix}t.jpg", b"a JPEG")
    assert sweep(world) == Swept(purged=1)
    assert not world.storage.keys()
    record = world.catalog.get(attachment.id)
    assert (record.status, record.due_at) == (status, None)
    assert not world.activity.entries


@pytest.mark.parametrize("status", [Status.READY, Status.FAILED, Status.EXPIRED])
def test_what_is_settled_is_left_alone(world: World, status: Status) -> None:
    attachment = world.add(status)
    keys = world.storage.keys()
    world.pass_time(TOMBSTONE_LIFE - timedelta(seconds=1))
    assert sweep(world) == Swept()
    assert (world.catalog.get(attachment.id), world.storage.keys()) == (attachment, keys)


def test_a_second_pass_finds_nothing_to_do(world: World) -> None:
    for status in Status:
        world.add(status)
    world.pass_time(HOUR)
    assert sweep(world) == Swept(expired=1, purged=2)
    assert sweep(world) == Swept()


def test_a_deletion_gets_a_head_start_and_is_finished_then(world: World) -> None:
    attachment = world.add()
    world.chat.delete_message(MESSAGE, 2, world.now)
    assert sweep(world) == Swept()
    world.pass_time(HEAD_START)
    assert sweep(world) == Swept(deletions_finished=1)
    assert world.catalog.get(attachment.id).status is Status.DELETED
    assert not world.storage.keys()
    [logged] = world.activity.entries
    assert (logged.action, logged.user_id) == (Action.FILE_DELETED, SWEEPER)
    assert sweep(world) == Swept()


def test_a_deleted_conversation_is_finished_with_messages_of_any_version(world: World) -> None:
    newer = Message(id=new_id(), conversation_id=CONVERSATION, sender_id="sender", version=99)
    world.chat.put_message(newer)
    world.add()
    world.add(message_id=newer.id)
    world.chat.delete_conversation(CONVERSATION, 2, world.now)
    world.pass_time(HEAD_START)
    sweep(world)
    assert not world.storage.keys()
    assert world.chat.message(newer.id) is None
    assert not list(world.chat.messages_of(CONVERSATION))
    assert sweep(world) == Swept()


def test_a_record_whose_index_lags_is_left_alone() -> None:
    class Lagging(MemoryCatalog):
        def due(self, now: datetime, shard: int) -> Iterator[str]:
            return iter(self.records) if shard == 0 else iter(())

    world = World(catalog=Lagging)
    kept = [world.add(Status.PENDING, due_at=NOON + HOUR), world.add(Status.READY)]
    assert sweep(world) == Swept()
    assert [world.catalog.get(each.id) for each in kept] == kept


def test_a_record_that_is_gone_meanwhile_stops_nothing() -> None:
    class Ghosts(MemoryCatalog):
        def due(self, now: datetime, shard: int) -> Iterator[str]:
            yield new_id()
            yield from super().due(now, shard)

    world = World(catalog=Ghosts)
    world.add(Status.PENDING)
    world.pass_time(HOUR)
    assert sweep(world) == Swept(expired=1)


def test_an_upload_that_arrives_during_the_pass_wins() -> None:
    class Arriving(MemoryStorage):
        """The inspector decides while the sweep looks for the object."""

        world: World

        def head(self, key: str, version_id: str | None = None) -> ObjectVersion:
            record = self.world.catalog.get(key.removeprefix("uploads/"))
            if record.status is Status.READY:
                return VERSION
            self.world.catalog.change(replace(in_state(record, Status.READY), thumbnail=None), None)
            raise ObjectMissingError(key)

    world = World(storage=Arriving)
    Arriving.world = world
    attachment = world.add(Status.PENDING)
    world.pass_time(HOUR)
    assert sweep(world) == Swept()
    assert world.catalog.get(attachment.id).status is Status.READY
    assert not world.activity.entries


def test_one_bad_record_stops_no_other() -> None:
    class Unreadable(MemoryStorage):
        bad = ""

        def head(self, key: str, version_id: str | None = None) -> ObjectVersion:
            if key == self.bad:
                raise ConnectionError("cut")
            return super().head(key, version_id)

    world = World(storage=Unreadable)
    made = [world.add(Status.PENDING) for _ in range(5)]
    Unreadable.bad = made[2].upload_key
    world.pass_time(HOUR)
    assert sweep(world) == Swept(expired=4, errors=1)
    assert world.catalog.get(made[2].id) == made[2]
    Unreadable.bad = ""
    assert sweep(world) == Swept(expired=1)


def test_without_time_the_rest_is_left_to_the_next_pass(world: World) -> None:
    for _ in range(5):
        world.add(Status.PENDING)
    world.pass_time(HOUR)
    clock = iter([True, True])
    assert sweep(world, lambda: next(clock, False)) == Swept(expired=2)
    assert sweep(world) == Swept(expired=3)
