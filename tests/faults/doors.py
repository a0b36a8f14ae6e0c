"""The functions by their handlers, called as API Gateway, the queue and the schedule call them."""

import itertools
import json
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import jwt

from attachments.ids import rfc3339
from attachments.routes import ROUTES
from attachments.settings import Settings
from tests.faults.cloud import SECRET
from tests.faults.scene import Context

Json = dict[str, Any]
FAR_FUTURE = 4_000_000_000
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json


@dataclass(frozen=True)
class Doors:
    """`settings` say what a token and an event must carry."""

    settings: Settings

    def call(
        self, who: str, method: str, path: str, body: Json | None = None, **headers: str
    ) -> Answer:
        """One request to the API; `admin` and `service` have that role, others none."""
        path, _, query = path.partition("?")
        role = {"role": who} if who in {"admin", "service"} else {}
        claims = {
            "iss": self.settings.token_issuer,
            "aud": self.settings.token_audience,
            "sub": who,
            "exp": FAR_FUTURE,
            **role,
        }
        token = jwt.encode(claims, SECRET, "HS256")
        http = {"method": method, "path": path, "sourceIp": "192.0.2.1", "userAgent": "test"}
        event: Json = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {
                "authorization": f"Bearer {token}",
                "content-type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            "requestContext": {
                "http": http,
                "requestId": f"request-{next(_numbers)}",
                "stage": "$default",
            },
            "isBase64Encoded": False,
        }
        if query:
            event["queryStringParameters"] = dict(parse_qsl(query))
        if body is not None:
            event["body"] = json.dumps(body)
        answer = _handler(_function(method, path))(event, Context())
        return Answer(answer["statusCode"], json.loads(answer.get("body") or "null"))

    def deliver(
        self, key: str, size: int, at: datetime, *, version_id: str | None, receives: int = 1
    ) -> None:
        """The event of a new object; `version_id` is in it where S3 tells it."""
        told = {"key": quote_plus(key), "size": size, "eTag": "an etag"}
        if version_id is not None:
            told["versionId"] = version_id
        bucket = {"name": self.settings.bucket}
        record = {
            "eventName": "ObjectCreated:Put",
            "eventTime": rfc3339(at),
            "s3": {"bucket": bucket, "object": told},
        }
        message = {
            "body": json.dumps({"Records": [record]}),
            "attributes": {"ApproximateReceiveCount": str(receives)},
        }
        _handler("inspect_upload")({"Records": [message]}, Context())

    def sweep(self) -> Json:
        swept: Json = _handler("sweep")({}, Context())
        return swept


def _function(method: str, path: str) -> str:
    [route] = [
        route for route in ROUTES if route.method == method and route.matches(path.rstrip("/"))
    ]
    return route.function


def _handler(function: str) -> Any:
    return import_module(f"functions.{function}.app").handler
