"""The client: one object for everything that a user, or an admin, can ask of the service."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote
from uuid import uuid4

import httpx

from offchat_attachments.api import Api, Token, parsed
from offchat_attachments.downloading import Fetching, place_of
from offchat_attachments.errors import StillPendingError, require_ready
from offchat_attachments.journal import Job, Journal
from offchat_attachments.local_file import LocalFile
from offchat_attachments.models import Activity, Attachment, Download, FileType, Status, Usage
from offchat_attachments.progress import Meter, Progress
from offchat_attachments.retrying import Pause, retry_after_s
from offchat_attachments.s3 import S3
from offchat_attachments.uploading import Upload

MEGABYTE = 2**20
PARTS_ABOVE_BYTES = 16 * MEGABYTE
CONNECTIONS = 4
WAIT_S = 300.0  # an inspection takes a second; a redrive after a failure takes minutes
HELD_S = 5  # how long the service may hold one answer (RFC 7240, section 4.3)
TIMEOUT = httpx.Timeout(60, connect=10, pool=None)


class Client:
    """`api` is the service's address, `token` the user's bearer token or a function that has it.

    A function is asked at every request, so that a token that is renewed meanwhile is taken. Give
    a `FileJournal` to resume uploads after the process has ended; without, they resume within it.
    Use as a context, or call `close`. A client may be shared by threads.
    """

    def __init__(
        self,
        api: str,
        token: Token,
        *,
        journal: Journal | None = None,
        connections: int = CONNECTIONS,
        parts_above_bytes: int = PARTS_ABOVE_BYTES,
        transport: httpx.BaseTransport | None = None,
        pause: Pause | None = None,
    ) -> None:
        self._open = ExitStack()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=connections + 1)
        http = self._open.enter_context(
            httpx.Client(timeout=TIMEOUT, limits=limits, transport=transport)
        )
        self._api = Api(api, token, http, pause=pause)
        self._s3 = S3(http)
        self._journal = journal or Journal()
        self._connections = connections
        self._parts_above = parts_above_bytes
        self._pause = pause

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    # ------------------------------------------------------------ files

    def upload(
        self,
        path: str | Path,
        *,
        message_id: str,
        mime_type: str | None = None,
        video_only: bool = False,
        wait: bool = True,
        progress: Progress | None = None,
    ) -> Attachment:
        """Attach a file to a message; its record, ready unless `wait` is false.

        Large files go in parts, several at once. The same call after an interruption goes on where
        that one ended, as long as the file is the same. `video_only`: anything but a video is
        refused. Raises FileError, ApiError, StorageError, NetworkError, and NotReadyError when the
        file went up and inspection did not make it ready.
        """
        with LocalFile.open(Path(path)) as file:
            job = Job(self._api.address, message_id, file.path)
            body = {
                "message_id": message_id,
                "file_name": file.name,
                "file_size": file.size,
                "mime_type": mime_type or file.mime_type,
            }
            if file.size <= self._parts_above:
                body["sha256"] = file.sha256()
            record = Upload(
                self._api,
                self._s3,
                self._journal,
                job,
                file,
                route="/api/chat/videos/upload/" if video_only else "/api/chat/upload/",
                body=body,
                meter=Meter(file.size, progress),
                connections=self._connections,
                parts_above=self._parts_above,
                pause=self._pause,
            ).run()
        if wait and record.status is Status.PENDING:
            record = self._settled(record.id, WAIT_S)
        if not wait or record.status is not Status.PENDING:
            self._journal.forget(job)
        return require_ready(record) if wait else record

    def download(
        self,
        attachment_id: str,
        target: str | Path = ".",
        *,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Fetch a file; where it lies. `target` is the file to be, or a folder for it.

        After an interruption the same call fetches what is missing. Raises FileExistsAlreadyError
        unless `force`, FileError, NotReadyError, ApiError, StorageError, NetworkError.
        """
        attachment = require_ready(self.get(attachment_id))
        place = place_of(attachment, Path(target))
        return Fetching(
            self._s3,
            lambda: parsed(self._api.once("GET", f"{_path(attachment_id)}download/"), Download.of),
            attachment,
            Meter(attachment.file_size, progress),
            pause=self._pause,
        ).to(place, force=force)

    def download_url(self, attachment_id: str) -> Download:
        """A presigned URL of the bytes, for a player or a browser; the activity log notes it."""
        return parsed(self._api.get(f"{_path(attachment_id)}download/"), Download.of)

    # ------------------------------------------------------------ records

    def get(self, attachment_id: str) -> Attachment:
        """The record as it is. Raises NotFoundError for what is not there or not for you."""
        return parsed(self._api.get(_path(attachment_id)), Attachment.of)

    def wait(self, attachment_id: str, *, timeout_s: float = WAIT_S) -> Attachment:
        """The record once it is ready. Raises NotReadyError for every other outcome."""
        return require_ready(self._settled(attachment_id, timeout_s))

    def delete(self, attachment_id: str) -> None:
        """Delete it, bytes included. Raises NotFoundError, PermissionDeniedError."""
        self._api.delete(_path(attachment_id))

    def forward(self, attachment_id: str, *, message_id: str) -> Attachment:
        """Attach the same file to another message, without a second upload; the new record, ready.

        Raises NotFoundError, PermissionDeniedError, ConflictError for a file that is not ready,
        and NotReadyError.
        """
        answer = self._api.post(
            f"{_path(attachment_id)}copy/",
            {"message_id": message_id},
            headers={"Idempotency-Key": str(uuid4())},
        )
        copy = parsed(answer, Attachment.of)
        # A large copy takes S3 longer than a request may.
        return copy if copy.status is Status.READY else self.wait(copy.id)

    # ------------------------------------------------------------ lists

    def of_message(self, message_id: str) -> Iterator[Attachment]:
        """The attachments of a message."""
        return self._list(f"/api/chat/messages/{_quoted(message_id)}/attachments/")

    def of_conversation(
        self, conversation_id: str, *, file_type: FileType | str | None = None
    ) -> Iterator[Attachment]:
        """The attachments of a conversation, newest first."""
        path = f"/api/chat/conversations/{_quoted(conversation_id)}/attachments/"
        return self._list(path, type=file_type)

    def of_everybody(
        self,
        *,
        file_type: FileType | str | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> Iterator[Attachment]:
        """All attachments, newest first, for admins: of these days in UTC, or the last 30."""
        days = {"from": _text(first), "to": _text(last)}
        return self._list("/api/chat/attachments/", type=file_type, **days)

    def activity(
        self,
        *,
        user_id: str | None = None,
        attachment_id: str | None = None,
        first: datetime | None = None,
        last: datetime | None = None,
    ) -> Iterator[Activity]:
        """Who did what, newest first, for admins; the last 30 days unless it is said of whom."""
        query = {
            "user": user_id,
            "attachment": attachment_id,
            "from": _text(first),
            "to": _text(last),
        }
        return self._api.items("/api/chat/reports/activity/", Activity.of, query)

    def usage(
        self, *, first: date | None = None, last: date | None = None, top: int | None = None
    ) -> Usage:
        """How much there is, for admins: by type and status, by day, and who stores most.

        Days are in UTC; the last 30 unless it is said which.
        """
        query = {"from": _text(first), "to": _text(last), "top": None if top is None else str(top)}
        asked = {name: value for name, value in query.items() if value is not None}
        return parsed(self._api.get("/api/chat/reports/usage/", params=asked), Usage.of)

    # ------------------------------------------------------------ shared steps

    def _list(self, path: str, **query: str | None) -> Iterator[Attachment]:
        return self._api.items(path, Attachment.of, query)

    def _settled(self, attachment_id: str, timeout_s: float) -> Attachment:
        """The record once it is pending no more. Raises StillPendingError."""
        waited_s = 0.0
        headers = {"Prefer": f"wait={HELD_S}"}
        while True:
            asked_at = time.monotonic()
            answer = self._api.get(_path(attachment_id), headers=headers)
            record = parsed(answer, Attachment.of)
            if record.status is not Status.PENDING:
                return record
            # What the service held the answer for counts as pause.
            asked_s = retry_after_s(answer.headers.get("retry-after")) or 1.0
            held_s = time.monotonic() - asked_at
            pause_s = max(0.0, asked_s - held_s)
            waited_s += held_s + pause_s
            if waited_s > timeout_s:
                problem = f"The file is not inspected after {timeout_s:.0f} s; ask again later."
                raise StillPendingError(record, problem)
            (self._pause or time.sleep)(pause_s)


def _path(attachment_id: str) -> str:
    return f"/api/chat/attachments/{_quoted(attachment_id)}/"


def _text(instant: date | None) -> str | None:
    return instant.isoformat() if instant else None


def _quoted(text: str) -> str:
    """One segment of a path; `..` and the like stay what they are, and name nothing."""
    return quote(text, safe="").replace(".", "%2E") or "%20"
