"""The activity log: who did what to which attachment, when.

Entries are only ever added; a user who is erased is replaced in them by their pseudonym.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from attachments import dynamo
from attachments.dynamo import Item, Write
from attachments.ids import new_id, rfc3339
from attachments.model import Action, Activity, Attachment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ENTRY = TypeAdapter(Activity)


def entry(
    action: Action,
    attachment: Attachment,
    *,
    user_id: str,
    at: datetime,
    admin_override: bool = False,
    description: str = "",
) -> Activity:
    """A new entry about an attachment."""
    return Activity(
        id=new_id(),
        action=action,
        user_id=user_id,
        attachment_id=attachment.id,
        message_id=attachment.message_id,
        conversation_id=attachment.conversation_id,
        at=at,
        admin_override=admin_override,
        description=description,
    )


class ActivityLog:
    """The `Activity` table: by attachment, by user, by time; newest first."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        keep: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._table = table
        self._keep = keep
        self._clock = clock

    def write_of(self, entry: Activity) -> Write:
        """The entry as a part of the transaction that does what it tells."""
        return {"Put": {"TableName": self._table, "Item": self._item(entry)}}

    def add(self, entry: Activity) -> None:
        """Write an entry that changes no record (a download)."""
        self._client.put_item(TableName=self._table, Item=self._item(entry))

    def of_attachment(self, attachment_id: str, *, after: str | None) -> Iterator[Item]:
        return self._stream("attachment_id", attachment_id, after, index=None)

    def of_user(self, user_id: str, *, after: str | None) -> Iterator[Item]:
        return self._stream("user_id", user_id, after, index="by_user")

    def of_day(self, day: date, *, after: str | None) -> Iterator[Item]:
        """One day's entries, merged from its shards."""
        return dynamo.merge_newest(
            self._stream("day_shard", dynamo.day_shard(day, number), after, index="by_day")
            for number in range(dynamo.SHARDS)
        )

    def pseudonymise(self, item: Item, pseudonym: str) -> bool:
        """Put a pseudonym for the user of one entry; whether it was still necessary."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"attachment_id": item["attachment_id"], "sort": item["sort"]},
                UpdateExpression="SET user_id = :pseudonym",
                ConditionExpression="user_id = :user",
                ExpressionAttributeValues={":pseudonym": pseudonym, ":user": item["user_id"]},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def naming(self, user_id: str) -> Iterator[Item]:
        """Everything that names a user, also what is past its TTL and still there."""
        return dynamo.newest_first(
            self._client, self._table, index="by_user", key=("user_id", user_id), before=None
        )

    @staticmethod
    def read(item: Item) -> Activity:
        """The entry that an item of one of the streams holds."""
        return _ENTRY.validate_python(item)

    def _stream(
        self, name: str, value: str, after: str | None, *, index: str | None
    ) -> Iterator[Item]:
        now = self._clock()
        for item in dynamo.newest_first(
            self._client, self._table, index=index, key=(name, value), before=after
        ):
            if not dynamo.outlived(item, now):
                yield item

    def _item(self, entry: Activity) -> Item:
        item: Item = dynamo.to_item(
            {
                **asdict(entry),
                "at": rfc3339(entry.at),
                "action": str(entry.action),
                "sort": f"{rfc3339(entry.at)}#{entry.id}",
                "day_shard": dynamo.day_shard(entry.at.date(), dynamo.shard(entry.id)),
                "ttl": dynamo.epoch(entry.at + self._keep),
            }
        )
        return item
