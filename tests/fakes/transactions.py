"""Crashes after any write, and transactions over several of the stores in memory."""

import threading
from collections.abc import Callable

from attachments.dynamo import ConditionFailedError, Write


class CrashError(Exception):
    """The process ended here."""


class Fuse:
    """Ends the process right after the n-th write from now."""

    def __init__(self) -> None:
        self._left = 0

    def light(self, writes: int) -> None:
        self._left = writes

    def put_out(self) -> None:
        self._left = 0

    def burn(self) -> None:
        if self._left:
            self._left -= 1
            if not self._left:
                raise CrashError


LOCK = threading.RLock()  # one for all: a transaction spans the stores


def conditional(holds: Callable[[], bool], apply: Callable[[], object]) -> Write:
    """A part of a transaction: what must hold before it, and what it does."""
    return {"holds": holds, "apply": apply}


def transact(parts: dict[str, Write], fuse: Fuse) -> None:
    with LOCK:
        failed = frozenset(name for name, part in parts.items() if not part["holds"]())
        if failed:
            raise ConditionFailedError(failed)
        for part in parts.values():
            part["apply"]()
    fuse.burn()
