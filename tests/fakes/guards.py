"""The guards in memory."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from attachments import dynamo
from attachments.dynamo import Write
from attachments.guards import KEY_LIFE, RECOUNT_EVERY, Guards, Held, Holder, IdempotencyKey, pk_of
from attachments.model import Usage
from tests.fakes.items import outlived
from tests.fakes.transactions import LOCK, conditional


@dataclass
class _Held:
    held: Held
    due_at: datetime | None
    files: int = 0


class MemoryGuards(Guards):
    def __init__(self) -> None:
        self._keys: dict[str, tuple[IdempotencyKey, datetime]] = {}
        self._positions: dict[str, str | None] = {}
        self._counters: dict[str, int] = defaultdict(int)
        self._held: dict[str, _Held] = {}

    def position(self, walk: str) -> str | None:
        return self._positions.get(walk)

    def remember(self, walk: str, position: str | None) -> None:
        self._positions[walk] = position

    def find(self, user_id: str, value: str, now: datetime) -> tuple[str, str] | None:
        key = self._living(pk_of(user_id, value), now)
        return (key.body_hash, key.attachment_id) if key else None

    def write_of(self, key: IdempotencyKey, now: datetime) -> Write:
        return conditional(
            lambda: self._living(key.pk, now) is None,
            lambda: self._keys.update({key.pk: (key, now + KEY_LIFE)}),
        )

    def count(self, counter: str, *, limit: int, expires_at: datetime) -> int | None:
        with LOCK:
            if self._counters[counter] >= limit:
                return None
            self._counters[counter] += 1
            return self._counters[counter]

    def held(self, user_id: str) -> Held | None:
        item = self._held.get(user_id)
        return item.held if item else None

    def hold(self, user_id: str, change: Usage, now: datetime, *, most: Usage | None) -> Write:
        def fits() -> bool:
            if most is None or user_id not in self._held:
                return True
            then = self._held[user_id].held.usage + change
            return (
                then.pending_uploads <= most.pending_uploads
                and then.stored_bytes <= most.stored_bytes
            )

        def apply() -> None:
            item = self._held.get(user_id) or _Held(Held(Usage(), 0, now), None)
            held = Held(item.held.usage + change, item.held.revision + 1, now)
            files = item.files + (change.stored_bytes > 0) - (change.stored_bytes < 0)
            self._held[user_id] = _Held(held, item.due_at or now + RECOUNT_EVERY, files)

        return conditional(fits, apply)

    def recount_at(self, user_id: str, when: datetime) -> None:
        if user_id in self._held:
            self._held[user_id].due_at = when

    def recounted(self, user_id: str, usage: Usage, *, files: int, revision: int) -> bool:
        item = self._held.get(user_id)
        if item is None or item.held.revision != revision:
            return False
        self._held[user_id] = _Held(replace(item.held, usage=usage), None, files)
        return True

    def top(self, limit: int) -> list[Holder]:
        holders = [
            Holder(user_id, item.held.usage, item.files)
            for user_id, item in self._held.items()
            if item.held.usage.stored_bytes > 0
        ]
        holders.sort(key=lambda holder: (-holder.usage.stored_bytes, holder.user_id))
        return holders[:limit]

    def to_recount(self, now: datetime, shard: int) -> Iterator[str]:
        for user_id, item in list(self._held.items()):
            due = item.due_at is not None and item.due_at <= now
            if due and dynamo.shard(user_id) == shard:
                yield user_id

    def forget(self, user_id: str) -> None:
        self._held.pop(user_id, None)

    def _living(self, pk: str, now: datetime) -> IdempotencyKey | None:
        key, expires_at = self._keys.get(pk, (None, None))
        return None if outlived(expires_at, now) else key
