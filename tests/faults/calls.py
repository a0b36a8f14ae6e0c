"""Calls of the functions' own doors, as API Gateway, the queue and the schedule make them."""

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.inspect_upload import app as inspect_upload
from functions.issue_upload import app as issue_upload
from functions.serve_attachments import app as serve_attachments
from functions.sweep import app as sweep_app
from functions.sync_chat import app as sync_chat

RECEIVES = 3  # the last one


class Context(LambdaContext):
    """An invocation with time left."""

    _aws_request_id = "invocation"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 200_000


def door(method: str, path: str) -> Any:
    """The function that API Gateway gives a request to."""
    if method == "POST":
        return issue_upload
    if method == "PUT" or (method == "DELETE" and "/attachments/" not in path):
        return sync_chat
    return serve_attachments


def request(
    method: str,
    path: str,
    token: str,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Status and body of the answer to an HTTP request; paths begin behind `/api/chat`."""
    path = f"/api/chat{path}"
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {token}", "content-type": "application/json"}
        | dict(headers or {}),
        "requestContext": {"http": http, "requestId": "request", "stage": "$default"},
        "isBase64Encoded": False,
        "body": None if body is None else json.dumps(body),
    }
    answer = door(method, path).handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"] or "null")


def deliver(body: str, *, receive: int = 1) -> None:
    """A message of the queue, for the `receive`-th time. Raises what the inspector raises."""
    record = {"body": body, "attributes": {"ApproximateReceiveCount": str(receive)}}
    inspect_upload.handler({"Records": [record]}, Context())


def sweep() -> dict[str, int]:
    """One pass."""
    return sweep_app.handler({}, Context())


def created(bucket: str, key: str, **told: Any) -> str:
    """S3's message about a new object; `told` is what else it says of it."""
    return json.dumps(
        {
            "Records": [
                {
                    "eventName": "ObjectCreated:Put",
                    "eventTime": "2026-11-20T09:00:00.000Z",
                    "s3": {"bucket": {"name": bucket}, "object": {"key": key, **told}},
                }
            ]
        }
    )
