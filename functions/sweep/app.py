"""The scheduled healing pass."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.ids import utc_now
from functions.sweep.drift import publish
from functions.sweep.healing import Healing

logger = Logger()
RESERVE_MS = 20_000


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Heal what is due, as far as the time goes; the next pass goes on. Answers with counts."""
    swept = Healing(
        catalog=wiring.catalog(),
        chat=wiring.chat(),
        guards=wiring.guards(),
        counters=wiring.counters(),
        storage=wiring.storage(),
        deletion=wiring.deletion(),
        erasure=wiring.erasure(),
        clock=utc_now,
        has_time=lambda: context.get_remaining_time_in_millis() > RESERVE_MS,
    ).run()
    logger.info("swept", **asdict(swept))
    publish(swept)
    return asdict(swept)
