"""Deleting: whatever a crash leaves, the sweep finishes."""

from collections.abc import Callable

import pytest

from attachments.chat import HEAD_START
from attachments.errors import StaleRecordError
from attachments.ids import new_id
from attachments.model import Action, Activity, Attachment, Message, Status
from functions.sweep.healing import Healing
from functions.sweep.sweep import Swept
from tests.builders import CONVERSATION, MESSAGE, TOMBSTONE_LIFE, in_state
from tests.fakes import CrashError, MemoryCatalog, World

Act = Callable[[World], object]


def filled() -> World:
    """Two messages with attachments in several states, one object with several versions."""
    world = World()
    other = Message(id=new_id(), conversation_id=CONVERSATION, sender_id="sender", version=7)
    world.chat.put_message(other)
    ready = world.add(Status.READY)
    world.storage.arrive(ready.upload_key, b"an intruder")
    world.storage.cover(ready.upload_key)
    world.storage.begin(ready.upload_key)
    world.add(Status.PENDING)
    world.add(Status.REJECTED)
    world.add(Status.READY, message_id=other.id)
    return world


def one_attachment(world: World) -> None:
    ready = next(r for r in world.catalog.records.values() if r.message_id == MESSAGE)
    world.deletion.attachment(ready, user_id="sender", admin_override=False)


def the_message(world: World) -> None:
    assert world.chat.delete_message(MESSAGE, 2, world.now)
    world.deletion.message(MESSAGE, user_id="backend")


def the_conversation(world: World) -> None:
    assert world.chat.delete_conversation(CONVERSATION, 2, world.now)
    world.deletion.conversation(CONVERSATION, 2, user_id="backend")


def what_is_left(world: World) -> tuple[object, ...]:
    """All that can be seen from outside; ids are new in each world."""
    records = [
        (
            record.status,
            record.due_at is None,
            record.expires_at is None,
            record.message_id == MESSAGE,
        )
        for record in world.catalog.records.values()
    ]
    return (
        records,
        len(world.storage.keys()),
        sum(
            len(world.storage.begun(record.upload_key)) for record in world.catalog.records.values()
        ),
        sorted(world.activity.actions()),
        len(list(world.chat.attachments_of(MESSAGE))),
        len(list(world.chat.messages_of(CONVERSATION))),
        world.chat.message(MESSAGE),
        world.chat.membership(CONVERSATION, "sender"),
    )


def sweep(world: World) -> Swept:
    return Healing(
        catalog=world.catalog,
        chat=world.chat,
        guards=world.guards,
        counters=world.counters,
        storage=world.storage,
        deletion=world.deletion,
        erasure=world.erasure,
        clock=world.clock,
        has_time=lambda: True,
    ).run()


def settle(world: World) -> None:
    """Two passes of the sweep, as early as it looks at a deletion."""
    for _ in range(2):
        world.pass_time(HEAD_START)
        sweep(world)


@pytest.mark.parametrize("act", [one_attachment, the_message, the_conversation])
def test_after_a_crash_at_any_step_the_sweep_comes_to_the_same_end(act: Act) -> None:
    whole = filled()
    act(whole)
    settle(whole)
    steps = 0
    while True:
        world = filled()
        world.fuse.light(steps + 1)
        try:
            act(world)
        except CrashError:
            steps += 1
        else:
            break
        settle(world)
        assert what_is_left(world) == what_is_left(whole), f"after step {steps}"
    assert steps >= 5
    assert what_is_left(whole) != what_is_left(filled())


@pytest.mark.parametrize("act", [one_attachment, the_message, the_conversation])
def test_a_crash_of_the_sweep_itself_is_healed_by_the_next(act: Act) -> None:
    whole = filled()
    act(whole)
    settle(whole)
    for first in (1, 3):
        for second in range(1, 30):
            world = filled()
            world.fuse.light(first)
            with pytest.raises(CrashError):
                act(world)
            world.pass_time(HEAD_START)
            world.fuse.light(second)
            swept = sweep(world)  # the crash is one record's error
            world.fuse.put_out()
            settle(world)
            assert what_is_left(world) == what_is_left(whole), (first, second)
            if not swept.errors:
                break
        else:
            pytest.fail("the sweep does not end")


def test_a_deletion_leaves_a_tombstone_that_expires(world: World) -> None:
    attachment = world.add()
    world.deletion.attachment(attachment, user_id="admin", admin_override=True)
    record = world.catalog.get(attachment.id)
    assert (record.status, record.due_at) == (Status.DELETED, None)
    assert record.expires_at == world.now + TOMBSTONE_LIFE
    [logged] = world.activity.entries
    assert (logged.action, logged.user_id, logged.admin_override) == (
        Action.FILE_DELETED,
        "admin",
        True,
    )


def test_every_version_and_the_thumbnail_are_removed_and_nothing_else(world: World) -> None:
    kept, attachment = world.add(), world.add()
    world.storage.arrive(attachment.upload_key, b"another version")
    world.storage.cover(attachment.upload_key)
    world.deletion.attachment(attachment, user_id="sender", admin_override=False)
    assert world.storage.keys() == {kept.upload_key, f"{kept.thumbnail_prefix}t.jpg"}


