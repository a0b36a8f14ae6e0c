"""One upload under inspection, as the inspectors see it."""

from concurrent.futures import Executor
from dataclasses import dataclass

from functions.inspect_upload.findings import Declared
from functions.inspect_upload.range_server import RangeServer
from functions.inspect_upload.sandbox import Sandbox
from functions.inspect_upload.sniff import Sniffed
from functions.inspect_upload.structure import Bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """`size` and `head` are the object's; `sniffed` is what its bytes say it is.

    What runs in `pool` is waited for after the server has closed, so that programs that still
    read when an inspection ends early end with it.
    """

    server: RangeServer
    size: int
    head: bytes
    sniffed: Sniffed
    declared: Declared
    sandbox: Sandbox
    pool: Executor

    def bytes(self) -> Bytes:
        """For the readers of structure; waits for the tail."""
        return Bytes(self.size, self.head, self.server.tail, self.server.read)

    def sentence(self, what: str) -> str:
        """A reason: `what` completes "This MP4 file …"."""
        return f"This {self.sniffed.name.split(maxsplit=1)[1]} {what}."
