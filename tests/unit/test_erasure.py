"""A user is erased: what they uploaded goes, and nothing that stays names them."""

from collections.abc import Callable

import pytest

from attachments.activity import entry
from attachments.chat import HEAD_START
from attachments.deletion import always
from attachments.erasure import SETTLES, Erased
from attachments.errors import UserErasedError
from attachments.ids import new_id
from attachments.model import Action, Attachment, Message, Status, Usage
from functions.sweep.sweep import Sweeping, Swept
from tests.builders import CONVERSATION, MESSAGE, PARTICIPANT, TOMBSTONE_LIFE, in_state, pending
from tests.fakes import CrashError, World


def sweep(world: World, has_time: Callable[[], bool] = always) -> Swept:
    return Sweeping(
        catalog=world.catalog,
        chat=world.chat,
        storage=world.storage,
        deletion=world.deletion,
        erasure=world.erasure,
        guards=world.guards,
        clock=world.clock,
        has_time=has_time,
    ).run()


def note(world: World, attachment: Attachment, user: str = "sender") -> None:
    done = entry(Action.FILE_DOWNLOADED, attachment, user_id=user, at=world.now)
    world.activity.add(done)


@pytest.fixture
def files(world: World) -> list[Attachment]:
    """One attachment of the sender in every state, each in the log of two users."""
    made = [world.add(status) for status in Status]
    for attachment in made:
        note(world, attachment)
        note(world, attachment, PARTICIPANT.user_id)
    return made


def erase(world: World) -> Erased:
    return world.erasure.begin("sender", by="backend")


def traces(world: World) -> str:
    """All that is kept, but for the mark that says who was erased."""
    kept = [
        *world.catalog.records.values(),
        *world.activity.entries,
        *(node.message for node in world.chat._messages.values()),
        *(sorted(node.participants) for node in world.chat._conversations.values()),
        world.guards.held("sender"),
    ]
    return repr(kept)


def test_uploads_go_with_their_bytes_whatever_their_state(
    world: World, files: list[Attachment]
) -> None:
    assert erase(world).attachments == len(files)
    assert world.storage.keys() == set()
    for attachment in files:
        record = world.catalog.get(attachment.id)
        assert record.status is Status.DELETED
        assert (record.uploaded_by, record.file_name) != ("sender", "holiday.mp4")
        assert record.media.width is None
    assert list(world.chat.attachments_of(MESSAGE)) == []


def test_what_others_sent_stays(world: World) -> None:
    theirs = world.add(uploaded_by="participant")
    erase(world)
    assert world.catalog.get(theirs.id) == theirs
    assert world.chat.membership(CONVERSATION, "participant").participant


def test_memberships_end_and_messages_and_log_know_a_pseudonym_only(
    world: World, files: list[Attachment]
) -> None:
    erased = erase(world)
    assert (erased.memberships, erased.messages) == (1, 1)
    assert erased.entries == len(files)
    assert not world.chat.membership(CONVERSATION, "sender").participant
    message = world.chat.message(MESSAGE)
    assert message is not None
    assert message.sender_id.startswith("erased-")
    of_user = [each for each in world.activity.entries if each.user_id == message.sender_id]
    assert len(of_user) == len(files)
    others = [each for each in world.activity.entries if each.user_id == "participant"]
    assert len(others) == len(files)


def test_in_the_end_nothing_names_the_user(world: World, files: list[Attachment]) -> None:
    assert "'sender'" in traces(world)
    erase(world)
    world.pass_time(SETTLES)
    sweep(world)
    assert "'sender'" not in traces(world)
    assert world.guards.held("sender") is None


def test_one_empty_look_is_not_trusted_and_the_sweep_ends_it(
    world: World, files: list[Attachment]
) -> None:
    assert not erase(world).finished
    world.pass_time(HEAD_START)
    assert sweep(world).deletions_finished == 0
    late = world.add(Status.READY, uploaded_by="other")  # an index that lagged shows it only now
    world.catalog.records[late.id] = pending(id=late.id, revision=late.revision)
    world.pass_time(SETTLES)
    assert sweep(world).deletions_finished == 0
    assert world.catalog.get(late.id).status is Status.DELETED
    assert sweep(world).deletions_finished == 1
    assert sweep(world) == Swept()


