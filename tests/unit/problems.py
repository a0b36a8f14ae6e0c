"""A request to the doors, and what a refusal of it must look like."""

from typing import Any

from tests.builders import MESSAGE
from tests.doors import Answer, Doors

UPLOAD = {
    "message_id": MESSAGE,
    "file_name": "holiday.mp4",
    "file_size": 7,
    "mime_type": "video/mp4",
}


def problem(answer: Answer, status: int, kind: str) -> dict[str, Any]:
    """The answer's body, after a check that it is a whole problem (RFC 9457)."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["type"] == f"urn:offchat:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"].endswith((".", "}", "`"))
    assert body["request_id"] == answer.request_id == answer.headers["X-Request-Id"]
    assert set(body) <= {"type", "title", "status", "detail", "request_id", "errors"}
    return body


def post(doors: Doors, body: Any, **more: Any) -> Answer:
    return doors.call("issue_upload", "POST", "/api/chat/upload/", body=body, **more)
