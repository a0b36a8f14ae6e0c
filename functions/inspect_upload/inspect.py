"""Decide what becomes of an uploaded object, once."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from attachments.activity import entry
from attachments.catalog import Catalog
from attachments.deletion import Deletion
from attachments.errors import (
    MessageGoneError,
    ObjectMissingError,
    StaleRecordError,
    UserErasedError,
)
from attachments.file_types import too_large
from attachments.model import Action, Activity, Attachment, ObjectVersion, Status, Thumbnail
from attachments.settings import Settings
from attachments.storage import Storage
from functions.inspect_upload.events import ObjectCreated
from functions.inspect_upload.findings import (
    Accepted,
    Cause,
    Declared,
    Finding,
    Picture,
    Refused,
)
from functions.inspect_upload.inspectors import examine
from functions.inspect_upload.object_reader import MeteredReader, ObjectReader, StoredObjectReader
from functions.inspect_upload.sandbox import Sandbox

OPEN = frozenset({Status.PENDING, Status.FAILED})


class Examine(Protocol):
    """From bytes to a finding; `examine` of the inspectors, unless a test says otherwise."""

    def __call__(
        self, reader: ObjectReader, declared: Declared, *, sandbox: Sandbox
    ) -> Finding: ...


@dataclass(frozen=True, slots=True)
class Inspected:
    """A decision that stands in the record, and what it took; sizes in bytes."""

    attachment_id: str
    finding: Finding
    size: int
    bytes_read: int
    took_s: float
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class Inspection:
    """Inspects uploads; running it again for the same event changes nothing."""

    catalog: Catalog
    storage: Storage
    deletion: Deletion
    settings: Settings
    sandbox: Sandbox
    clock: Callable[[], datetime]
    examine: Examine = examine
    tell: Callable[[Inspected], None] = lambda _: None

    def run(self, created: ObjectCreated, *, last_try: bool) -> str:
        """What became of the object, in one word.

        Raises NotFoundError while there is no record, and whatever keeps the object from being
        read; on the last try the record then says `failed`.
        """
        attachment = self.catalog.get(created.attachment_id)
        try:
            stored = created.version or self.storage.head(attachment.upload_key)
        except ObjectMissingError:
            return "gone"
        if attachment.status not in OPEN:
            return self._settled(attachment, stored)
        if created.older_than(attachment.sequencer):
            return self._superseded(attachment, created)
        try:
            return self._decide(attachment, stored, created)
        except ObjectMissingError:
            return "gone"
        except StaleRecordError:
            return self._settled(self.catalog.get(attachment.id), stored)
        except (MessageGoneError, UserErasedError):
            marked = self.deletion.mark(attachment, user_id=attachment.uploaded_by)
            self.deletion.purge(marked)
            return "deleted"
        except Exception as error:
            if last_try and attachment.status is Status.PENDING:
                self._fail(attachment, created, error)
            raise

    def _superseded(self, attachment: Attachment, created: ObjectCreated) -> str:
        """A newer object failed and waits for its redrive: this one is not what was uploaded."""
        if created.version is not None:
            self.storage.delete_version(attachment.upload_key, created.version.version_id)
        return "superseded"

    def _settled(self, attachment: Attachment, stored: ObjectVersion) -> str:
        """The record is decided: whatever is not the object that it serves goes away."""
        if attachment.status in OPEN:
            raise StaleRecordError(attachment.id)  # redrive against inspection: let it come again
        serves = attachment.version if attachment.status is Status.READY else None
        if serves is not None and serves.version_id == stored.version_id:
            return "duplicate"
        self.storage.delete_version(attachment.upload_key, stored.version_id)
        if attachment.status is not Status.READY:
            self.storage.delete_all(attachment.thumbnail_prefix)
        return "removed"

    def _decide(self, attachment: Attachment, stored: ObjectVersion, created: ObjectCreated) -> str:
        began = time.monotonic()
        reader = MeteredReader(StoredObjectReader(self.storage, attachment.upload_key, stored))
        finding = self._examine(attachment, stored, reader)
        took_s = time.monotonic() - began
        if isinstance(finding, Refused):
            outcome = self._reject(attachment, stored, created, finding)
        else:
            outcome = self._accept(attachment, stored, created, finding)
        cost = (stored.size, reader.bytes_read, took_s)
        self.tell(Inspected(attachment.id, finding, *cost, created.at))
        return outcome

    def _examine(
        self, attachment: Attachment, stored: ObjectVersion, reader: ObjectReader
    ) -> Finding:
        size = stored.size
        if size != attachment.file_size:
            told = f"{size} bytes arrived instead of {attachment.file_size}."
            return Refused(told, Cause.OTHER_SIZE)
        declared = Declared(attachment.file_name, attachment.mime_type, attachment.video_only)
        finding = self.examine(reader, declared, sandbox=self.sandbox)
        if isinstance(finding, Accepted):
            largest = self.settings.max_bytes(finding.file_type)
            if size > largest:
                return Refused(too_large(finding.file_type, largest), Cause.TOO_LARGE)
        return finding

    def _accept(
        self,
        attachment: Attachment,
        stored: ObjectVersion,
        created: ObjectCreated,
        finding: Accepted,
    ) -> str:
        ready = partial(
            Attachment.ready,
            version=stored,
            uploaded_at=created.at,
            sequencer=created.sequencer,
            file_type=finding.file_type,
            mime_type=finding.mime_type,
            media=finding.media,
            thumbnail=self._put_thumbnail(attachment, finding.picture),
            placeholder=finding.picture.placeholder if finding.picture else None,
            reason=finding.note,
        )
        self._move(attachment, ready, self._entry(Action.FILE_UPLOADED, attachment))
        return "ready"

    def _put_thumbnail(self, attachment: Attachment, picture: Picture | None) -> Thumbnail | None:
        """Its key tells its content: inspecting twice writes one object."""
        if picture is None:
            return None
        digest = hashlib.sha256(picture.jpeg).hexdigest()[:16]
        key = f"{attachment.thumbnail_prefix}{digest}.jpg"
        self.storage.put_once(key, picture.jpeg, mime_type="image/jpeg")
        return Thumbnail(key, picture.width, picture.height, picture.at_ms)

    def _reject(
        self,
        attachment: Attachment,
        stored: ObjectVersion,
        created: ObjectCreated,
        refused: Refused,
    ) -> str:
        rejected = partial(
            Attachment.rejected,
            version=stored,
            reason=refused.reason,
            now=self.clock(),
            sequencer=created.sequencer,
        )
        note = self._entry(Action.FILE_REJECTED, attachment, refused.reason)
        self.deletion.purge(self._move(attachment, rejected, note))
        return "rejected"

    def _move(
        self, attachment: Attachment, move: Callable[[Attachment], Attachment], note: Activity
    ) -> Attachment:
        """Write what was decided, also of a record whose deadline was moved on meanwhile.

        Raises StaleRecordError if it changed in any other way.
        """
        while True:
            moved = move(attachment)
            try:
                self.catalog.change(moved, note)
            except StaleRecordError:
                fresh = self.catalog.get(attachment.id)
                as_read = replace(fresh, revision=attachment.revision, due_at=attachment.due_at)
                if as_read != attachment or fresh.revision == attachment.revision:
                    raise
                attachment = fresh
            else:
                return moved

    def _fail(self, attachment: Attachment, created: ObjectCreated, error: Exception) -> None:
        reason = f"The file could not be inspected ({type(error).__name__})."
        self.catalog.change(
            attachment.failed(reason=reason, sequencer=created.sequencer),
            self._entry(Action.FILE_FAILED, attachment, reason),
        )

    def _entry(self, action: Action, attachment: Attachment, description: str = "") -> Activity:
        return entry(
            action,
            attachment,
            user_id=attachment.uploaded_by,
            at=self.clock(),
            description=description,
        )
