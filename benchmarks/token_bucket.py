"""A rate that is kept: who wants to send so many bytes learns when they may."""

import time
from collections.abc import Callable
from threading import Lock

BURST_S = 0.002


class TokenBucket:
    """Lets bytes pass at `bytes_per_s`; safe to use from several threads at once.

    Bytes pass when the last of them would have arrived. Whoever comes late catches up by at most
    `burst_s`, which is what a sleep may oversleep; it is empty at first.
    """

    def __init__(
        self,
        bytes_per_s: float,
        *,
        burst_s: float = BURST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bytes_per_s = bytes_per_s
        self._burst_s = burst_s
        self._clock = clock
        self._lock = Lock()
        self._free_at = clock()

    def reserve(self, count: int) -> float:
        """The time, by `clock`, at which `count` bytes have passed; those before us go first."""
        with self._lock:
            start = max(self._free_at, self._clock() - self._burst_s)
            self._free_at = start + count / self._bytes_per_s
            return self._free_at
