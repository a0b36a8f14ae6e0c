"""The door through which inspection reads an object."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from attachments.model import ObjectVersion
from attachments.storage import Storage


class ObjectReader(Protocol):
    """One version of one object, read by range. Safe to call from several threads at once."""

    @property
    def size(self) -> int:
        """Bytes in the object."""
        ...

    def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
        """Bytes [start, start + length) in pieces, each as soon as it arrives.

        Raises what the store raises (throttling, cut connections): the caller retries the event.
        It never waits for the store without end, and closing the generator ends the transfer.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredObjectReader:
    """Reads from the bucket, always the same version.

    How long it waits for a silent store is the client's to say (`PATIENT` in `wiring`).
    """

    storage: Storage
    key: str
    version: ObjectVersion

    @property
    def size(self) -> int:
        return self.version.size

    def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
        return self.storage.stream(self.key, self.version, start, length)


@dataclass(frozen=True, slots=True)
class MeteredReader:
    """Passes everything through, and knows how many bytes have come."""

    reader: ObjectReader
    _came: list[int] = field(default_factory=list)  # to append is safe from any thread

    @property
    def size(self) -> int:
        return self.reader.size

    @property
    def bytes_read(self) -> int:
        return sum(self._came)

    def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
        with closing(self.reader.stream(start, length)) as pieces:
            for piece in pieces:
                self._came.append(len(piece))
                yield piece
