"""Every path of the API and who answers it: what tells a 404 from a 405.

A path stands here without its trailing slash; the edge strips that once.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Allowance(StrEnum):
    """What a call is counted as; each is counted once."""

    CALLS = "calls"
    UPLOADS = "uploads"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    function: str
    allowance: Allowance = Allowance.CALLS

    def matches(self, path: str) -> bool:
        return re.fullmatch(re.sub(r"<\w+>", "[^/]+", self.path), path) is not None


ROUTES = (
    Route("POST", "/api/chat/videos/upload", "issue_upload", Allowance.UPLOADS),
    Route("POST", "/api/chat/upload", "issue_upload", Allowance.UPLOADS),
    Route(
        "POST",
        "/api/chat/attachments/<attachment_id>/sign",
        "issue_upload",
        Allowance.SIGN,
    ),
    Route(
        "POST",
        "/api/chat/attachments/<attachment_id>/copy",
        "issue_upload",
        Allowance.UPLOADS,
    ),
    Route("GET", "/api/chat/attachments", "serve_attachments"),
    Route("GET", "/api/chat/attachments/<attachment_id>", "serve_attachments"),
    Route("DELETE", "/api/chat/attachments/<attachment_id>", "serve_attachments"),
    Route("GET", "/api/chat/attachments/<attachment_id>/download", "serve_attachments"),
    Route("GET", "/api/chat/videos/<attachment_id>/download", "serve_attachments"),
    Route("GET", "/api/chat/messages/<message_id>/attachments", "serve_attachments"),
    Route("GET", "/api/chat/conversations/<conversation_id>/attachments", "serve_attachments"),
    Route("PUT", "/api/chat/conversations/<conversation_id>", "sync_chat"),
    Route("DELETE", "/api/chat/conversations/<conversation_id>", "sync_chat"),
    Route("PUT", "/api/chat/messages/<message_id>", "sync_chat"),
    Route("DELETE", "/api/chat/messages/<message_id>", "sync_chat"),
    Route("DELETE", "/api/chat/users/<user_id>", "sync_chat"),
    Route("GET", "/api/chat/users/<user_id>/export", "sync_chat"),
    Route("GET", "/api/chat/reports/activity", "report"),
    Route("GET", "/api/chat/reports/usage", "report"),
)


def methods_of(path: str) -> tuple[str, ...]:
    """The methods that a path knows, none if there is no such path."""
    return tuple(sorted({route.method for route in ROUTES if route.matches(path)}))


def allowance_of(method: str, path: str) -> Allowance:
    """What a call is counted as; one that no route takes is a call like any other."""
    found = (r.allowance for r in ROUTES if r.method == method and r.matches(path))
    return next(found, Allowance.CALLS)
