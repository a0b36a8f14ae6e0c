"""One upload under inspection, as the inspectors see it."""

import time
from concurrent.futures import Executor
from dataclasses import dataclass, field

from functions.inspect_upload.findings import Declared
from functions.inspect_upload.range_server import RangeServer
from functions.inspect_upload.sandbox import Sandbox
from functions.inspect_upload.sniff import Sniffed
from functions.inspect_upload.structure import Bytes

BEGINNING_BYTES = 64 * 1024  # enough to know a movie by, and to start the programs
INSPECTION_S = 4.5  # what may still be left out is, after that


@dataclass(frozen=True, slots=True)
class Subject:
    """`size` is the object's; `sniffed` is what its first bytes say it is.

    What runs in `pool` is waited for after the server has closed, so that programs that still
    read when an inspection ends early end with it.
    """

    server: RangeServer
    size: int
    sniffed: Sniffed
    declared: Declared
    sandbox: Sandbox
    pool: Executor
    ends: float = field(default_factory=lambda: time.monotonic() + INSPECTION_S)

    @property
    def beginning(self) -> bytes:
        return self.server.read(0, BEGINNING_BYTES)

    @property
    def head(self) -> bytes:
        """Waits for the head, of which only the beginning may have come."""
        return self.server.head

    @property
    def left_s(self) -> float:
        return max(self.ends - time.monotonic(), 0.05)

    def bytes(self) -> Bytes:
        """For the readers of structure; waits for the head."""
        return Bytes(self.size, self.head, self.server.tail_bytes, self.server.read)

    def sentence(self, what: str) -> str:
        """A reason: `what` completes "This MP4 file …"."""
        return f"This {self.sniffed.name.split(maxsplit=1)[1]} {what}."
