"""How many request units of DynamoDB something costs, counted while it happens in moto.

Rules of the DynamoDB guide, "DynamoDB on-demand capacity": a write is a unit for each KB of the
item, a strongly consistent read one for each 4 KB, and in a transaction each is doubled. A global
index is written where what it holds of the item changes, twice where its key does. What is written
is seen in moto's tables before and after.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from local.template import ACCOUNT, REGION

Row = dict[str, Any]
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


@dataclass
class Units:
    """Write and read request units, and how often DynamoDB was called."""

    writes: float = 0
    reads: float = 0
    calls: int = 0
    _before: dict[str, dict[str, Row]] = field(default_factory=dict)

    @contextmanager
    def counted(self, client: Any) -> Iterator[None]:
        """Count what a client does meanwhile."""
        events = client.meta.events
        events.register_first("before-call.dynamodb", self._begin, unique_id="units-begin")
        events.register_last("after-call.dynamodb", self._end, unique_id="units-end")
        try:
            yield
        finally:
            events.unregister("before-call.dynamodb", unique_id="units-begin")
            events.unregister("after-call.dynamodb", unique_id="units-end")

    def _begin(self, model: Any, **_: Any) -> None:
        if model.name in WRITES:
            self._before = _tables()

    def _end(self, model: Any, parsed: Row, **_: Any) -> None:
        self.calls += 1
        if model.name in WRITES:
            after = _tables()
            doubled = 2 if model.name == "TransactWriteItems" else 1
            for name, rows in after.items():
                self.writes += _written(name, self._before[name], rows, doubled)
        elif model.name == "BatchGetItem":
            self.reads += sum(
                _read(item) for items in parsed["Responses"].values() for item in items
            )
        elif model.name == "GetItem":
            self.reads += _read(parsed.get("Item"))
        else:  # Query: all items together
            found = parsed.get("Items", [])
            self.reads += math.ceil(max(sum(map(_bytes, found)), 1) / 4096)


def _read(item: Row | None) -> int:
    return math.ceil(max(_bytes(item), 1) / 4096)


def _bytes(item: Row | None) -> int:
    """About: names and values as JSON, without DynamoDB's type marks."""
    return len(json.dumps(item, default=str)) if item else 0


def _tables() -> dict[str, dict[str, Row]]:
    return {
        name: {json.dumps(key): row for key, row in _rows(table)}
        for name, table in dynamodb_backends[ACCOUNT][REGION].tables.items()
    }


def _rows(table: Any) -> Iterator[tuple[Any, Row]]:
    for hash_key, found in table.items.items():
        each = found.values() if isinstance(found, dict) else [found]
        for item in each:
            plain = {name: value.value for name, value in item.attrs.items()}
            range_key = plain.get(table.range_key_attr) if table.range_key_attr else None
            yield [str(hash_key.value), str(range_key)], plain


def _written(name: str, before: dict[str, Row], after: dict[str, Row], doubled: int) -> float:
    units = 0.0
    table = dynamodb_backends[ACCOUNT][REGION].tables[name]
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        units += doubled * math.ceil(max(_bytes(old), _bytes(new)) / 1024)
        for index in table.global_indexes:
            keys = [part["AttributeName"] for part in index.schema]
            kept = set(index.projection.get("NonKeyAttributes", []))
            whole = index.projection["ProjectionType"] == "ALL"
            units += _index_writes(old, new, keys, None if whole else kept)
    return units


def _index_writes(old: Row | None, new: Row | None, keys: list[str], kept: set[str] | None) -> int:
    def entry(row: Row | None) -> tuple[Any, Any] | None:
        if row is None or any(name not in row for name in keys):
            return None
        held = row if kept is None else {name: row.get(name) for name in sorted(kept)}
        return [row[name] for name in keys], held

    was, is_ = entry(old), entry(new)
    if was == is_:
        return 0
    return 2 if was and is_ and was[0] != is_[0] else 1
