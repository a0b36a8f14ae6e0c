"""`DELETE` of a user: what one call did of it."""

from pydantic import BaseModel, Field

from attachments.deletion import HasTime
from attachments.erasure import Erasure


class ErasedView(BaseModel):
    """What this call did; the rest follows by itself, or by calling again."""

    id: str
    deleted_attachments: int = Field(description="Gone with their bytes.")
    removed_memberships: int
    pseudonymised_messages: int
    pseudonymised_entries: int = Field(description="Of the activity log.")
    finished: bool = Field(description="Nothing was left, also some time after the first call.")


def erase(user_id: str, *, erasure: Erasure, by: str, has_time: HasTime) -> ErasedView:
    """Mark the user erased, and work on it as far as the time goes."""
    erased = erasure.begin(user_id, by=by, has_time=has_time)
    return ErasedView(
        id=user_id,
        deleted_attachments=erased.attachments,
        removed_memberships=erased.memberships,
        pseudonymised_messages=erased.messages,
        pseudonymised_entries=erased.entries,
        finished=erased.finished,
    )
