"""Count anew what a user holds: pending uploads and stored bytes."""

from datetime import datetime, timedelta

from attachments.catalog import Catalog
from attachments.guards import Guards
from attachments.model import Usage

SETTLES = timedelta(minutes=1)  # far longer than an index lags


def recount(user_id: str, now: datetime, *, guards: Guards, catalog: Catalog) -> Usage | None:
    """By how much the count had drifted, None if it could not be told this time.

    It can be told after a minute without a change: then the index shows every record, and a count
    that changes meanwhile is left alone.
    """
    held = guards.held(user_id)
    if held is None or now - held.changed_at < SETTLES:
        return None
    each = [record.usage for record in catalog.of_uploader(user_id)]
    true, files = sum(each, Usage()), sum(usage.stored_bytes > 0 for usage in each)
    if not guards.recounted(user_id, true, files=files, revision=held.revision):
        return None
    return true - held.usage
