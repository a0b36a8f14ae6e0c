"""The table's stream: every change of an attachment, for whom it concerns.

A batch comes again, whole or from its first failure on, until it is done: whoever hears of a change
may hear of it again, and must not mind.
"""

import os
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from functions.announce.announcer import Announcer
from functions.announce.changes import Change, change_of
from functions.announce.usage import Counting

logger = Logger()
# Takes changes in the order of the stream; gives the sequence numbers of those to come again.
Consumer = Callable[[Sequence[Change]], Collection[str]]


@cache
def announcer() -> Announcer:
    return Announcer(wiring.event_bridge(), os.environ["EVENT_BUS"])


def announce(changes: Sequence[Change]) -> Collection[str]:
    """Events for other systems."""
    return announcer().announce(changes)


def count(changes: Sequence[Change]) -> Collection[str]:
    """The usage report."""
    return Counting(wiring.counters()).count(changes)


# Each hears of every change.
CONSUMERS: tuple[Consumer, ...] = (announce, count)


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Tell all consumers of all changes; answers with the records that must come again.

    Lambda goes on at the first of these (Lambda guide, "Configuring partial batch response with
    DynamoDB and Lambda").
    """
    changes: list[Change] = []
    failed: set[str] = set()
    for record in event["Records"]:
        try:
            changes.append(change_of(record))
        except (KeyError, ValueError):
            sequence_number = record["dynamodb"]["SequenceNumber"]
            logger.exception(
                "a record of the stream cannot be read", sequence_number=sequence_number
            )
            failed.add(sequence_number)
    for consumer in CONSUMERS:
        failed.update(consumer(changes))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in sorted(failed, key=int)]}
