"""How far a transfer is."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Called with the bytes that are through and the bytes in all, by one thread at a time.
Progress = Callable[[int, int], None]


class Meter:
    """Counts the bytes of one transfer, from several threads."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """So many bytes more are through, or fewer after a failure."""
        with self._lock:
            self._done += count
            if self._progress:
                self._progress(self._done, self._total)

    @contextmanager
    def attempt(self) -> Iterator[Callable[[int], None]]:
        """Counts through the yielded function, and takes it back if the attempt fails."""
        counted = 0

        def count(bytes_more: int) -> None:
            nonlocal counted
            counted += bytes_more
            self.add(bytes_more)

        try:
            yield count
        except BaseException:
            self.add(-counted)
            raise
