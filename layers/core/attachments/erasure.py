"""Erasing a user: mark first, then delete what they uploaded and put a pseudonym where they stay.

From the mark on no upload of theirs begins or becomes ready. Whatever names them is found by
indexes, which lag behind, so one look is not trusted: the sweep looks again until a pass that
begins `SETTLES` after the mark finds nothing. Every step is harmless when it is done twice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from attachments.activity import ActivityLog
from attachments.catalog import Catalog
from attachments.deletion import TRIES, Deletion, HasTime, always
from attachments.errors import StaleRecordError
from attachments.guards import Guards
from attachments.model import Attachment
from attachments.users import ErasedUser, Users

Found = TypeVar("Found")
SETTLES = timedelta(minutes=10)  # far longer than an index lags, or a request goes on


@dataclass(slots=True)
class Erased:
    """What one pass did; `finished` when nothing is left that names the user."""

    attachments: int = 0
    memberships: int = 0
    messages: int = 0
    entries: int = 0
    finished: bool = False

    @property
    def nothing(self) -> bool:
        return not (self.attachments or self.memberships or self.messages or self.entries)


class _OutOfTimeError(Exception):
    """The next pass goes on."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Erases users."""

    catalog: Catalog
    users: Users
    activity: ActivityLog
    guards: Guards
    deletion: Deletion
    clock: Callable[[], datetime]

    def begin(self, user_id: str, *, by: str, has_time: HasTime = always) -> Erased:
        """Mark the user erased, and do as much as the time allows; the sweep does the rest.

        `by` is who deletes, for the log. Raises the first error that keeps something from it.
        """
        return self._pass(self.users.erase(user_id, self.clock()), by, has_time)

    def go_on(self, user_id: str, *, by: str, has_time: HasTime = always) -> Erased:
        """Another pass for a user who is marked erased."""
        marked = self.users.erased(user_id)
        return self._pass(marked, by, has_time) if marked else Erased(finished=True)

    def _pass(self, marked: ErasedUser, by: str, has_time: HasTime) -> Erased:
        begun = self.clock()
        erased, errors = Erased(), list[Exception]()
        try:
            self._attachments(marked, by, erased, errors, has_time)
            for named in _while(has_time, self.users.named(marked.user_id)):
                if self.users.forget(named, marked):
                    erased.memberships += named.kind == "conversation"
                    erased.messages += named.kind == "message"
            for item in _while(has_time, self.activity.naming(marked.user_id)):
                erased.entries += self.activity.pseudonymise(item, marked.pseudonym)
        except _OutOfTimeError:
            return erased
        if errors:
            raise errors[0]
        if erased.nothing and begun >= marked.since + SETTLES:
            self.guards.forget(marked.user_id)
            expires_at = begun + self.deletion.tombstone_life
            erased.finished = self.users.finish(marked, expires_at=expires_at)
        return erased

    def _attachments(
        self,
        marked: ErasedUser,
        by: str,
        erased: Erased,
        errors: list[Exception],
        has_time: HasTime,
    ) -> None:
        """All out of sight before the first bytes go; one that resists keeps no other from it."""
        for attachment in _while(has_time, self.catalog.of_uploader(marked.user_id)):
            with _noted(errors):
                self.deletion.mark(attachment, user_id=by)
        for attachment in _while(has_time, self.catalog.of_uploader(marked.user_id)):
            with _noted(errors):
                self._anonymise(attachment, marked, by)
                erased.attachments += 1

    def _anonymise(self, attachment: Attachment, marked: ErasedUser, by: str) -> None:
        """Remove the bytes, then all that the tombstone tells."""
        for _ in range(TRIES):
            deleted = self.deletion.mark(attachment, user_id=by)
            self.deletion.purge(deleted)
            [purged] = self.catalog.get_all([deleted.id])
            try:
                self.catalog.change(purged.anonymised(marked.pseudonym), None)
            except StaleRecordError:
                [attachment] = self.catalog.get_all([deleted.id])
            else:
                return
        raise StaleRecordError(attachment.id)


@contextmanager
def _noted(errors: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        errors.append(error)


def _while(has_time: HasTime, found: Iterator[Found]) -> Iterator[Found]:
    for each in found:
        if not has_time():
            raise _OutOfTimeError
        yield each
