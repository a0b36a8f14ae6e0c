"""One download: to a temporary name beside its place, from where an earlier try ended."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from offchat_attachments.errors import (
    FileError,
    FileExistsAlreadyError,
    NetworkError,
    StorageError,
    UnexpectedAnswerError,
)
from offchat_attachments.models import Attachment, Download
from offchat_attachments.progress import Meter
from offchat_attachments.retrying import Pause, retrying
from offchat_attachments.s3 import S3

FORBIDDEN = 403
PARTIAL = 206


def place_of(attachment: Attachment, target: Path) -> Path:
    """Where the file goes: `target`, or in it under the attachment's own name if it is a folder."""
    return target / safe_name(attachment) if target.is_dir() else target


def safe_name(attachment: Attachment) -> str:
    """A name without folders and control characters, whatever the server says."""
    name = attachment.file_name.replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if c.isprintable()).strip(". ")
    return name or attachment.id


@dataclass
class Fetching:
    """The bytes of an attachment to a file. `ask` answers with a fresh URL, in one attempt."""

    s3: S3
    ask: Callable[[], Download]
    attachment: Attachment
    meter: Meter
    pause: Pause | None = None
    _download: Download | None = field(default=None, init=False)

    def to(self, place: Path, *, force: bool) -> Path:
        """Fetch the file. Nothing stands at `place` before all of it is there.

        What arrived stays under a hidden name after an interruption, for the next try; an
        attachment's bytes never change. Raises FileExistsAlreadyError unless `force`, FileError,
        ApiError, StorageError, NetworkError.
        """
        self._require_free(place, force=force)
        draft = place.parent / f".{self.attachment.id}.part"
        try:
            self.meter.add(_size(draft))
            retrying(self.pause)(self._fetch, draft)
            self._require_free(place, force=force)
            draft.replace(place)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                draft.unlink(missing_ok=True)
            raise FileError(f"{place} cannot be written: {error.strerror}.") from error
        return place

    def _fetch(self, draft: Path) -> None:
        """What is missing, in one request."""
        start, whole = _size(draft), self.attachment.file_size
        if start > whole:  # of something else
            draft.unlink()
            self.meter.add(-start)
            start = 0
        if start < whole:
            self._append(draft, start)
        if _size(draft) < whole:
            raise NetworkError("The download ended before the file did.")
        if _size(draft) > whole:
            draft.unlink()
            raise UnexpectedAnswerError("S3 sent more bytes than the record says.")

    def _append(self, draft: Path, start: int) -> None:
        self._download = self._download or self.ask()
        try:
            with self.s3.reading(self._download.url, start) as answer:
                if answer.status_code != PARTIAL and start:
                    self.meter.add(-start)
                    start = 0
                with draft.open("r+b" if start else "wb") as file:
                    file.seek(start)
                    for piece in answer.iter_raw():
                        file.write(piece)
                        self.meter.add(len(piece))
        except StorageError as error:
            if error.status == FORBIDDEN and not error.transient:
                raise
            self._download = None  # expired: ask for a fresh one
            raise

    @staticmethod
    def _require_free(place: Path, *, force: bool) -> None:
        if place.is_dir():
            raise FileError(f"{place} is a folder.")
        if not force and os.path.lexists(place):
            raise FileExistsAlreadyError(f"{place} exists already.")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
