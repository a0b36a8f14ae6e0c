"""One object's bytes in blocks: read once from the store, however many ask, up to a budget."""

from collections.abc import Iterable
from contextlib import closing
from itertools import pairwise
from threading import Condition, Thread

from functions.inspect_upload.object_reader import ObjectReader

BLOCK_BYTES = 64 * 1024
SHARE_BLOCKS = 8  # that are worth a connection of their own: 512 KiB


class BudgetExceededError(Exception):
    """To answer, more bytes would have to be read from the store than one object may cost."""


class ClosedError(Exception):
    """The cache was closed while somebody waited for a block."""


class BlockCache:
    """A read-through cache, safe to use from several threads at once.

    A block that two ask for is fetched once; missing blocks side by side are one request, and
    each is there for whoever waits as soon as it has arrived. At most `budget_bytes` are ever
    read, and so held. The first error of the store ends all fetching: it stays in `failure` and
    everybody who needs a missing block gets it.

    Each request has a daemon thread of its own, for which nobody waits. After `close` it ends with
    the next piece that the store sends, at the latest with the reader's own timeouts.
    """

    def __init__(self, reader: ObjectReader, *, budget_bytes: int) -> None:
        self.size = reader.size
        self.exhausted = False
        self.failure: Exception | None = None
        self.bytes_read = 0
        self.requests = 0
        self._reader = reader
        self._budget_bytes = budget_bytes
        self._blocks: dict[int, memoryview] = {}
        self._in_flight: dict[int, range] = {}  # to the request that brings it
        self._closed = False
        self._changed = Condition()

    def want(self, first: int, last: int, *, connections: int = 1) -> None:
        """Begin to fetch what is missing from `first` to `last`, a request for each gap.

        A long gap is shared by `connections` requests. Returns at once, and does nothing where
        the budget is spent: `block` says so.
        """
        with self._changed:
            at = first
            while at <= last and not self._closed and self.failure is None:
                run = self._claim(at, last)
                for share in _shares(run, connections):
                    self._in_flight.update(dict.fromkeys(share, share))
                    self._start(share)
                at = run.stop + 1

    def forget(self, first: int, last: int) -> None:
        """Give up what is on its way from `first` to `last`; the store stops with its next piece.

        A request that also brings what lies behind goes on. What is no longer sent is not in
        `bytes_read`; who needs it all the same has it fetched anew.
        """
        with self._changed:
            for index, run in list(self._in_flight.items()):
                if first <= index < run.stop <= last + 1:
                    del self._in_flight[index]
                    self.bytes_read -= self._length(range(index, index + 1))
            self._changed.notify_all()

    def has(self, index: int) -> bool:
        """Whether a block is here or on its way."""
        with self._changed:
            return not self._missing(index)

    def block(self, index: int) -> memoryview:
        """Waits for block `index`, and fetches it if nobody has.

        Raises BudgetExceededError, ClosedError, or what the store raised.
        """
        with self._changed:
            while (block := self._blocks.get(index)) is None:
                if self._closed:
                    raise ClosedError
                self.want(index, index)
                if self.failure is not None:
                    raise self.failure
                if index not in self._in_flight:
                    self.exhausted = True
                    raise BudgetExceededError(
                        f"More than {self._budget_bytes} bytes of the object would be read."
                    )
                self._changed.wait()
            return block

    def read(self, start: int, length: int) -> bytes:
        """Bytes [start, start + length), shorter only at the object's end; raises as `block`."""
        stop = min(start + length, self.size)
        if start >= stop:
            return b""
        first, last = start // BLOCK_BYTES, (stop - 1) // BLOCK_BYTES
        self.want(first, last)
        blocks = [self.block(index) for index in range(first, last + 1)]
        blocks[-1] = blocks[-1][: stop - last * BLOCK_BYTES]
        blocks[0] = blocks[0][start - first * BLOCK_BYTES :]
        return b"".join(blocks)

    def close(self) -> None:
        """Fetch no more and let nobody wait; what is already here can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _claim(self, first: int, last: int) -> range:
        """Pay for the missing blocks from `first` on, up to one that is not."""
        run = range(first, first)
        while run.stop <= last and self._missing(run.stop):
            longer = range(first, run.stop + 1)
            if self.bytes_read + self._length(longer) > self._budget_bytes:
                break
            run = longer
        if run:
            self.bytes_read += self._length(run)
        return run

    def _start(self, run: range) -> None:
        self.requests += 1
        try:
            Thread(target=self._fetch, args=(run,), name="range-fetch", daemon=True).start()
        except RuntimeError as error:  # no thread left
            self._end(run, error)

    def _fetch(self, run: range) -> None:
        error = None
        try:
            with closing(self._reader.stream(run.start * BLOCK_BYTES, self._length(run))) as pieces:
                self._publish(run, pieces)
        except Exception as raised:
            error = raised
        self._end(run, error)

    def _publish(self, run: range, pieces: Iterable[bytes]) -> None:
        index, received, arrived = run.start, 0, bytearray()
        for piece in pieces:
            received += len(piece)
            arrived += piece
            if index < run.stop and self._in_flight.get(index) is not run:
                return  # nobody wants it any more
            while index < run.stop and len(arrived) >= self._length(range(index, index + 1)):
                with self._changed:
                    if self._closed or self._in_flight.get(index) is not run:
                        return
                    self._blocks[index] = memoryview(bytes(arrived[:BLOCK_BYTES]))
                    del self._in_flight[index]
                    self._changed.notify_all()
                del arrived[:BLOCK_BYTES]
                index += 1
        if received != self._length(run):
            start = run.start * BLOCK_BYTES
            raise EOFError(f"The store sent {received} of {self._length(run)} bytes at {start}.")

    def _end(self, run: range, error: Exception | None) -> None:
        with self._changed:
            awaited = [index for index in run if self._in_flight.get(index) is run]
            if awaited:  # of what was given up, an error is nobody's
                self.failure = self.failure or error
            for index in awaited:
                del self._in_flight[index]
            self._changed.notify_all()

    def _missing(self, index: int) -> bool:
        return index not in self._blocks and index not in self._in_flight

    def _length(self, run: range) -> int:
        return min(run.stop * BLOCK_BYTES, self.size) - run.start * BLOCK_BYTES


def _shares(run: range, connections: int) -> list[range]:
    """The blocks in as many equal parts as are worth a request each."""
    parts = min(max(len(run) // SHARE_BLOCKS, 1), connections)
    ends = [run.start + len(run) * part // parts for part in range(parts + 1)]
    return [range(first, stop) for first, stop in pairwise(ends) if stop > first]