def test_uploads_in_parts_are_aborted_and_no_others(world: World) -> None:
    kept, attachment = world.add(Status.PENDING), world.add(Status.PENDING)
    for begun in (kept, attachment, attachment):
        world.storage.begin(begun.upload_key)
    world.deletion.attachment(attachment, user_id="sender", admin_override=False)
    assert world.storage.begun(attachment.upload_key) == []
    assert len(world.storage.begun(kept.upload_key)) == 1


def test_deleting_twice_is_logged_once(world: World) -> None:
    attachment = world.add()
    for _ in range(2):  # both with the record as it was at first
        world.deletion.attachment(attachment, user_id="sender", admin_override=False)
    assert world.activity.actions() == [Action.FILE_DELETED]


def test_a_record_that_changes_meanwhile_is_read_again_and_deleted(world: World) -> None:
    attachment = world.add(Status.PENDING)
    world.storage.arrive(attachment.upload_key, b"bytes")
    world.catalog.change(attachment.failed(reason="No."), None)
    world.deletion.attachment(attachment, user_id="sender", admin_override=False)
    assert world.catalog.get(attachment.id).status is Status.DELETED
    assert not world.storage.keys()


def test_a_record_that_never_rests_is_given_up() -> None:
    class Restless(MemoryCatalog):
        def change(self, attachment: Attachment, entry: Activity | None) -> None:
            raise StaleRecordError(attachment.id)

    world = World()
    attachment = world.add()
    restless = World(catalog=Restless)
    restless.catalog.records[attachment.id] = attachment
    with pytest.raises(StaleRecordError):
        restless.deletion.mark(attachment, user_id="sender")


def test_a_purge_that_somebody_else_did_first_is_harmless(world: World) -> None:
    attachment = world.add(Status.DELETED)
    world.deletion.purge(attachment)
    purged = world.catalog.get(attachment.id)
    world.deletion.purge(attachment)
    assert world.catalog.get(attachment.id) == purged


def test_what_is_not_due_is_not_purged(world: World) -> None:
    attachment = world.add(Status.READY)
    world.deletion.purge(attachment)
    assert world.catalog.get(attachment.id) == attachment
    assert len(world.storage.keys()) == 2


def test_a_rejection_that_is_deleted_during_its_purge_stays_deleted(world: World) -> None:
    rejected = world.add(Status.REJECTED)
    deleted = rejected.deleted(now=world.now)
    world.catalog.change(deleted, None)
    world.deletion.purge(rejected)
    assert world.catalog.get(rejected.id) == deleted
    assert deleted.due_at is not None


def test_a_link_without_a_record_is_passed_over(world: World) -> None:
    attachment = world.add()
    del world.catalog.records[attachment.id]
    world.chat.delete_message(MESSAGE, 2, world.now)
    assert world.deletion.message(MESSAGE, user_id="backend") == 0


def test_deletion_against_inspection_has_one_winner(world: World) -> None:
    attachment = world.add(Status.PENDING)
    world.storage.arrive(attachment.upload_key, b"bytes")
    marked = world.deletion.mark(attachment, user_id="sender")
    with pytest.raises(StaleRecordError):
        world.catalog.change(in_state(attachment, Status.READY), None)
    assert world.catalog.get(attachment.id) == marked


def test_one_attachment_that_cannot_be_deleted_keeps_no_other_from_it() -> None:
    class Stuck(MemoryCatalog):
        bad = ""

        def get(self, attachment_id: str) -> Attachment:
            if attachment_id == self.bad:
                raise ConnectionError("cut")
            return super().get(attachment_id)

    world = World(catalog=Stuck)
    made = [world.add(Status.READY) for _ in range(3)]
    Stuck.bad = made[1].id
    world.chat.delete_message(MESSAGE, 9, world.clock())
    with pytest.raises(ConnectionError):
        world.deletion.message(MESSAGE, user_id="service")
    Stuck.bad = ""
    deleted = [world.catalog.get(attachment.id).status for attachment in made]
    assert deleted == [Status.DELETED, Status.READY, Status.DELETED]
    settle(world)
    assert world.catalog.get(made[1].id).status is Status.DELETED
    assert world.storage.keys() == set()


def test_all_files_of_a_message_are_out_of_sight_before_the_first_bytes_go(world: World) -> None:
    made = [world.add(Status.READY) for _ in range(3)]
    world.chat.delete_message(MESSAGE, 9, world.clock())
    time = iter([True] * 3)
    world.deletion.message(MESSAGE, user_id="service", has_time=lambda: next(time, False))
    records = [world.catalog.get(attachment.id) for attachment in made]
    assert {record.status for record in records} == {Status.DELETED}
    assert {attachment.upload_key for attachment in made} <= world.storage.keys()
    settle(world)
    assert world.storage.keys() == set()


def test_a_conversation_too_large_for_one_request_is_finished_by_the_sweep(world: World) -> None:
    made = [world.add(Status.READY) for _ in range(3)]
    assert world.chat.delete_conversation(CONVERSATION, 9, world.clock())
    assert (
        world.deletion.conversation(CONVERSATION, 9, user_id="service", has_time=lambda: False) == 0
    )
    settle(world)
    assert {world.catalog.get(one.id).status for one in made} == {Status.DELETED}
    assert world.storage.keys() == set()
