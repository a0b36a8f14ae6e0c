"""Erased users, and where a user is named: one contract for the stores in memory and on moto."""

from datetime import datetime, timedelta

import pytest

from attachments import dynamo
from attachments.chat import HEAD_START
from attachments.deletion import Deletion
from attachments.erasure import SETTLES, Erasure
from attachments.errors import NotFoundError, UserErasedError
from attachments.ids import new_id
from attachments.model import Message, Status
from attachments.users import Named
from tests.builders import TOMBSTONE_LIFE, in_state
from tests.contract.conftest import Clock, Stores
from tests.contract.records import attached, note


def place(stores: Stores, user: str) -> Message:
    """A message of a user, in a conversation with one other."""
    message = Message(id=new_id(), conversation_id=new_id(), sender_id=user, version=1)
    stores.chat.put_conversation(message.conversation_id, [user, "another"], 1)
    stores.chat.put_message(message)
    return message


def marked(stores: Stores, now: datetime) -> set[str]:
    return {
        identifier
        for n in range(dynamo.SHARDS)
        for kind, identifier in stores.chat.unfinished(now, n)
        if kind == "user"
    }


def test_a_user_is_found_where_they_are_named(stores: Stores) -> None:
    user = new_id()
    first, second = place(stores, user), place(stores, user)
    place(stores, new_id())
    found = list(stores.users.named(user))
    conversations = sorted([first.conversation_id, second.conversation_id])
    messages = sorted([first.id, second.id])
    assert found == [Named("conversation", each) for each in conversations] + [
        Named("message", each) for each in messages
    ]
    for number, named in enumerate(found):
        after = f"{named.kind}#{named.id}"
        assert list(stores.users.named(user, after=after)) == found[number + 1 :]


def test_who_left_is_named_no_more(stores: Stores) -> None:
    user = new_id()
    message = place(stores, user)
    stores.chat.put_conversation(message.conversation_id, ["another"], 2)
    assert list(stores.users.named(user)) == [Named("message", message.id)]


def test_an_erased_user_is_marked_until_it_is_finished(stores: Stores, noon: datetime) -> None:
    user = new_id()
    assert stores.users.erased(user) is None
    first = stores.users.erase(user, noon)
    assert (first.user_id, first.since) == (user, noon)
    assert user not in marked(stores, noon)
    assert user in marked(stores, noon + HEAD_START)
    again = stores.users.erase(user, noon + timedelta(seconds=1))
    assert again.pseudonym == first.pseudonym
    assert not stores.users.finish(first, expires_at=noon)  # it was marked again
    assert stores.users.finish(again, expires_at=noon + TOMBSTONE_LIFE)
    assert user not in marked(stores, noon + timedelta(days=1))
    assert stores.users.erased(user) == again


def test_two_users_get_two_pseudonyms(stores: Stores, noon: datetime) -> None:
    pseudonyms = {stores.users.erase(new_id(), noon).pseudonym for _ in range(3)}
    assert len(pseudonyms) == 3


def test_every_erased_user_can_be_listed(stores: Stores, noon: datetime) -> None:
    erased, other = new_id(), new_id()
    place(stores, other)
    stores.users.erase(erased, noon)
    listed = set(stores.users.all_erased())
    assert erased in listed
    assert other not in listed


def test_what_names_a_user_is_forgotten_once(stores: Stores, noon: datetime) -> None:
    user = new_id()
    message = place(stores, user)
    erased = stores.users.erase(user, noon)
    for named in list(stores.users.named(user)):
        assert stores.users.forget(named, erased)
        assert not stores.users.forget(named, erased)
    assert list(stores.users.named(user)) == []
    assert not stores.chat.membership(message.conversation_id, user).participant
    assert stores.chat.membership(message.conversation_id, "another").participant
    told = stores.chat.message(message.id)
    assert told is not None
    assert told.sender_id == erased.pseudonym


