"""What was begun, so that the same upload goes on where it was interrupted.

An entry holds no secret: no token and no signed URL.
"""

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self
from uuid import uuid4

from offchat_attachments.errors import FileError
from offchat_attachments.local_file import Fingerprint

# So long the service knows an idempotency key and the bucket keeps parts.
KEEP_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Job:
    """One file for one message at one service."""

    address: str
    message_id: str
    path: Path

    @property
    def name(self) -> str:
        told = json.dumps([self.address, self.message_id, str(self.path.resolve())])
        return hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Entry:
    """How far an upload got.

    `completing`: all parts were sent, and S3 was asked, or was about to be, to make one object.
    """

    fingerprint: Fingerprint
    idempotency_key: str
    begun_at: float
    attachment_id: str | None = None
    upload_id: str | None = None
    completing: bool = False

    @classmethod
    def new(cls, fingerprint: Fingerprint) -> Self:
        return cls(fingerprint, str(uuid4()), time.time())

    def of(self, attachment_id: str) -> "Entry":
        """About this attachment; what is known of another one is forgotten."""
        if attachment_id == self.attachment_id:
            return self
        return replace(self, attachment_id=attachment_id, upload_id=None, completing=False)

    @property
    def alive(self) -> bool:
        return 0 <= time.time() - self.begun_at < KEEP_S


class Journal:
    """Entries in memory: a later call of the same process resumes."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def find(self, job: Job) -> Entry | None:
        """What is known of the job, None if nothing or too old."""
        entry = self._entries.get(job.name)
        return entry if entry and entry.alive else None

    def write(self, job: Job, entry: Entry) -> Entry:
        self._entries[job.name] = entry
        return entry

    def forget(self, job: Job) -> None:
        self._entries.pop(job.name, None)


class FileJournal(Journal):
    """Entries as files of a folder: a later process resumes."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def find(self, job: Job) -> Entry | None:
        """One that cannot be read counts as none: then the upload begins anew."""
        try:
            said = json.loads(self._path(job).read_text())
            entry = Entry(**{**said, "fingerprint": Fingerprint(**said["fingerprint"])})
            return entry if entry.alive else None
        except (OSError, TypeError, ValueError, KeyError):
            return None

    def write(self, job: Job, entry: Entry) -> Entry:
        """Whole or not at all. Raises FileError."""
        path = self._path(job)
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                self._remove_old()
            draft.write_text(json.dumps(asdict(entry)))
            draft.replace(path)
        except OSError as error:
            raise FileError(f"{path} cannot be written: {error.strerror}.") from error
        return entry

    def forget(self, job: Job) -> None:
        self._path(job).unlink(missing_ok=True)

    def _path(self, job: Job) -> Path:
        return self._folder / f"{job.name}.json"

    def _remove_old(self) -> None:
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another process removes them too
                if time.time() - path.stat().st_mtime > KEEP_S:
                    path.unlink()
