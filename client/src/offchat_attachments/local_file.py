"""A file of this machine while it is sent: what it is, its bytes, and whether it stays the same."""

import base64
import hashlib
import mimetypes
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from offchat_attachments.errors import FileChangedError, FileError

PIECE_BYTES = 256 * 1024
# What Python 3.11 does not know, or knows as something else.
VIDEO_TYPES = {".mkv": "video/x-matroska", ".webm": "video/webm", ".ogg": "video/ogg"}
OPAQUE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What changes when a file changes. `inode` tells a replaced file from the old one."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class LocalFile:
    """An open file, for several threads. Use as a context."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.fingerprint = Fingerprint.of(os.fstat(file.fileno()))
        self._file = file
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises FileError for what is no readable file with something in it."""
        try:
            # A pipe without a writer would never open.
            if not stat.S_ISREG(path.stat().st_mode):
                kind = "a folder" if path.is_dir() else "not a plain file"
                raise FileError(f"{path} is {kind}.")
            file = path.open("rb")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise FileError(f"{path} cannot be read: {reason}.") from error
        opened = cls(path, file)
        if opened.size == 0:
            file.close()
            raise FileError(f"{path} is empty.")
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        """In bytes, when it was opened."""
        return self.fingerprint.size

    @property
    def name(self) -> str:
        """Without folders; bytes that are no UTF-8 as U+FFFD."""
        return os.fsencode(self.path.name).decode(errors="replace")

    @property
    def mime_type(self) -> str:
        """By its name."""
        known = VIDEO_TYPES.get(self.path.suffix.lower())
        return known or mimetypes.guess_type(self.path.name)[0] or OPAQUE

    def read(self, start: int, length: int) -> bytes:
        """Exactly these bytes. Raises FileChangedError."""
        try:
            with self._lock:
                self._file.seek(start)
                body = self._file.read(length)
        except OSError as error:
            raise FileError(f"{self.path} cannot be read: {error.strerror}.") from error
        self.require_unchanged()
        if len(body) != length:
            raise self._changed()
        return body

    def pieces(self) -> Iterator[bytes]:
        """The whole file. Raises FileChangedError."""
        for start in range(0, self.size, PIECE_BYTES):
            yield self.read(start, min(PIECE_BYTES, self.size - start))

    def sha256(self) -> str:
        """Of the whole file, in base64. Raises FileChangedError."""
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        return base64.b64encode(digest.digest()).decode()

    def require_unchanged(self) -> None:
        """Raises FileChangedError if the file is no longer what was opened."""
        if Fingerprint.of(os.fstat(self._file.fileno())) != self.fingerprint:
            raise self._changed()

    def _changed(self) -> FileChangedError:
        return FileChangedError(f"{self.path} changed while it was being sent.")
