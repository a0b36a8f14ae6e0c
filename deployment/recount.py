"""Count anew how many files there are, for the usage report.

    python -m deployment.recount .local/stack.json      a local stack, by its description
    python -m deployment.recount offchat-attachments    a deployed one, by its name

The report goes on as it was until all is counted. Meanwhile changes count in both; stopped at any
time, it is begun again and goes on.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from attachments.catalog import record_of
from attachments.counters import Counters
from attachments.dynamo import Item
from deployment import stacks

SETTLES_S = 40.0  # longer than a function may go on that has not heard of the new generation
PAGE = 100


@dataclass
class Recount:
    """Counts the records of `table` into another generation of `counters`."""

    client: Any
    table: str
    counters: Counters
    told: Callable[[str], None] = print
    settles_s: float = SETTLES_S

    def run(self) -> int:
        """How many records were counted."""
        generations = self.counters.build()
        assert generations.built is not None
        self.told(f"Generation {generations.built} is being counted beside {generations.read}.")
        time.sleep(self.settles_s)
        counted = self._count(generations.built)
        self.counters.switch(generations)
        self.told(f"{counted} records are counted; the report shows them from now on.")
        time.sleep(self.settles_s)
        self.told(f"{self.counters.drop(generations.read)} old items were removed.")
        return counted

    def _count(self, generation: int) -> int:
        counted = 0
        for page in self.client.get_paginator("scan").paginate(
            TableName=self.table, ConsistentRead=True, PaginationConfig={"PageSize": PAGE}
        ):
            for item in page["Items"]:
                record = record_of(item)
                self.counters.count(generation, record)
                if not self._there(item):
                    self.counters.forget(generation, record.id)
                counted += 1
            self.told(f"{counted} records …")
        return counted

    def _there(self, item: Item) -> bool:
        """A record that went while it was counted left no event behind to take it back by."""
        key = {"id": item["id"]}
        return "Item" in self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)


def of_stack(stack: str) -> Recount:
    """Raises UnknownStackError."""
    found = stacks.of(stack)
    client = found.dynamodb()
    counters = Counters(client, found.resource("Counters"))
    return Recount(client, found.resource("Attachments"), counters)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make recount", description="Count anew how many files there are."
    )
    parser.add_argument("stack", help="a stack.json, or the name of a deployed stack")
    chosen = parser.parse_args(arguments)
    try:
        of_stack(chosen.stack).run()
    except (stacks.UnknownStackError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
