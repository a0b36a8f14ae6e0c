"""The activity log in memory."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import date, datetime

from attachments.activity import ActivityLog
from attachments.dynamo import Item, Write
from attachments.ids import rfc3339
from attachments.model import Action, Activity
from tests.builders import ACTIVITY_LIFE
from tests.fakes.items import newest_first, outlived
from tests.fakes.transactions import Fuse, conditional


class MemoryActivity(ActivityLog):
    def __init__(self, clock: Callable[[], datetime], fuse: Fuse | None = None) -> None:
        self._clock = clock
        self._fuse = fuse or Fuse()
        self.entries: list[Activity] = []

    def write_of(self, entry: Activity) -> Write:
        return conditional(lambda: True, lambda: self.entries.append(entry))

    def add(self, entry: Activity) -> None:
        self.entries.append(entry)
        self._fuse.burn()

    def of_attachment(self, attachment_id: str, *, after: str | None) -> Iterator[Item]:
        return self._stream(lambda entry: entry.attachment_id == attachment_id, after)

    def of_user(self, user_id: str, *, after: str | None) -> Iterator[Item]:
        return self._stream(lambda entry: entry.user_id == user_id, after)

    def of_day(self, day: date, *, after: str | None) -> Iterator[Item]:
        return self._stream(lambda entry: entry.at.date() == day, after)

    def pseudonymise(self, item: Item, pseudonym: str) -> bool:
        for number, known in enumerate(self.entries):
            if known.id == item["id"] and known.user_id == item["user_id"]:
                self.entries[number] = replace(known, user_id=pseudonym)
                self._fuse.burn()
                return True
        return False

    def naming(self, user_id: str) -> Iterator[Item]:
        return iter([asdict(entry) for entry in self.entries if entry.user_id == user_id])

    def actions(self) -> list[Action]:
        return [entry.action for entry in self.entries]

    def _stream(self, wanted: Callable[[Activity], bool], after: str | None) -> Iterator[Item]:  # type: ignore[override]
        items: list[Item] = [
            {**asdict(entry), "sort": f"{rfc3339(entry.at)}#{entry.id}"}
            for entry in self.entries
            if wanted(entry) and not outlived(entry.at + ACTIVITY_LIFE, self._clock())
        ]
        return newest_first(items, after)
