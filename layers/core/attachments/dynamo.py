"""What the tables have in common: transactions, paging, and records as items."""

import hashlib
import heapq
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from attachments.errors import InvalidCursorError
from attachments.ids import rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item = dict[str, Any]
Write = dict[str, Any]
SHARDS = 8
CONFLICT_TRIES = 12
ITEMS_OF_A_QUERY = 100


class ConditionFailedError(Exception):
    """A transaction was refused; `failed` names the parts whose conditions did not hold."""

    def __init__(self, failed: frozenset[str]) -> None:
        super().__init__(f"conditions of {', '.join(sorted(failed))} did not hold")
        self.failed = failed


def transact(
    client: "DynamoDBClient",
    parts: Mapping[str, Write],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """All parts or none.

    A conflict with another transaction in flight is tried again with jittered backoff (DynamoDB
    guide, "Transaction conflict handling"). Raises ConditionFailedError.
    """
    writes: list[TransactWriteItemTypeDef] = list(parts.values())  # type: ignore[arg-type]
    for attempt in range(CONFLICT_TRIES):
        try:
            client.transact_write_items(TransactItems=writes)
        except client.exceptions.TransactionCanceledException as error:
            codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            failed = frozenset(
                part
                for part, code in zip(parts, codes, strict=True)
                if code == "ConditionalCheckFailed"
            )
            if failed:
                raise ConditionFailedError(failed) from error
            if attempt == CONFLICT_TRIES - 1 or "ValidationError" in codes:
                raise
            sleep(random.uniform(0.2, 1.0) * min(0.02 * 2**attempt, 0.5))  # noqa: S311 jitter
        else:
            return


def transact_one(client: "DynamoDBClient", write: Write) -> bool:
    """One write as a transaction (see `transact`); whether its condition held."""
    try:
        transact(client, {"write": write})
    except ConditionFailedError:
        return False
    return True


def update_of(
    table: str,
    key: Item,
    change: str,
    condition: str,
    values: dict[str, Any],
    names: dict[str, str] | None = None,
) -> Write:
    """A conditional Update as a part of a transaction."""
    return {
        "Update": {
            "TableName": table,
            "Key": key,
            "UpdateExpression": change,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            **({"ExpressionAttributeNames": names} if names else {}),
        }
    }


def get_items(client: "DynamoDBClient", table: str, keys: list[Item]) -> list[Item]:
    """Items by key, strongly consistent, in the order of the keys; absent ones are left out.

    At most 100 keys (the limit of BatchGetItem).
    """
    found: list[Item] = []
    wanted = list(keys)
    attempt = 0
    while wanted:
        answer = client.batch_get_item(
            RequestItems={table: {"Keys": wanted, "ConsistentRead": True}}
        )
        found += answer["Responses"].get(table, [])
        unprocessed = answer["UnprocessedKeys"].get(table)
        wanted = list(unprocessed["Keys"]) if unprocessed else []
        if wanted:
            attempt += 1
            time.sleep(random.uniform(0.2, 1.0) * min(0.02 * 2**attempt, 0.5))  # noqa: S311
    by_key = {_key_of(item, keys[0]): item for item in found} if keys else {}
    ordered = [by_key.get(_key_of(key, key)) for key in keys]
    return [item for item in ordered if item is not None]


def _key_of(item: Item, shape: Item) -> tuple[Any, ...]:
    return tuple(item[name] for name in sorted(shape))


def query(client: "DynamoDBClient", **arguments: Any) -> Iterator[Item]:
    """All items that a Query finds, page after page, as they are asked for."""
    while True:
        answer = client.query(**arguments)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def due(client: "DynamoDBClient", table: str, now: datetime, shard: int) -> Iterator[Item]:
    """Keys of what one shard of the table's `by_due` index says should be looked at by now."""
    return query(
        client,
        TableName=table,
        IndexName="by_due",
        KeyConditionExpression="due_shard = :shard AND due_at <= :now",
        ExpressionAttributeValues={":shard": str(shard), ":now": rfc3339(now)},
    )


def to_item(value: Any) -> Any:
    """JSON-like data as DynamoDB takes it: floats as decimals, nothing that is None."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {name: to_item(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [to_item(inner) for inner in value]
    return value


def epoch(instant: datetime) -> int:
    """Seconds since 1970: the form of a TTL attribute."""
    return int(instant.timestamp())


def outlived(item: Item, now: datetime) -> bool:
    """Whether the item's TTL has passed: DynamoDB removes it within days only."""
    return "ttl" in item and int(item["ttl"]) <= epoch(now)


def shard(identifier: str) -> int:
    """Which of the shards an identifier falls in, evenly and for ever the same."""
    return int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:4], "big") % SHARDS


def day_shard(day: date, number: int) -> str:
    """Partition key of an index by time: a day's writes spread over `SHARDS` partitions."""
    return f"{day.isoformat()}#{number}"


@dataclass(frozen=True, slots=True)
class Window:
    """The days that one page looks at, last first; `resume` is the position of those left over."""

    first: date
    last: date
    resume: str | None

    DAYS: ClassVar[int] = 31

    @classmethod
    def of(cls, first: date, last: date, after: str | None) -> "Window":
        """At most `DAYS` days of [first, last], beginning with the day of the position `after`.

        Raises InvalidCursorError for a position that is in no day.
        """
        if after is not None:
            try:
                last = min(last, date.fromisoformat(after[:10]))
            except ValueError as error:
                raise InvalidCursorError("The cursor was altered.") from error
        begin = date.fromordinal(max(first.toordinal(), last.toordinal() - cls.DAYS + 1))
        return cls(begin, last, begin.isoformat() if begin > first else None)

    def __iter__(self) -> Iterator[date]:
        for back in range((self.last - self.first).days + 1):
            yield self.last - timedelta(days=back)


def merge_newest(streams: Iterable[Iterator[Item]]) -> Iterator[Item]:
    """Items of several streams, each sorted by `sort` downwards, as one such stream.

    The streams begin all at once: what they wait for is the network.
    """
    streams = list(streams)
    with ThreadPoolExecutor(max_workers=max(1, len(streams))) as threads:
        begun = list(threads.map(lambda stream: (next(stream, None), stream), streams))
    streams = [chain([first], rest) for first, rest in begun if first is not None]
    return heapq.merge(*streams, key=lambda item: str(item["sort"]), reverse=True)


def newest_first(
    client: "DynamoDBClient",
    table: str,
    *,
    index: str | None,
    key: tuple[str, str],
    before: str | None,
) -> Iterator[Item]:
    """Items of one partition by their `sort` downwards, beginning below `before`."""
    name, value = key
    condition, values = "#key = :key", {":key": value}
    names = {"#key": name}
    if before is not None:
        condition += " AND #sort < :before"
        values[":before"] = before
        names["#sort"] = "sort"
    where = {"IndexName": index} if index else {"ConsistentRead": True}
    return query(
        client,
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
        ScanIndexForward=False,
        Limit=ITEMS_OF_A_QUERY,
        **where,
    )
