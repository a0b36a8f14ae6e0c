"""The activity log, newest first: of an attachment, of a user, or of all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from pydantic import BaseModel

from attachments.access import Act, require, roles_in_conversation
from attachments.activity import ActivityLog
from attachments.cursors import decode_cursor, encode_cursor
from attachments.dynamo import Item, Window
from attachments.errors import InvalidRequestError
from attachments.ids import rfc3339
from attachments.model import Action, Activity, Caller
from attachments.views import Instant, PageView

DEFAULT_SPAN = timedelta(days=30)


class ActivityView(BaseModel):
    id: str
    action: Action
    user_id: str
    attachment_id: str
    message_id: str
    conversation_id: str
    at: Instant
    admin_override: bool
    description: str


@dataclass(frozen=True, slots=True)
class ActivityQuery:
    """What to list; without user and attachment, the last 30 days unless `first` says more."""

    user: str | None
    attachment: str | None
    first: datetime | None
    last: datetime | None

    def as_dict(self) -> dict[str, str | None]:
        return {
            "user": self.user,
            "attachment": self.attachment,
            "from": self.first.isoformat() if self.first else None,
            "to": self.last.isoformat() if self.last else None,
        }


def list_activity(
    asked: ActivityQuery,
    *,
    caller: Caller,
    activity: ActivityLog,
    clock: Callable[[], datetime],
    limit: int,
    cursor: str | None,
) -> PageView[ActivityView]:
    """A page of entries. Raises ForbiddenError, InvalidRequestError, InvalidCursorError."""
    require(Act.SEE_EVERYTHING, roles_in_conversation(caller, participant=False))
    position = decode_cursor(cursor, asked.as_dict())
    first, last = _utc(asked.first, "from"), _utc(asked.last, "to")
    if first and last and first > last:
        problem = "It is after `to`."
        raise InvalidRequestError(problem, fields={"from": problem})
    # "~" sorts after every identifier: an entry at exactly `to` is still on the page.
    after = position or (f"{rfc3339(last)}~" if last else None)
    stream, resume = _stream(asked, first, last or clock(), activity, after)
    floor = rfc3339(first) if first else ""
    entries: Iterator[Item] = takewhile(lambda item: item["sort"] >= floor, stream)
    if asked.user is not None and asked.attachment is not None:
        entries = filter(lambda item: item["user_id"] == asked.user, entries)
    found = list(islice(entries, limit + 1))
    if len(found) > limit:
        resume = str(found[limit - 1]["sort"])
    return PageView(
        items=[_view(activity.read(item)) for item in found[:limit]],
        next_cursor=encode_cursor(resume, asked.as_dict()),
    )


def _stream(
    asked: ActivityQuery,
    first: datetime | None,
    last: datetime,
    activity: ActivityLog,
    after: str | None,
) -> tuple[Iterator[Item], str | None]:
    """Entries, and the position to go on from when they end (None: there are no more)."""
    if asked.attachment is not None:
        return activity.of_attachment(asked.attachment, after=after), None
    if asked.user is not None:
        return activity.of_user(asked.user, after=after), None
    days = Window.of((first or last - DEFAULT_SPAN).date(), last.date(), after)
    return (item for day in days for item in activity.of_day(day, after=after)), days.resume


def _utc(instant: datetime | None, name: str) -> datetime | None:
    """The instant in UTC, which is also the zone of one that names none."""
    if instant is None:
        return None
    if not instant.min.year < instant.year < instant.max.year:
        problem = "There is no calendar to count from there."
        raise InvalidRequestError(problem, fields={name: problem})
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _view(entry: Activity) -> ActivityView:
    return ActivityView.model_validate(entry, from_attributes=True)
