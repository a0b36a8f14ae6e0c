"""How much memory a process and its children take at their peak, seen from outside.

Every few milliseconds the peaks so far of all processes then alive are added up; the largest sum
counts. It errs upwards: shared pages count in each process, and peaks need not coincide. Control
groups know a total too, but count a downloaded file's cached pages, which are nobody's need.
"""

import os
import time
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

INTERVAL_S = 0.002
MB = 1_000_000


class MemoryWatch:
    """Watches the tree of `pid` while its `with` block lasts."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="memory-watch")
        self._peak_bytes = 0

    @property
    def peak_mb(self) -> float:
        return self._peak_bytes / MB

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            total = sum(peak_bytes(pid) for pid in family(self._pid))
            self._peak_bytes = max(self._peak_bytes, total)
            time.sleep(INTERVAL_S)


def family(pid: int) -> list[int]:
    """A process and all that descend from it; see proc(5), /proc/[pid]/task/[tid]/children."""
    members = [pid]
    for member in members:
        try:
            threads = os.listdir(f"/proc/{member}/task")
            for thread in threads:
                children = Path(f"/proc/{member}/task/{thread}/children").read_text()
                members += map(int, children.split())
        except OSError:  # gone meanwhile
            continue
    return members


def peak_bytes(pid: int) -> int:
    """The resident set's peak so far; 0 for a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    _, _, peak = status.partition("VmHWM:")
    return int(peak.split()[0]) * 1024 if peak else 0
