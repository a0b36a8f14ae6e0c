"""What passes by itself is tried again, after pauses that grow and are random.

The pauses are "full jitter" of the AWS Architecture Blog's "Exponential Backoff And Jitter", or
what the server asks for (RFC 9110, section 10.2.3).
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from offchat_attachments.errors import OffChatError

ATTEMPTS = 6
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0
LONGEST_RETRY_AFTER_S = 120.0  # who asks for more patience than this is told of at once

Pause = Callable[[float], None]
_backoff = wait_random_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S)


def retrying(pause: Pause | None = None) -> Retrying:
    """Attempts with pauses between them; raises the last error if it is final or all failed."""
    return Retrying(
        retry=retry_if_exception(_passes),
        stop=stop_after_attempt(ATTEMPTS),
        wait=_wait_s,
        sleep=pause or time.sleep,
        reraise=True,
    )


def retry_after_s(text: str | None) -> float | None:
    """Seconds of a Retry-After header: a number of them or a date; None for anything else."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):  # no date, or one without a zone
        return None


def _passes(error: BaseException) -> bool:
    if not isinstance(error, OffChatError):
        return False
    return error.transient and (error.retry_after_s or 0.0) <= LONGEST_RETRY_AFTER_S


def _wait_s(state: RetryCallState) -> float:
    error = state.outcome and state.outcome.exception()
    if isinstance(error, OffChatError) and error.retry_after_s is not None:
        return error.retry_after_s
    return _backoff(state)
