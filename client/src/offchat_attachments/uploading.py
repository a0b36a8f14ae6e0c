"""One upload: reserve the attachment, send the bytes, go on where an earlier try ended."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from offchat_attachments.api import Api, parsed
from offchat_attachments.errors import (
    AlreadyStoredError,
    ConflictError,
    FileChangedError,
    InvalidRequestError,
    OffChatError,
    UploadGoneError,
)
from offchat_attachments.journal import Entry, Job, Journal
from offchat_attachments.local_file import LocalFile
from offchat_attachments.models import Attachment, Json, Reservation, Status, Ticket
from offchat_attachments.multipart import PartsUpload
from offchat_attachments.progress import Meter
from offchat_attachments.retrying import Pause, retrying
from offchat_attachments.s3 import S3


@dataclass
class Upload:
    """`route` and `body` are the upload request; files above `parts_above` bytes go in parts."""

    api: Api
    s3: S3
    journal: Journal
    job: Job
    file: LocalFile
    _: KW_ONLY
    route: str
    body: Json
    meter: Meter
    connections: int
    parts_above: int
    pause: Pause | None = None
    _entry: Entry = field(init=False)

    def run(self) -> Attachment:
        """Send the bytes. The record, pending as a rule: inspection follows.

        Raises ApiError, StorageError, NetworkError, and FileChangedError.
        """
        found = self.journal.find(self.job)
        same = found is not None and found.fingerprint == self.file.fingerprint
        self._entry = found if found and same else Entry.new(self.file.fingerprint)
        ticket = self._begin(resumed=same)
        if ticket.upload is None:
            return ticket.attachment
        try:
            if self.file.size > self.parts_above:
                return self._send_parts(ticket.attachment, ticket.upload)
            self._put_whole(ticket.upload)
            return ticket.attachment
        except FileChangedError:
            self.journal.forget(self.job)
            raise

    def _begin(self, *, resumed: bool) -> Ticket:
        """A reserved attachment: the one of the earlier try, unless that came to nothing."""
        try:
            ticket = self._reserve()
            if not resumed or ticket.attachment.status is not Status.EXPIRED:
                return ticket
        except (ConflictError, InvalidRequestError) as error:
            about_key = isinstance(error, ConflictError) or "idempotency" in error.problem.kind
            if not resumed or not about_key:
                raise
        self._entry = Entry.new(self.file.fingerprint)
        return self._reserve()

    def _reserve(self, *, once: bool = False) -> Ticket:
        """The attachment of the entry's key, with a fresh signature."""
        ask = self.api.once if once else self.api.request
        self._note(self._entry)
        headers = {"Idempotency-Key": self._entry.idempotency_key}
        ticket = parsed(ask("POST", self.route, json=self.body, headers=headers), Ticket.of)
        self._note(self._entry.of(ticket.attachment.id))
        return ticket

    def _put_whole(self, upload: Reservation | None) -> None:
        """One PUT; what S3 has already is not written twice (412)."""
        with suppress(AlreadyStoredError):
            for attempt in retrying(self.pause):
                with attempt:
                    upload = upload or self._reserve(once=True).upload
                    if upload is None:
                        return  # an earlier attempt arrived, and its answer did not
                    used, upload = upload, None
                    with self.meter.attempt() as count:
                        pieces = self._counted(count)
                        self.s3.put(used.put, pieces, length=self.file.size)

    def _counted(self, count: Callable[[int], None]) -> Iterator[bytes]:
        for piece in self.file.pieces():
            count(len(piece))
            yield piece

    def _send_parts(self, attachment: Attachment, upload: Reservation) -> Attachment:
        parts = PartsUpload(
            self.api,
            self.s3,
            self.file,
            attachment_id=attachment.id,
            key=upload.key,
            part_size=upload.part_size,
            connections=self.connections,
            meter=self.meter,
            remember=self._remember,
            pause=self.pause,
        )
        try:
            parts.run(self._entry)
        except (AlreadyStoredError, UploadGoneError, ConflictError) as error:
            return self._asked(attachment.id, error)
        except FileChangedError:
            if self._entry.upload_id:
                with suppress(OffChatError):  # else the bucket's own rule removes the parts
                    parts.abort(self._entry.upload_id)
            raise
        return attachment

    def _asked(self, attachment_id: str, error: OffChatError) -> Attachment:
        """What the record says after S3 or the signer said that the upload is over."""
        record = parsed(self.api.get(f"/api/chat/attachments/{attachment_id}/"), Attachment.of)
        arrived = self._entry.completing or isinstance(error, AlreadyStoredError)
        if record.status is Status.PENDING and not arrived:
            self._remember(upload_id=None)
            raise error
        return record

    def _remember(self, **changes: Any) -> None:
        self._note(replace(self._entry, **changes))

    def _note(self, entry: Entry) -> None:
        self._entry = self.journal.write(self.job, entry)
