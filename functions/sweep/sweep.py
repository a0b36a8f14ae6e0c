"""Find what a client or a crash left behind, and bring it to its end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import partial

from aws_lambda_powertools import Logger

from attachments import dynamo
from attachments.activity import entry
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.deletion import Deletion
from attachments.erasure import Erasure
from attachments.errors import NotFoundError, ObjectMissingError, StaleRecordError
from attachments.guards import Guards
from attachments.model import Action, Attachment, Status, Usage
from attachments.storage import Storage
from functions.sweep.recount import recount

logger = Logger(child=True)
SWEEPER = "sweep"
STUCK_AFTER = timedelta(minutes=15)  # past a deadline: three passes did not end it


@dataclass(slots=True)
class Swept:
    """What one pass did, and in what bucket and tables differed."""

    expired: int = 0
    failed: int = 0
    purged: int = 0
    deletions_finished: int = 0
    uploads_removed: int = 0
    thumbnails_removed: int = 0
    bytes_missing: int = 0
    thumbnails_missing: int = 0
    versions_checked: int = field(default=0, compare=False)
    records_checked: int = field(default=0, compare=False)
    counts_corrected: int = 0
    stuck: int = field(default=0, compare=False)
    usage_drift: int = field(default=0, compare=False)
    errors: int = 0

    def add(self, other: "Swept") -> None:
        """Count what another found too."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


@dataclass(frozen=True, slots=True)
class Sweeping:
    """What is due. Two at once are harmless: every change is conditional."""

    catalog: Catalog
    chat: Chat
    storage: Storage
    deletion: Deletion
    erasure: Erasure
    guards: Guards
    clock: Callable[[], datetime]
    has_time: Callable[[], bool]

    def run(self) -> Swept:
        """Look at everything that is due, while there is time; one bad record stops no other."""
        swept = Swept()
        now = self.clock()
        first = int(now.timestamp()) // 60  # another one each time: none is always the last
        for number in range(first, first + dynamo.SHARDS):
            for step in self._steps(swept, number % dynamo.SHARDS, now):
                if not self.has_time():
                    return swept
                self._guarded(swept, step)
        return swept

    def _steps(self, swept: Swept, shard: int, now: datetime) -> Iterator[Callable[[], None]]:
        """What is due in one shard."""
        for kind, identifier in self.chat.unfinished(now, shard):
            yield partial(self._finish, swept, kind, identifier)
        for attachment_id in self.catalog.due(now, shard):
            yield partial(self._heal, swept, attachment_id, now)
        for user_id in self.guards.to_recount(now, shard):
            yield partial(self._recount, swept, user_id, now)

    def _guarded(self, swept: Swept, step: Callable[[], None]) -> None:
        try:
            step()
        except (NotFoundError, StaleRecordError):
            return  # changed meanwhile: whoever changed it finishes it, or the next pass does
        except Exception:
            logger.exception("could not heal", step=str(step))
            swept.errors += 1

    def _finish(self, swept: Swept, kind: str, identifier: str) -> None:
        if kind == "message":
            self.deletion.message(identifier, user_id=SWEEPER, has_time=self.has_time)
        elif kind == "user":
            if not self.erasure.go_on(identifier, by=SWEEPER, has_time=self.has_time).finished:
                return
        else:
            self.deletion.conversation(identifier, 0, user_id=SWEEPER, has_time=self.has_time)
        swept.deletions_finished += 1

    def _heal(self, swept: Swept, attachment_id: str, now: datetime) -> None:
        attachment = self.catalog.get(attachment_id)
        if attachment.due_at is None or attachment.due_at > now:
            return  # the index lags behind the record
        if attachment.status is Status.PENDING:
            if now - attachment.due_at > STUCK_AFTER:
                swept.stuck += 1
            self._end_pending(swept, attachment, now)
        else:
            self.deletion.purge(attachment)
            swept.purged += 1

    def _recount(self, swept: Swept, user_id: str, now: datetime) -> None:
        corrected = recount(user_id, now, guards=self.guards, catalog=self.catalog)
        if corrected not in (None, Usage()):
            swept.counts_corrected += 1
            logger.warning("a user's count had drifted", difference=str(corrected))

    def _end_pending(self, swept: Swept, attachment: Attachment, now: datetime) -> None:
        """Past its deadline: never uploaded, or uploaded and never inspected to the end."""
        try:
            self.storage.head(attachment.upload_key)
        except ObjectMissingError:
            keep = self.deletion.tombstone_life
            expired = attachment.expired(now=now, keep=keep)
            self._change(expired, Action.UPLOAD_EXPIRED, now)
            swept.expired += 1
            self.deletion.purge(expired)
        else:
            reason = "The file was uploaded, but its inspection did not finish."
            self._change(attachment.failed(reason=reason), Action.FILE_FAILED, now)
            swept.failed += 1

    def _change(self, attachment: Attachment, action: Action, now: datetime) -> None:
        note = entry(
            action,
            attachment,
            user_id=attachment.uploaded_by,
            at=now,
            description=attachment.reason or "",
        )
        self.catalog.change(attachment, note)
