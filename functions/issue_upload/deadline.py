"""How long an upload may take, and how its record stays pending meanwhile.

The sweep ends what is past its `due_at`. Signing moves that on, but no signature outlives
`LONGEST_UPLOAD`: with its slack that ends before the bucket aborts what is incomplete after a day.
"""

from datetime import datetime, timedelta

from attachments.catalog import Catalog
from attachments.errors import ConflictError, StaleRecordError
from attachments.model import Attachment

# A request must begin before its URL expires and may go on for long after.
SLOW_UPLOAD = timedelta(hours=1)
SLOW_PART = timedelta(minutes=15)
LONGEST_UPLOAD = timedelta(hours=20)
SHORTEST_LIFE = timedelta(minutes=1)


def signature_life(attachment: Attachment, *, now: datetime, longest: timedelta) -> timedelta:
    """How long a signature of this moment may live. Raises ConflictError at the upload's end."""
    left = attachment.created_at + LONGEST_UPLOAD - now
    if left < SHORTEST_LIFE:
        raise ConflictError("This upload was begun too long ago; ask for a new one.")
    return min(longest, left)


def kept_open(
    attachment: Attachment, *, expires_at: datetime, spare: timedelta, catalog: Catalog
) -> Attachment:
    """A pending attachment that stays so for `spare` after a signature expires.

    Where it would not, its deadline moves on by more than is needed: of many parts, few are
    signed with a write. Who loses against another change gets the record as that left it.
    """
    if attachment.due_at is not None and attachment.due_at >= expires_at + spare:
        return attachment
    renewed = attachment.renewed(due_at=expires_at + SLOW_UPLOAD)
    try:
        catalog.change(renewed, None)
    except StaleRecordError:
        return catalog.get(attachment.id)
    return renewed
