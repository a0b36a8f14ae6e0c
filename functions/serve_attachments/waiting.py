"""`Prefer: wait=5`: an answer as soon as there is something to say (RFC 7240, section 4.3)."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_WAIT_S = 10
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0
GROWTH = 1.5


def preferred_wait(header: str | None) -> int | None:
    """Whole seconds that the client would wait, at most `LONGEST_WAIT_S`; None: it would not.

    Of several `wait` the first counts; one that is no number of seconds is passed over, as every
    preference is that is not understood (RFC 7240, section 2).
    """
    for preference in (header or "").split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            seconds = re.fullmatch(r"\s*\"?([0-9]{1,9})\"?\s*", value)
            return min(int(seconds[1]), LONGEST_WAIT_S) if seconds else None
    return None


@dataclass(frozen=True, slots=True)
class Patience:
    """Looks again and again, first soon and then less often, for at most `seconds`."""

    seconds: float
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def until(self, holds: Callable[[], bool]) -> None:
        """Return when it holds, or when the time is over; it did not hold a moment before."""
        ends, pause = self.monotonic() + self.seconds, FIRST_PAUSE_S
        while (left := ends - self.monotonic()) > 0:
            self.sleep(min(pause, left))
            if holds():
                return
            pause = min(pause * GROWTH, LONGEST_PAUSE_S)


IMPATIENT = Patience(0)
