"""One object's bytes in blocks: read once from the store, however many ask, up to a budget."""

from threading import Condition

from functions.inspect_upload.object_reader import ObjectReader

BLOCK_BYTES = 256 * 1024


class BudgetExceededError(Exception):
    """To answer, more bytes would have to be read from the store than one object may cost."""


class ClosedError(Exception):
    """The cache was closed while somebody waited for a block."""


class BlockCache:
    """A read-through cache, safe to use from several threads at once.

    A block that two ask for is fetched once; missing blocks side by side are one request.
    It holds at most `budget_bytes`, because it never reads more. The first error of the store
    ends all fetching: it stays in `failure` and everybody who needs a missing block gets it.
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
        self._in_flight: set[int] = set()
        self._closed = False
        self._changed = Condition()

    def block(self, index: int, last: int) -> memoryview:
        """Block `index`; if it must be fetched, then with the missing ones up to `last`.

        Raises BudgetExceededError, ClosedError, or what the store raised.
        """
        while True:
            with self._changed:
                while index in self._in_flight and not self._closed:
                    self._changed.wait()
                if (block := self._blocks.get(index)) is not None:
                    return block
                if self._closed:
                    raise ClosedError
                if self.failure is not None:
                    raise self.failure
                run = self._claim(index, last)
                if not run:
                    self.exhausted = True
                    raise BudgetExceededError(
                        f"More than {self._budget_bytes} bytes of the object would be read."
                    )
            self.fetch(run)

    def claim(self, first: int, last: int) -> range:
        """Reserve the missing blocks from `first` on, for the caller to `fetch` next."""
        with self._changed:
            return self._claim(first, last)

    def fetch(self, run: range) -> None:
        """Read claimed blocks in one request. Never raises: an error is kept in `failure`."""
        try:
            if run:
                start, length = run.start * BLOCK_BYTES, self._length(run)
                data = self._reader.read(start, length)
                if len(data) != length:
                    raise EOFError(f"The store sent {len(data)} of {length} bytes at {start}.")
                view = memoryview(data).toreadonly()
                for number, index in enumerate(run):
                    offset = number * BLOCK_BYTES
                    self._blocks[index] = view[offset : offset + BLOCK_BYTES]
        except Exception as error:
            self.failure = self.failure or error
        finally:
            with self._changed:
                self._in_flight.difference_update(run)
                self._changed.notify_all()

    def read(self, start: int, length: int) -> bytes:
        """Bytes [start, start + length), shorter only at the object's end; raises as `block`."""
        stop = min(start + length, self.size)
        pieces: list[memoryview] = []
        while start < stop:
            index, offset = divmod(start, BLOCK_BYTES)
            block = self.block(index, last=(stop - 1) // BLOCK_BYTES)
            pieces.append(block[offset : offset + stop - start])
            start += len(pieces[-1])
        return b"".join(pieces)

    def close(self) -> None:
        """Fetch no more and let nobody wait; what is already here can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _claim(self, first: int, last: int) -> range:
        run = range(first, first)
        while run.stop <= last and self._missing(run.stop):
            longer = range(first, run.stop + 1)
            if self.bytes_read + self._length(longer) > self._budget_bytes:
                break
            run = longer
        if run:
            self.requests += 1
            self.bytes_read += self._length(run)
            self._in_flight.update(run)
        return run

    def _missing(self, index: int) -> bool:
        return index not in self._blocks and index not in self._in_flight

    def _length(self, run: range) -> int:
        return min(run.stop * BLOCK_BYTES, self.size) - run.start * BLOCK_BYTES
