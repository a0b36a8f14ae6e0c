"""Makes moto's DynamoDB Streams fit for a stack that runs for long.

moto keeps every change for ever and copies all of them for each transaction; an iterator of its
stream is lost when a transaction is undone. Here a stream keeps its newest `KEPT` records, as
DynamoDB keeps those of a day, and copies share them.
"""

from collections import OrderedDict
from typing import Any

from moto.dynamodb.models import table
from moto.dynamodbstreams import models

KEPT = 5000
ITERATORS = 100


class Stream(table.StreamShard):
    """A stream of one shard; its sequence numbers go on when old records are gone."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.trimmed = 0

    def __deepcopy__(self, copied: dict[int, Any]) -> "Stream":
        copy = Stream(self.account_id, copied.get(id(self.table), self.table))
        copy.items, copy.trimmed, copy.created_on = list(self.items), self.trimmed, self.created_on
        return copy

    def add(self, old: Any, new: Any) -> None:
        specification = self.table.stream_specification
        assert specification
        kind = specification["StreamViewType"]
        name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        number = self.starting_sequence_number + self.trimmed + len(self.items)
        self.items.append(table.StreamRecord(self.table, kind, name, old, new, number))
        if len(self.items) > KEPT:
            self.trimmed += len(self.items) - KEPT
            del self.items[:-KEPT]

    def get(self, start: int, quantity: int) -> list[dict[str, Any]]:
        first = max(0, start - self.starting_sequence_number - self.trimmed)
        return [record.to_json() for record in self.items[first : first + quantity]]


class Newest(OrderedDict[str, Any]):
    """Forgets iterators, which are good for some minutes only."""

    def __setitem__(self, name: str, iterator: Any) -> None:
        super().__setitem__(name, iterator)
        while len(self) > ITERATORS:
            self.popitem(last=False)


class Streams(models.DynamoDBStreamsBackend):
    __module__ = models.__name__  # beside which moto looks for its paths

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.shard_iterators = Newest()


def use_streams_that_forget() -> None:
    """For the moto of this process, before it is first asked."""
    table.StreamShard = Stream  # type: ignore[misc]
    models.dynamodbstreams_backends.backend = Streams
