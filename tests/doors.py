"""The doors of the functions: real Lambda events (payload format 2.0) in, answers out.

Tokens are checked against a key server on the loopback; the stores are those in memory.
"""

import base64
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import jwt
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from cryptography.hazmat.primitives.asymmetric import ec

from attachments import wiring
from attachments.model import Caller
from functions.issue_upload import app as issue_upload
from functions.report import app as report
from functions.serve_attachments import app as serve_attachments
from functions.sync_chat import app as sync_chat
from tests.builders import SENDER, settings_of
from tests.conformance import Conformance, committed
from tests.conftest import KeyServer
from tests.fakes import World

DOCUMENTED = Conformance(committed())
KEY = ec.generate_private_key(ec.SECP256R1())
DOORS: dict[str, ModuleType] = {
    "issue_upload": issue_upload,
    "serve_attachments": serve_attachments,
    "sync_chat": sync_chat,
    "report": report,
}


def token(caller: Caller, **changes: Any) -> str:
    """A token that the doors' key server stands for."""
    claims = {
        "iss": "chat.example",
        "aud": "attachments",
        "sub": caller.user_id,
        "exp": int(time.time()) + 600,
        **({"role": "admin"} if caller.admin else {}),
        **({"role": "service"} if caller.service else {}),
        **changes,
    }
    return jwt.encode(claims, KEY, "ES256", headers={"kid": "key-1"})


class Context(LambdaContext):
    """What the runtime tells a handler."""

    def __init__(self) -> None:
        self._function_name = "door"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:door"
        self._aws_request_id = "invocation"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 20_000


@dataclass(frozen=True)
class Answer:
    """An answer as API Gateway takes it: status, headers, and a body that is text."""

    status: int
    headers: dict[str, str]
    body: str
    request_id: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def fields(self) -> list[str]:
        return [error["field"] for error in self.json["errors"]]


@dataclass
class Doors:
    """Calls a function as API Gateway does."""

    world: World
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(
        self,
        function: str,
        method: str,
        path: str,
        *,
        caller: Caller | None = SENDER,
        body: Any = None,
        content_type: str | None = "application/json",
        encoded: bool = False,
        raw: str | None = None,
        query: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """`body` is sent as JSON, or as it is if it is a string; `raw` stands for bad base64."""
        sent = {"authorization": f"Bearer {token(caller)}"} if caller else {}
        event: dict[str, Any] = {"isBase64Encoded": encoded or raw is not None}
        if body is not None or raw is not None:
            if content_type is not None:
                sent["content-type"] = content_type
            text = body if isinstance(body, str) else json.dumps(body)
            event["body"] = base64.b64encode(text.encode()).decode() if encoded else raw or text
        if query:
            event["queryStringParameters"] = dict(parse_qsl(query, keep_blank_values=True))
        request_id = f"request-{next(self.numbers)}"
        answer = DOORS[function].handler(
            {
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": query,
                "headers": {**sent, **(headers or {})},
                "requestContext": {
                    "accountId": "123456789012",
                    "apiId": "api",
                    "domainName": "api.example",
                    "domainPrefix": "api",
                    "http": {
                        "method": method,
                        "path": path,
                        "protocol": "HTTP/1.1",
                        "sourceIp": "192.0.2.1",
                        "userAgent": "test",
                    },
                    "requestId": request_id,
                    "routeKey": "$default",
                    "stage": "$default",
                    "time": "17/May/2024:12:00:00 +0000",
                    "timeEpoch": 1715947200000,
                },
                **event,
            },
            Context(),
        )
        json.dumps(answer)  # the runtime must be able to write it down
        assert isinstance(answer.get("body") or "", str)
        said = Answer(
            answer["statusCode"], answer.get("headers", {}), answer.get("body") or "", request_id
        )
        assert DOCUMENTED.broken(method, path, said.status, said.headers, said.body) == []
        return said


@contextmanager
def opened(
    world: World, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> Iterator[Doors]:
    """The doors, wired to `doors.world` as it is at each call; settings are the environment's."""
    entry = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    key_server.document = {"keys": [{**entry, "kid": "key-1", "use": "sig"}]}
    for name, value in settings_of(jwks_url=key_server.url, **settings).model_dump().items():
        monkeypatch.setenv(name.upper(), str(value))
    doors = Doors(world)
    for name in (
        "catalog",
        "chat",
        "users",
        "guards",
        "counters",
        "activity",
        "storage",
        "deletion",
        "erasure",
    ):
        monkeypatch.setattr(wiring, name, lambda name=name: getattr(doors.world, name))
    monkeypatch.setattr(wiring, "copying_storage", lambda: doors.world.storage)
    for door in DOORS.values():
        monkeypatch.setattr(door.app, "_limiter", lambda: doors.world.limiter)
    once = (wiring.settings, wiring.verifier)
    for built in once:
        built.cache_clear()
    yield doors
    for built in once:
        built.cache_clear()
