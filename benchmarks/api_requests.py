"""One request for each route of the API, with what it is about."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to one function; `path` and `body` have fields of the chat that it is made in."""

    function: str
    title: str
    caller: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] | None = None

    def event(self, names: Mapping[str, str], tokens: Mapping[str, str]) -> dict[str, Any]:
        """As the HTTP API gives it to the function (payload format 2.0)."""
        path = self.path.format_map(names)
        body = {
            name: value.format_map(names) if isinstance(value, str) else value
            for name, value in (self.body or {}).items()
        }
        query = {name: value.format_map(names) for name, value in (self.query or {}).items()}
        headers = {
            "authorization": f"Bearer {tokens[self.caller]}",
            "content-type": "application/json",
            "idempotency-key": names["key"],
        }
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "&".join(f"{name}={value}" for name, value in query.items()),
            "queryStringParameters": query,
            "headers": headers,
            "requestContext": {
                "http": {"method": self.method, "path": path},
                "requestId": "benchmark",
                "stage": "$default",
            },
            "body": json.dumps(body) if body else "",
            "isBase64Encoded": False,
        }


UPLOAD = {
    "message_id": "{message}",
    "file_name": "holiday.mp4",
    "file_size": 50_000_000,
    "mime_type": "video/mp4",
}
ONE = "/api/chat/attachments/{ready}"
ISSUE, SERVE, SYNC, REPORT = "IssueUpload", "ServeAttachments", "SyncChat", "Report"
DAY = {"from": "{today}", "to": "{today}"}

REQUESTS = (
    Asked(ISSUE, "ask to upload a video", "sender", "POST", "/api/chat/videos/upload", UPLOAD),
    Asked(ISSUE, "ask to upload a file", "sender", "POST", "/api/chat/upload", UPLOAD),
    Asked(
        ISSUE,
        "sign a part",
        "sender",
        "POST",
        "/api/chat/attachments/{pending}/sign",
        {"method": "PUT", "key": "uploads/{pending}", "uploadId": "an-upload", "partNumber": 1},
    ),
    Asked(ISSUE, "forward", "sender", "POST", f"{ONE}/copy", {"message_id": "{message}"}),
    Asked(SERVE, "get, as a participant", "participant", "GET", ONE),
    Asked(SERVE, "get, as an admin", "admin", "GET", ONE),
    Asked(SERVE, "download", "participant", "GET", f"{ONE}/download"),
    Asked(SERVE, "download a video", "participant", "GET", "/api/chat/videos/{ready}/download"),
    Asked(SERVE, "delete", "sender", "DELETE", ONE),
    Asked(
        SERVE, "list a message's", "participant", "GET", "/api/chat/messages/{message}/attachments"
    ),
    Asked(
        SERVE,
        "list a conversation's",
        "participant",
        "GET",
        "/api/chat/conversations/{conversation}/attachments",
    ),
    Asked(SERVE, "list a day's", "admin", "GET", "/api/chat/attachments", query=DAY),
    Asked(
        SYNC,
        "put a conversation",
        "service",
        "PUT",
        "/api/chat/conversations/{conversation}",
        {"participants": ["sender", "participant"], "version": 2},
    ),
    Asked(
        SYNC,
        "put a message",
        "service",
        "PUT",
        "/api/chat/messages/{message}",
        {"conversation_id": "{conversation}", "sender_id": "sender", "version": 2},
    ),
    Asked(
        SYNC,
        "delete a message with 4 attachments",
        "service",
        "DELETE",
        "/api/chat/messages/{message}",
        query={"version": "2"},
    ),
    Asked(
        SYNC,
        "delete a conversation with 2 messages",
        "service",
        "DELETE",
        "/api/chat/conversations/{conversation}",
        query={"version": "2"},
    ),
    Asked(SYNC, "export a user", "service", "GET", "/api/chat/users/{user}/export"),
    Asked(SYNC, "erase a user", "service", "DELETE", "/api/chat/users/{user}"),
    Asked(
        REPORT,
        "activity of an attachment",
        "admin",
        "GET",
        "/api/chat/reports/activity",
        query={"attachment": "{ready}"},
    ),
    Asked(REPORT, "activity of all", "admin", "GET", "/api/chat/reports/activity"),
    Asked(
        REPORT,
        "activity of all, 30 days without any",
        "admin",
        "GET",
        "/api/chat/reports/activity",
        query={"from": "1990-01-01T00:00:00Z", "to": "1990-01-30T00:00:00Z"},
    ),
    Asked(REPORT, "usage, 30 days", "admin", "GET", "/api/chat/reports/usage"),
)
