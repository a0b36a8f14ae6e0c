"""The door through which inspection reads an object."""

from dataclasses import dataclass
from typing import Protocol

from attachments.model import ObjectVersion
from attachments.storage import Storage


class ObjectReader(Protocol):
    """One version of one object, read by range. Safe to call from several threads at once."""

    @property
    def size(self) -> int:
        """Bytes in the object."""
        ...

    def read(self, start: int, length: int) -> bytes:
        """Bytes [start, start + length), shorter only at the object's end.

        Raises what the store raises (throttling, cut connections): the caller retries the event.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredObjectReader:
    """Reads from the bucket, always the same version."""

    storage: Storage
    key: str
    version: ObjectVersion

    @property
    def size(self) -> int:
        return self.version.size

    def read(self, start: int, length: int) -> bytes:
        return self.storage.read(self.key, self.version, start, length)
