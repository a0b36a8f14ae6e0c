"""How many files there are of which type and state, by sharded counters in the `Counters` table.

    pk                          sk           what
    generation                  -            which generation is read, and which is being built
    <generation>#<shard>        total        files and bytes by type and state
    <generation>#<shard>        day#<date>   the same of the uploads asked for on one day (UTC)
    marker#<generation>#<id>    -            what one record is counted as

A record's marker changes in the transaction that changes the counters, and only forward: the same
change told twice, late or by two at once counts once. A record that is gone takes its marker along.
To count anew is to build another generation beside the one that is read: meanwhile every change
counts in both.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from attachments import dynamo
from attachments.dynamo import ConditionFailedError, Item, Write
from attachments.ids import rfc3339
from attachments.model import Attachment, FileType, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

POINTER = {"pk": "generation", "sk": "-"}
TRIES = 20  # of one change against others of the same record


@dataclass(frozen=True, slots=True)
class Kind:
    """What files are counted by."""

    file_type: FileType
    status: Status


@dataclass(frozen=True, slots=True)
class Marker:
    """What a record is counted as: its kind and size in bytes at a revision, under its day."""

    kind: Kind
    size: int
    day: date
    revision: int

    @classmethod
    def of(cls, attachment: Attachment) -> "Marker":
        kind = Kind(attachment.file_type, attachment.status)
        return cls(kind, attachment.file_size, attachment.created_at.date(), attachment.revision)


@dataclass(frozen=True, slots=True)
class Tally:
    """Files and bytes, by kind; `as_of` is when the newest change that is in it was written."""

    files: Counter[Kind]
    bytes: Counter[Kind]
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Generations:
    """Which one is read, and which one is being built beside it."""

    read: int = 1
    built: int | None = None

    def __iter__(self) -> Iterator[int]:
        yield self.read
        if self.built is not None:
            yield self.built


class Counters:
    """The `Counters` table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    # ------------------------------------------------------------ counting

    def generations(self) -> Generations:
        item: Item | None = self._client.get_item(
            TableName=self._table, Key=POINTER, ConsistentRead=True
        ).get("Item")
        if item is None:
            return Generations()
        return Generations(int(item["read"]), int(item["built"]) if "built" in item else None)

    def count(self, generation: int, attachment: Attachment, at: datetime | None = None) -> bool:
        """Count a record as it is, instead of as it was; whether that was still necessary.

        `at` is when the change was written. Raises ConditionFailedError if others change the same
        record's marker all the time.
        """
        new = Marker.of(attachment)
        for _ in range(TRIES - 1):
            old = self._marker(generation, attachment.id)
            if old is not None and old.revision >= new.revision:
                return False
            try:
                self._move(generation, attachment.id, old, new, at)
            except ConditionFailedError:
                continue
            return True
        raise ConditionFailedError(frozenset({"marker"}))

    def forget(self, generation: int, attachment_id: str, at: datetime | None = None) -> bool:
        """Count a record no more, because it is gone; whether it was counted."""
        while (old := self._marker(generation, attachment_id)) is not None:
            try:
                self._move(generation, attachment_id, old, None, at)
            except ConditionFailedError:
                continue
            return True
        return False

    def markers(self, generation: int, ids: Sequence[str]) -> dict[str, Marker]:
        """What records are counted as, at most 100; strongly consistent."""
        keys = [self._marker_key(generation, each) for each in ids]
        items = dynamo.get_items(self._client, self._table, keys)
        return {str(item["pk"]).rpartition("#")[2]: _marker_of(item) for item in items}

    def _marker(self, generation: int, attachment_id: str) -> Marker | None:
        item: Item | None = self._client.get_item(
            TableName=self._table,
            Key=self._marker_key(generation, attachment_id),
            ConsistentRead=True,
        ).get("Item")
        return _marker_of(item) if item else None

    def _move(
        self,
        generation: int,
        attachment_id: str,
        old: Marker | None,
        new: Marker | None,
        at: datetime | None,
    ) -> None:
        """Raises ConditionFailedError if the marker is no longer `old`."""
        key = self._marker_key(generation, attachment_id)
        shard = f"{generation}#{dynamo.shard(attachment_id)}"
        parts = {"marker": self._marker_write(key, old, new)}
        days = {f"day#{marker.day}" for marker in (old, new) if marker}
        for sk in ("total", *sorted(days)):
            gone = old if old and sk in ("total", f"day#{old.day}") else None
            come = new if new and sk in ("total", f"day#{new.day}") else None
            if addition := self._addition({"pk": shard, "sk": sk}, gone, come, at):
                parts[sk] = addition
        dynamo.transact(self._client, parts)

    def _marker_write(self, key: Item, old: Marker | None, new: Marker | None) -> Write:
        condition: Item = {"ConditionExpression": "attribute_not_exists(pk)"}
        if old is not None:
            condition = {
                "ConditionExpression": "revision = :old",
                "ExpressionAttributeValues": {":old": old.revision},
            }
        if new is None:
            return {"Delete": {"TableName": self._table, "Key": key, **condition}}
        item = {
            **key,
            "file_type": str(new.kind.file_type),
            "status": str(new.kind.status),
            "size": new.size,
            "day": new.day.isoformat(),
            "revision": new.revision,
        }
        return {"Put": {"TableName": self._table, "Item": item, **condition}}

    def _addition(
        self, key: Item, gone: Marker | None, come: Marker | None, at: datetime | None
    ) -> Write | None:
        """The difference for one item of counters; None if there is none."""
        change: Counter[str] = Counter()
        for marker, sign in ((gone, -1), (come, 1)):
            if marker is not None:
                change[_attribute(marker.kind, "files")] += sign
                change[_attribute(marker.kind, "bytes")] += sign * marker.size
        change = Counter({name: by for name, by in change.items() if by})
        if not change:
            return None
        names = {f"#a{number}": name for number, name in enumerate(change)}
        values: Item = {f":a{number}": by for number, by in enumerate(change.values())}
        added = ", ".join(f"{name} :{name[1:]}" for name in names)
        expression = f"ADD {added}"
        if at is not None:
            expression += " SET as_of = :as_of"
            values[":as_of"] = rfc3339(at)
        return {
            "Update": {
                "TableName": self._table,
                "Key": key,
                "UpdateExpression": expression,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }

    @staticmethod
    def _marker_key(generation: int, attachment_id: str) -> Item:
        return {"pk": f"marker#{generation}#{attachment_id}", "sk": "-"}

    # ------------------------------------------------------------ reading

    def tally(self, first: date, last: date) -> tuple[Tally, dict[date, Tally]]:
        """All that there is, and by the days from `first` to `last` those that have any."""
        generation = self.generations().read
        shards = [f"{generation}#{number}" for number in range(dynamo.SHARDS)]
        totals: list[Item] = [{"pk": shard, "sk": "total"} for shard in shards]
        with ThreadPoolExecutor(dynamo.SHARDS + 1) as threads:
            total = threads.submit(dynamo.get_items, self._client, self._table, totals)
            found = threads.map(lambda shard: self._days(shard, first, last), shards)
            items = [item for days in found for item in days]
        return _sum(total.result()), {
            date.fromisoformat(day.removeprefix("day#")): _sum(
                item for item in items if item["sk"] == day
            )
            for day in sorted({item["sk"] for item in items})
        }

    def _days(self, shard: str, first: date, last: date) -> list[Item]:
        days = dynamo.query(
            self._client,
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": shard,
                ":first": f"day#{first.isoformat()}",
                ":last": f"day#{last.isoformat()}",
            },
        )
        return list(days)

    # ------------------------------------------------------------ counting anew

    def build(self) -> Generations:
        """Begin another generation, or go on with one that was begun."""
        known = self.generations()
        if known.built is None:
            known = Generations(known.read, known.read + 1)
            item = {**POINTER, "read": known.read, "built": known.built}
            self._client.put_item(TableName=self._table, Item=item)
        return known

    def switch(self, generations: Generations) -> None:
        """Read the generation that was built, and no longer count in the other."""
        item = {**POINTER, "read": generations.built}
        self._client.put_item(TableName=self._table, Item=item)

    def drop(self, generation: int) -> int:
        """Remove what a generation that is not read any more has left; how many items."""
        dropped = 0
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :marker) OR begins_with(pk, :shard)",
            ExpressionAttributeValues={
                ":marker": f"marker#{generation}#",
                ":shard": f"{generation}#",
            },
            ProjectionExpression="pk, sk",
        )
        for page in pages:
            for key in page["Items"]:
                self._client.delete_item(TableName=self._table, Key=key)
                dropped += 1
        return dropped


def _attribute(kind: Kind, what: str) -> str:
    return f"{kind.file_type}/{kind.status}/{what}"


def _marker_of(item: Item) -> Marker:
    return Marker(
        Kind(FileType(item["file_type"]), Status(item["status"])),
        int(item["size"]),
        date.fromisoformat(item["day"]),
        int(item["revision"]),
    )


def _sum(items: Iterable[Item]) -> Tally:
    files: Counter[Kind] = Counter()
    sizes: Counter[Kind] = Counter()
    newest = None
    for item in items:
        newest = max(filter(None, (newest, item.get("as_of"))), default=None)
        for name, value in item.items():
            if name.count("/") == 2:
                file_type, status, what = name.split("/")
                counter: Counter[Any] = files if what == "files" else sizes
                counter[Kind(FileType(file_type), Status(status))] += int(value)
    return Tally(+files, +sizes, datetime.fromisoformat(newest) if newest else None)
