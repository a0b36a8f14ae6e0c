"""Records for the stores under test, and pages of them read to the end."""

import itertools
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from attachments.activity import entry
from attachments.catalog import Page
from attachments.guards import IdempotencyKey
from attachments.model import Action, Activity, Attachment, Message
from tests.builders import SENDER, pending
from tests.contract.conftest import Stores


def attached(message: Message, at: datetime, **changes: Any) -> Attachment:
    """A pending attachment of this message."""
    fields = {
        "message_id": message.id,
        "conversation_id": message.conversation_id,
        "created_at": at,
        "due_at": at + timedelta(hours=1),
    }
    return pending(**{**fields, **changes})


def note(attachment: Attachment, action: Action = Action.UPLOAD_REQUESTED) -> Activity:
    return entry(action, attachment, user_id=attachment.uploaded_by, at=attachment.created_at)


def create(stores: Stores, *attachments: Attachment) -> None:
    for attachment in attachments:
        stores.catalog.create(attachment, note(attachment))


def made_at(stores: Stores, message: Message, times: Iterable[datetime]) -> list[Attachment]:
    """Attachments of a message at these times."""
    made = [attached(message, at) for at in times]
    create(stores, *made)
    return made


def every(_: Attachment) -> bool:
    return True


def walk(page_after: Callable[[str | None], Page]) -> list[list[str]]:
    """The ids of all pages, by following the positions; it must come to an end."""
    pages, after = [], None
    for _ in range(50):
        page = page_after(after)
        pages.append([attachment.id for attachment in page.items])
        after = page.next
        if after is None:
            return pages
    raise AssertionError("the pages do not end")


def flat(pages: list[list[str]]) -> list[str]:
    return list(itertools.chain.from_iterable(pages))


def ids(attachments: Iterable[Attachment]) -> list[str]:
    return [attachment.id for attachment in attachments]


def key_of(attachment: Attachment, value: str, user: str = SENDER.user_id) -> IdempotencyKey:
    return IdempotencyKey(user, value, "hash-of-the-body", attachment.id)
