"""What an API request came to, as CloudWatch metrics."""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from attachments import metrics
from attachments.routes import ROUTES

ATTACHMENT = re.compile(
    r"/api/chat/(?:attachments|videos)/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)", re.I
)


def publish_request(
    service: str,
    event: Mapping[str, Any],
    answer: Mapping[str, Any],
    *,
    request_id: str,
    began: float,
) -> None:
    """Figures of one request, which began at `time.monotonic()` = `began`.

    A request that asked to wait (RFC 7240, section 4.3) takes as long as it likes: it has no
    `RequestTime`.
    """
    method, path = event["requestContext"]["http"]["method"], event["rawPath"]
    route = next((r for r in ROUTES if r.method == method and r.matches(path)), None)
    status = int(answer["statusCode"])
    took_ms = round((time.monotonic() - began) * 1000, 1)
    metrics.publish(
        service,
        counts={
            "Requests": 1,
            "ClientErrors": int(400 <= status < 500),
            "ServerErrors": int(status >= 500),
            "LimitsHit": int(status == HTTPStatus.TOO_MANY_REQUESTS),
        },
        milliseconds={} if "prefer" in event["headers"] else {"RequestTime": took_ms},
        notes={
            "request_id": request_id,
            "attachment_id": attachment_in(answer["headers"].get("Location", path)),
            "route": f"{route.method} {route.path}/" if route else None,
            "status": status,
            "took_ms": took_ms,
        },
    )


def attachment_in(path: str) -> str | None:
    """The attachment that a path names."""
    found = ATTACHMENT.match(path)
    return found[1].lower() if found else None
