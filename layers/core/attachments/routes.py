"""Every path of the API and who answers it: what tells a 404 from a 405.

A path stands here without its trailing slash; the edge strips that once.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    function: str

    def matches(self, path: str) -> bool:
        return re.fullmatch(re.sub(r"<\w+>", "[^/]+", self.path), path) is not None


ROUTES = (
    Route("POST", "/api/chat/videos/upload", "issue_upload"),
    Route("POST", "/api/chat/upload", "issue_upload"),
    Route("POST", "/api/chat/attachments/<attachment_id>/sign", "issue_upload"),
    Route("POST", "/api/chat/attachments/<attachment_id>/copy", "issue_upload"),
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
    Route("GET", "/api/chat/reports/activity", "report"),
)


def methods_of(path: str) -> tuple[str, ...]:
    """The methods that a path knows, none if there is no such path."""
    return tuple(sorted({route.method for route in ROUTES if route.matches(path)}))
