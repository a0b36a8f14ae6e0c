"""What a container says of its own layout, read without decoding anything.

The programs that decode know nothing of truncation, and take a fragment's duration for the
whole: these facts come from the boxes, elements and pages themselves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

MIB = 1024 * 1024
LOOK_BACK_BYTES = (2 * MIB, 8 * MIB)


@dataclass(frozen=True, slots=True)
class Bytes:
    """The object's bytes: its head at hand, its tail soon, the rest at the price of a request.

    `read(start, length)` is the range server's, cache and budget included.
    """

    size: int
    head: bytes
    tail_bytes: int
    read: Callable[[int, int], bytes]

    @property
    def tail(self) -> bytes:
        """The last bytes; waits for them."""
        return self.read(self.size - self.tail_bytes, self.tail_bytes)

    def ends(self) -> Iterator[bytes]:
        """The tail, then more and more of the end: a recorder may put seconds into one unit."""
        yield self.tail
        seen = self.tail_bytes
        for length in LOOK_BACK_BYTES:
            if seen < self.size:
                seen = min(length, self.size)
                yield self.read(self.size - seen, seen)


class BrokenStructureError(Exception):
    """Not a file that anything could play; the message completes "This file …"."""


class TruncatedError(BrokenStructureError):
    """The file declares more bytes than it has."""

    def __init__(self) -> None:
        super().__init__("is incomplete: it ends before the end that it declares")


@dataclass(frozen=True, slots=True)
class Structure:
    """What is set of duration and frame rate overrides what is declared.

    `fragmented` files need FFmpeg's `+ignidx` to be read without walking every fragment; of
    their duration ffprobe then knows nothing.
    """

    streamable: bool
    duration_ms: int | None = None
    frame_rate: float | None = None
    fragmented: bool = False
