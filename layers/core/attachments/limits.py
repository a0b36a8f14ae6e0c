"""How much one user may ask for.

Calls are counted in windows of a minute, each call once: as an upload request, as a signature, or
as a call like any other. Admins have an allowance of their own; the service has none, for what it
tells us grows with the chat. What a user holds (pending uploads, stored bytes) is counted in the
transactions that change it, in `Guards`.

Limits are told as in the IETF draft "RateLimit header fields for HTTP"
(draft-ietf-httpapi-ratelimit-headers-09).
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from attachments.errors import LimitExceededError
from attachments.guards import Guards
from attachments.model import Caller, Usage
from attachments.routes import Allowance
from attachments.settings import MEGABYTE, Settings

WINDOW = timedelta(minutes=1)
WINDOW_S = int(WINDOW.total_seconds())
HELD_RETRY_S = 60  # something that is held may end any time: when is not known
MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """One minute of one user. Users' minutes begin at different seconds, so that not all come
    back at once."""

    number: int
    ends_at: datetime

    @classmethod
    def of(cls, user_id: str, now: datetime) -> "Window":
        offset = zlib.crc32(user_id.encode()) % WINDOW_S
        number = (int(now.timestamp()) + offset) // WINDOW_S
        return cls(number, datetime.fromtimestamp((number + 1) * WINDOW_S - offset, UTC))

    def seconds_left(self, now: datetime) -> int:
        """Whole seconds, at least one: 0 would invite to try at once."""
        return max(1, -int((now - self.ends_at).total_seconds() // 1))


class RateLimiter:
    """Counts calls."""

    def __init__(self, guards: Guards, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._guards = guards
        self._settings = settings
        self._clock = clock
        self._used_up: set[str] = set()

    def count(self, caller: Caller, allowance: Allowance) -> dict[str, str]:
        """Count a call; the headers that tell what is left. Raises LimitExceededError.

        A call that cannot be counted is not answered: whatever the counter's table raises, rises.
        """
        if caller.service:
            return {}
        limit = self._limit(caller, allowance)
        now = self._clock()
        window = Window.of(caller.user_id, now)
        counter = f"{allowance} {window.number} {caller.user_id}"
        used = None
        if counter not in self._used_up:  # who was refused is not counted again in that minute
            used = self._guards.count(counter, limit=limit, expires_at=window.ends_at + WINDOW)
        seconds = window.seconds_left(now)
        headers = {
            "RateLimit-Policy": f'"{allowance}";q={limit};w={WINDOW_S}',
            "RateLimit": f'"{allowance}";r={limit - (limit if used is None else used)};t={seconds}',
        }
        if used is None:
            self._remember(counter)
            raise LimitExceededError(
                f"You may make {limit} such requests a minute. Try again in {seconds} s.",
                headers={**headers, "Retry-After": str(seconds)},
            )
        return headers

    def _limit(self, caller: Caller, allowance: Allowance) -> int:
        if caller.admin:
            return self._settings.admin_calls_per_minute
        return {
            Allowance.CALLS: self._settings.calls_per_minute,
            Allowance.UPLOADS: self._settings.uploads_per_minute,
            Allowance.SIGN: self._settings.sign_calls_per_minute,
        }[allowance]

    def _remember(self, counter: str) -> None:
        if len(self._used_up) >= MAX_REMEMBERED:
            self._used_up.clear()
        self._used_up.add(counter)


def quota_of(caller: Caller, settings: Settings) -> Usage | None:
    """What the caller may hold, None for all they like: admins are counted, and not refused."""
    return None if caller.admin else settings.max_usage


def held_too_much(held: Usage, more: Usage, quota: Usage) -> LimitExceededError:
    """The refusal of more than somebody may hold."""
    if held.pending_uploads + more.pending_uploads > quota.pending_uploads:
        detail = f"You may have {quota.pending_uploads} uploads under way. Finish or delete some."
        return _refusal("pending-uploads", quota.pending_uploads, held.pending_uploads, detail)
    megabytes = quota.stored_bytes // MEGABYTE
    detail = f"You may store {megabytes} MB, and this is more. Delete some files first."
    unit = ';qu="content-bytes"'
    return _refusal("stored-bytes", quota.stored_bytes, held.stored_bytes, detail, unit)


def _refusal(name: str, quota: int, held: int, detail: str, unit: str = "") -> LimitExceededError:
    headers = {
        "RateLimit-Policy": f'"{name}";q={quota}{unit}',
        "RateLimit": f'"{name}";r={max(0, quota - held)}',
        "Retry-After": str(HELD_RETRY_S),
    }
    return LimitExceededError(detail, headers=headers)