def test_no_upload_of_an_erased_user_begins(world: World) -> None:
    erase(world)
    attachment = pending()
    with pytest.raises(UserErasedError):
        world.catalog.create(
            attachment, entry(Action.UPLOAD_REQUESTED, attachment, user_id="sender", at=world.now)
        )
    assert not world.catalog.records


def test_no_upload_of_an_erased_user_becomes_ready(world: World) -> None:
    attachment = world.add(Status.PENDING)
    world.users.erase("sender", world.now)
    with pytest.raises(UserErasedError):
        world.catalog.change(in_state(attachment, Status.READY), None)
    assert world.catalog.get(attachment.id) == attachment


def test_erasing_twice_is_harmless_and_keeps_the_pseudonym(
    world: World, files: list[Attachment]
) -> None:
    erase(world)
    first = world.users.erased("sender")
    kept = traces(world)
    assert erase(world).nothing
    again = world.users.erased("sender")
    assert first is not None
    assert again is not None
    assert first.pseudonym == again.pseudonym
    assert traces(world) == kept


def test_a_user_whom_nothing_names_can_be_erased(world: World) -> None:
    assert world.erasure.begin("nobody", by="backend").nothing
    world.pass_time(SETTLES)
    assert sweep(world).deletions_finished == 1


def test_an_erasure_that_was_begun_goes_on_until_it_is_done(
    world: World, files: list[Attachment]
) -> None:
    """Each call has time for one step only."""
    steps = iter(range(10_000))

    def has_time() -> bool:
        return next(steps) % 2 == 0

    calls = 0
    while not world.erasure.begin("sender", by="backend", has_time=has_time).nothing:
        calls += 1
        assert calls < 200
    while [*world.users.named("sender"), *world.activity.naming("sender")]:
        world.erasure.go_on("sender", by="backend")
        calls += 1
        assert calls < 200
    world.pass_time(SETTLES)
    sweep(world)
    assert "'sender'" not in traces(world)


def test_a_crash_after_any_write_is_healed_by_the_sweep() -> None:
    """The same end as without a crash, wherever it comes."""

    def end(writes: int) -> tuple[bool, object]:
        world = World()
        for status in (Status.PENDING, Status.READY, Status.REJECTED):
            note(world, world.add(status))
        world.fuse.light(writes)
        crashed = False
        try:
            erase(world)
        except CrashError:
            crashed = True
        world.fuse.put_out()
        for _ in range(3):
            world.pass_time(SETTLES)
            sweep(world)
        states = sorted(
            (str(record.status), record.file_name, record.due_at is None)
            for record in world.catalog.records.values()
        )
        assert "'sender'" not in traces(world)
        actions = sorted(world.activity.actions())
        return crashed, (states, actions, world.storage.keys(), dict(world.chat.marks).keys())

    _, undisturbed = end(0)
    writes = 1
    while True:
        crashed, healed = end(writes)
        assert healed == undisturbed, writes
        if not crashed:
            break
        writes += 1
    print(f"erasure: {writes - 1} crash points")
    assert writes > 15


def test_tombstones_of_an_erased_user_end_as_all_do(world: World) -> None:
    attachment = world.add()
    erase(world)
    record = world.catalog.get(attachment.id)
    assert record.expires_at == world.now + TOMBSTONE_LIFE
    assert record.usage == Usage()
    assert (record.sha256, record.version) == (None, None)


def test_an_erasure_says_who_ordered_it(world: World) -> None:
    world.add()
    erase(world)
    [deleted] = [each for each in world.activity.entries if each.action is Action.FILE_DELETED]
    assert deleted.user_id == "backend"


def test_a_message_told_meanwhile_is_found_too(world: World) -> None:
    erase(world)
    late = Message(id=new_id(), conversation_id=CONVERSATION, sender_id="sender", version=1)
    world.chat.put_message(late)
    world.pass_time(HEAD_START)
    sweep(world)
    told = world.chat.message(late.id)
    assert told is not None
    assert told.sender_id.startswith("erased-")
