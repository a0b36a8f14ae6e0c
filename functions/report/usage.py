"""How much there is: files and bytes by type, state and day, and who stores most."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial

from pydantic import BaseModel, Field

from attachments.access import Act, require, roles_in_conversation
from attachments.counters import Counters, Kind, Tally
from attachments.errors import InvalidRequestError
from attachments.guards import Guards
from attachments.model import HOLDS_BYTES, Caller, FileType, Status
from attachments.views import Instant

DAYS = 30
DAYS_MAX = 366


class AmountView(BaseModel):
    files: int
    bytes: int


class KindView(AmountView):
    file_type: FileType
    status: Status


class DayView(AmountView):
    day: date
    by_type: dict[FileType, AmountView]


class HolderView(AmountView):
    user_id: str
    pending_uploads: int


class UsageView(BaseModel):
    as_of: Instant | None = Field(
        description="When the newest change was made that is counted; null where nothing is."
    )
    stored: AmountView = Field(description="Files whose bytes are there or promised.")
    kinds: list[KindView] = Field(description="All records by type and status.")
    days: list[DayView] = Field(description="Uploads by the day they were asked for (UTC).")
    users: list[HolderView] = Field(description="Who stores most, first.")


def usage(
    *,
    caller: Caller,
    counters: Counters,
    guards: Guards,
    clock: Callable[[], datetime],
    first: date | None,
    last: date | None,
    top: int,
) -> UsageView:
    """The report. Raises ForbiddenError, InvalidRequestError."""
    require(Act.SEE_EVERYTHING, roles_in_conversation(caller, participant=False))
    last = last or clock().date()
    first = first or last - timedelta(days=min(DAYS - 1, last.toordinal() - 1))
    if first > last:
        problem = "It is after `to`."
        raise InvalidRequestError(problem, fields={"from": problem})
    if (last - first).days >= DAYS_MAX:
        problem = f"A report has at most {DAYS_MAX} days."
        raise InvalidRequestError(problem, fields={"from": problem})
    with ThreadPoolExecutor(1) as thread:
        holders = thread.submit(guards.top, top)
        total, days = counters.tally(first, last)
    return UsageView(
        as_of=total.as_of,
        stored=_amount(total, lambda kind: kind.status in HOLDS_BYTES),
        kinds=[
            KindView(
                file_type=kind.file_type,
                status=kind.status,
                files=total.files[kind],
                bytes=total.bytes[kind],
            )
            for kind in sorted(total.files, key=lambda kind: (kind.file_type, kind.status))
        ],
        days=[_day(day, tally) for day, tally in days.items() if +tally.files],
        users=[
            HolderView(
                user_id=holder.user_id,
                files=holder.files,
                bytes=holder.usage.stored_bytes,
                pending_uploads=holder.usage.pending_uploads,
            )
            for holder in holders.result()
        ],
    )


def _day(day: date, tally: Tally) -> DayView:
    types = sorted({kind.file_type for kind in tally.files})
    by_type = {each: _amount(tally, partial(_is_of, each)) for each in types}
    return DayView(
        day=day,
        by_type=by_type,
        files=sum(amount.files for amount in by_type.values()),
        bytes=sum(amount.bytes for amount in by_type.values()),
    )


def _is_of(file_type: FileType, kind: Kind) -> bool:
    return kind.file_type is file_type


def _amount(tally: Tally, counts: Callable[[Kind], bool]) -> AmountView:
    def total(of: Counter[Kind]) -> int:
        return sum(number for kind, number in of.items() if counts(kind))

    return AmountView(files=total(tally.files), bytes=total(tally.bytes))
