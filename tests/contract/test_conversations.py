"""Conversations and their participants, as the chat tells them."""

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from attachments.errors import ConflictError
from attachments.ids import new_id
from local.provision import Stack
from tests.contract.conftest import Stores

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def members(stores: Stores, conversation: str, *users: str) -> set[str]:
    return {user for user in users if stores.chat.membership(conversation, user).participant}


def test_participants_are_those_of_the_newest_version(stores: Stores) -> None:
    conversation = new_id()
    assert stores.chat.put_conversation(conversation, ["ann", "bob"], 1)
    assert members(stores, conversation, "ann", "bob", "cy") == {"ann", "bob"}
    assert stores.chat.put_conversation(conversation, ["bob", "cy"], 2)
    assert members(stores, conversation, "ann", "bob", "cy") == {"bob", "cy"}


def test_an_older_version_lets_nobody_in_again(stores: Stores) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["bob"], 5)
    assert not stores.chat.put_conversation(conversation, ["ann", "bob"], 4)
    assert members(stores, conversation, "ann", "bob") == {"bob"}


def test_the_same_version_with_the_same_participants_is_a_repetition(stores: Stores) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann", "bob"], 3)
    assert stores.chat.put_conversation(conversation, ["bob", "ann", "ann"], 3)
    assert members(stores, conversation, "ann", "bob") == {"ann", "bob"}


def test_the_same_version_with_other_participants_is_a_conflict(stores: Stores) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann"], 3)
    with pytest.raises(ConflictError):
        stores.chat.put_conversation(conversation, ["bob"], 3)
    assert members(stores, conversation, "ann", "bob") == {"ann"}


def test_participants_may_need_several_transactions(stores: Stores) -> None:
    conversation = new_id()
    crowd = [f"user-{n:03}" for n in range(130)]
    assert stores.chat.put_conversation(conversation, crowd, 1)
    asked = ("user-000", "user-098", "user-099", "user-129")
    assert members(stores, conversation, *asked) == set(asked)
    assert stores.chat.put_conversation(conversation, crowd[110:], 2)
    assert members(stores, conversation, *asked) == {"user-129"}


def test_an_unknown_conversation_has_nobody(stores: Stores) -> None:
    membership = stores.chat.membership(new_id(), "ann")
    assert (membership.known, membership.participant) == (False, False)


def test_nobody_is_in_a_deleted_conversation(stores: Stores, noon: datetime) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann"], 1)
    assert stores.chat.delete_conversation(conversation, 2, noon)
    for _ in ("marked", "finished"):
        membership = stores.chat.membership(conversation, "ann")
        assert (membership.known, membership.participant) == (False, False)
        stores.chat.finish_conversation(conversation, expires_at=noon)


def test_a_finished_conversation_leaves_only_its_tombstone(
    aws_stores: Stores, noon: datetime, stack: Stack, dynamodb: "DynamoDBClient"
) -> None:
    conversation = new_id()
    aws_stores.chat.put_conversation(conversation, [f"user-{n}" for n in range(150)], 1)
    aws_stores.chat.delete_conversation(conversation, 2, noon)
    aws_stores.chat.finish_conversation(conversation, expires_at=noon)
    left = dynamodb.query(
        TableName=stack.names["Chat"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": f"conversation#{conversation}"},
    )["Items"]
    assert [str(row["sk"]) for row in left] == ["meta"]


def test_a_deleted_conversation_stays_deleted(stores: Stores, noon: datetime) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann"], 1)
    stores.chat.delete_conversation(conversation, 5, noon)
    assert not stores.chat.put_conversation(conversation, ["ann"], 4)
    assert not stores.chat.put_conversation(conversation, ["ann"], 5)
    with pytest.raises(ConflictError):
        stores.chat.put_conversation(conversation, ["ann"], 6)
    assert not stores.chat.membership(conversation, "ann").known


def test_an_older_deletion_of_a_conversation_changes_nothing(
    stores: Stores, noon: datetime
) -> None:
    conversation = new_id()
    stores.chat.put_conversation(conversation, ["ann"], 5)
    assert not stores.chat.delete_conversation(conversation, 4, noon)
    assert stores.chat.membership(conversation, "ann").participant


def test_a_deletion_may_come_before_the_conversation_itself(stores: Stores, noon: datetime) -> None:
    conversation = new_id()
    assert stores.chat.delete_conversation(conversation, 2, noon)
    assert not stores.chat.put_conversation(conversation, ["ann"], 1)
    assert not stores.chat.membership(conversation, "ann").known
