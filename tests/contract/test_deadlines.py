"""What is due, and what has outlived its TTL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from attachments import dynamo
from attachments.errors import NotFoundError
from attachments.guards import KEY_LIFE
from attachments.ids import new_id
from attachments.model import Attachment, Status
from local.provision import Stack
from tests.builders import in_state
from tests.contract.conftest import Clock, Stores
from tests.contract.records import attached, create, every, ids, key_of, made_at, note

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def due(stores: Stores, now: datetime, among: Sequence[Attachment]) -> set[str]:
    found = [id_ for n in range(dynamo.SHARDS) for id_ in stores.catalog.due(now, n)]
    assert len(found) == len(set(found))
    return set(found) & set(ids(among))


def test_a_record_is_due_from_its_deadline_on(stores: Stores, noon: datetime) -> None:
    message = stores.message()
    made = [attached(message, noon, due_at=noon + timedelta(hours=n)) for n in (1, 2, 3)]
    create(stores, *made)
    assert due(stores, noon, made) == set()
    assert due(stores, noon + timedelta(hours=2), made) == {made[0].id, made[1].id}


def test_a_renewed_record_is_due_later(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    stores.catalog.change(attachment.renewed(due_at=noon + timedelta(hours=5)), None)
    assert due(stores, noon + timedelta(hours=4), [attachment]) == set()
    assert due(stores, noon + timedelta(hours=5), [attachment]) == {attachment.id}


def test_what_is_decided_is_due_no_more_until_it_is_deleted(stores: Stores, noon: datetime) -> None:
    attachment = attached(stores.message(), noon)
    create(stores, attachment)
    ready = in_state(attachment, Status.READY)
    stores.catalog.change(ready, None)
    later = noon + timedelta(days=9)
    assert due(stores, later, [attachment]) == set()
    deleted = ready.deleted(now=noon)
    stores.catalog.change(deleted, None)
    assert due(stores, later, [attachment]) == {attachment.id}
    stores.catalog.change(deleted.purged(now=noon, keep=timedelta(days=30)), None)
    assert due(stores, later, [attachment]) == set()


def test_what_expires_carries_its_ttl(
    aws_stores: Stores, noon: datetime, stack: Stack, dynamodb: "DynamoDBClient"
) -> None:
    message, key = aws_stores.message(), new_id()
    attachment = attached(message, noon)
    used = key_of(attachment, key)
    aws_stores.catalog.create(attachment, note(attachment), used)
    keep = timedelta(days=30)
    purged = attachment.deleted(now=noon).purged(now=noon, keep=keep)
    aws_stores.catalog.change(replace(purged, revision=2), None)
    aws_stores.chat.delete_message(message.id, 2, noon)
    aws_stores.chat.finish_message(message.id, expires_at=noon + keep)
    [logged] = aws_stores.activity.of_attachment(attachment.id, after=None)

    def ttl(table: str, item_key: dict[str, Any]) -> int:
        item = dynamodb.get_item(TableName=stack.names[table], Key=item_key)["Item"]
        return int(str(item["ttl"]))

    assert ttl("Attachments", {"id": attachment.id}) == (noon + keep).timestamp()
    assert ttl("Chat", {"pk": f"message#{message.id}", "sk": "meta"}) == (noon + keep).timestamp()
    assert ttl("Guards", {"pk": used.pk}) == (noon + KEY_LIFE).timestamp()
    activity_key = {"attachment_id": attachment.id, "sort": logged["sort"]}
    assert ttl("Activity", activity_key) == (noon + timedelta(days=365)).timestamp()
    for table in ("Attachments", "Chat", "Guards", "Activity"):
        switch = dynamodb.describe_time_to_live(TableName=stack.names[table])
        assert switch["TimeToLiveDescription"] == {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": "ttl",
        }


def test_a_stored_record_past_its_ttl_is_absent(
    stores: Stores, noon: datetime, clock: Clock
) -> None:
    message, keep = stores.message(), timedelta(days=30)
    attachment, other = made_at(stores, message, [noon, noon + timedelta(seconds=1)])
    expired = attachment.expired(now=noon, keep=keep)
    stores.catalog.change(expired, None)

    def listed() -> list[list[str]]:
        conversation, day = message.conversation_id, noon.date()
        pages = (
            stores.catalog.of_message(message.id, keep=every, limit=9, after=None),
            stores.catalog.of_conversation(conversation, None, keep=every, limit=9, after=None),
            stores.catalog.of_days(day, day, None, keep=every, limit=9, after=None),
        )
        return [ids(page.items) for page in pages]

    clock.now = noon + keep - timedelta(seconds=1)
    assert stores.catalog.get(attachment.id) == expired
    assert listed() == [[other.id, attachment.id]] * 3
    clock.now = noon + keep
    with pytest.raises(NotFoundError):
        stores.catalog.get(attachment.id)
    assert listed() == [[other.id]] * 3