def test_nothing_of_an_erased_user_begins_or_becomes_ready(stores: Stores, noon: datetime) -> None:
    user = new_id()
    message = place(stores, user)
    before = attached(message, noon, uploaded_by=user)
    stores.catalog.create(before, note(before))
    stores.users.erase(user, noon)
    after = attached(message, noon, uploaded_by=user)
    with pytest.raises(UserErasedError):
        stores.catalog.create(after, note(after))
    with pytest.raises(NotFoundError):
        stores.catalog.get(after.id)
    with pytest.raises(UserErasedError):
        stores.catalog.change(in_state(before, Status.READY), None)
    assert stores.catalog.get(before.id).status is Status.PENDING


def test_records_are_found_by_their_uploader_in_every_state(
    stores: Stores, noon: datetime, clock: Clock
) -> None:
    user = new_id()
    message = place(stores, user)
    made = [attached(message, noon, uploaded_by=user) for _ in Status]
    for attachment, status in zip(made, Status, strict=True):
        stores.catalog.create(attachment, note(attachment))
        if status is not Status.PENDING:
            stores.catalog.change(in_state(attachment, status), None)
    clock.now = noon + TOMBSTONE_LIFE * 2  # the expired one is past its end, and still there
    found = list(stores.catalog.of_uploader(user))
    assert sorted(each.id for each in found) == sorted(each.id for each in made)
    assert {each.status for each in found} == set(Status)
    ids = [each.id for each in found]
    rest = [each.id for each in stores.catalog.of_uploader(user, after=ids[1])]
    assert rest == ids[2:]
    assert list(stores.catalog.of_uploader(new_id())) == []


def test_an_entry_gets_its_pseudonym_once(stores: Stores, noon: datetime) -> None:
    user = new_id()
    attachment = attached(place(stores, user), noon, uploaded_by=user)
    stores.catalog.create(attachment, note(attachment))
    [item] = stores.activity.naming(user)
    assert stores.activity.pseudonymise(item, "erased-1")
    assert not stores.activity.pseudonymise(item, "erased-2")
    assert list(stores.activity.naming(user)) == []
    [entry] = stores.activity.of_attachment(attachment.id, after=None)
    assert stores.activity.read(entry).user_id == "erased-1"


def test_a_whole_erasure_leaves_nothing_that_names_the_user(
    stores: Stores, noon: datetime, clock: Clock
) -> None:
    user = new_id()
    message = place(stores, user)
    for status in (Status.PENDING, Status.READY, Status.REJECTED, Status.DELETED):
        attachment = attached(message, noon, uploaded_by=user)
        stores.catalog.create(attachment, note(attachment))
        stores.arrive(attachment.upload_key, b"bytes")
        if status is not Status.PENDING:
            stores.catalog.change(in_state(attachment, status), None)
    ids = [each.id for each in stores.catalog.of_uploader(user)]
    erasure = Erasure(
        catalog=stores.catalog,
        users=stores.users,
        activity=stores.activity,
        guards=stores.guards,
        deletion=Deletion(
            catalog=stores.catalog,
            chat=stores.chat,
            storage=stores.storage,
            clock=clock,
            tombstone_life=TOMBSTONE_LIFE,
        ),
        clock=clock,
    )
    first = erasure.begin(user, by="backend")
    assert (first.attachments, first.memberships, first.messages) == (4, 1, 1)
    assert not first.finished
    clock.now = noon + SETTLES
    assert erasure.go_on(user, by="sweep").finished
    assert list(stores.catalog.of_uploader(user)) == []
    assert list(stores.users.named(user)) == []
    assert list(stores.activity.naming(user)) == []
    assert stores.guards.held(user) is None
    for attachment_id in ids:
        record = stores.catalog.get(attachment_id)
        assert (record.status, record.file_name) == (Status.DELETED, "erased")
        assert stores.storage.delete_all(record.upload_key) == 0
        log = [
            stores.activity.read(item)
            for item in stores.activity.of_attachment(attachment_id, after=None)
        ]
        assert user not in {each.user_id for each in log}
