"""A rule with a rate, as SAM's `Schedule` makes it: EventBridge invokes a function every so often.

The first time is one period after the start. Rates only, no cron. AWS pages: "Creating a rule that
runs on a schedule", "Schedule expression types".
"""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from local.lambda_client import InvokeError, LambdaClient
from local.template import ACCOUNT, REGION

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


async def run_schedule(
    function: str, period_s: float, functions: LambdaClient, *, log: Callable[[str], None]
) -> None:
    """Until it is cancelled; `log` gets a line for each time that failed."""
    while True:
        await asyncio.sleep(period_s)
        try:
            await functions.invoke(function, scheduled_event())
        except InvokeError as error:
            log(str(error))


def period_s(expression: str) -> int:
    """`rate(5 minutes)` is 300; ValueError for anything but a rate."""
    match = RATE.fullmatch(expression)
    if match is None:
        raise ValueError(f"not a rate in minutes, hours or days: {expression}")
    return int(match[1]) * SECONDS[match[2]]


def scheduled_event() -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/local"],
        "detail": {},
    }
