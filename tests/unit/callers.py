"""Callers of every kind, and what they are served."""

from collections.abc import Callable

from attachments.errors import AttachmentsError
from attachments.model import Caller
from attachments.views import AttachmentView, PageView
from functions.serve_attachments.serve import Serving
from tests.builders import ADMIN, PARTICIPANT, SENDER, STRANGER
from tests.fakes import World

FORMER = Caller("former participant")
CALLERS = [SENDER, PARTICIPANT, FORMER, STRANGER, ADMIN]


def serving(world: World, caller: Caller = SENDER, **changes: object) -> Serving:
    parts: dict[str, object] = {
        "caller": caller,
        "catalog": world.catalog,
        "chat": world.chat,
        "activity": world.activity,
        "storage": world.storage,
        "deletion": world.deletion,
        "clock": world.clock,
        "url_seconds": 900,
    }
    return Serving(**{**parts, **changes})  # type: ignore[arg-type]


def ids(page: PageView[AttachmentView]) -> list[str]:
    return [item.id for item in page.items]


def outcome(act: Callable[[], object]) -> str:
    """The name of the error, or "done"."""
    try:
        act()
    except AttachmentsError as error:
        return type(error).__name__.removesuffix("Error")
    return "done"
