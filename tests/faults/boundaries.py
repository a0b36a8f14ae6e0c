"""Stops a function at one of its requests to AWS: from outside, through botocore's own events.

Everything that a function does outside of itself is such a request, so the n-th request is the n-th
boundary at which it can be stopped.
"""

import io
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session
from botocore.retries.standard import ExponentialBackoff
from urllib3.exceptions import ProtocolError

Send = Callable[[AWSPreparedRequest], AWSResponse]


class Fault(StrEnum):
    """What happens at a boundary."""

    KILLED = "killed"  # the request took effect, then the process ends by SIGKILL
    THROTTLED = "throttled"  # refused as too fast, each time that it is tried
    FAILED = "failed"  # a 500, each time
    CUT = "cut"  # it took effect each time, but the connection ends before or within the answer
    UNANSWERED = "unanswered"  # the same, but only once


class Body(io.BytesIO):
    """The body of an answer, as urllib3 would give it; `cut`: it ends with a lost connection."""

    def __init__(self, body: bytes, *, cut: bool = False) -> None:
        super().__init__(body)
        self._cut = cut

    def read(self, amount: int | None = -1, **_: Any) -> bytes:
        piece = super().read(-1 if amount is None else amount)
        if self._cut and not piece:
            raise ProtocolError("Connection broken")
        return piece

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        while piece := self.read(65536):
            yield piece


def over_the_network(request: AWSPreparedRequest) -> AWSResponse:
    answer: AWSResponse = URLLib3Session().send(request)
    return answer


@dataclass
class Boundaries:
    """Counts the requests of the clients it watches, and does the `fault` at number `at` (from 1).

    A request that the SDK repeats by itself is one boundary. `calls` names them in their order.
    """

    fault: Fault | None = None
    at: int = 0
    send: Send = over_the_network
    calls: list[str] = field(default_factory=list)
    met: bool = False
    _numbers: dict[str, int] = field(default_factory=dict)
    _lock: Any = field(default_factory=Lock)

    def watch(self, *clients: Any) -> None:
        for client in clients:
            client.meta.events.register_first("before-send", self._before_send, id(self))

    def leave(self, *clients: Any) -> None:
        for client in clients:
            client.meta.events.unregister("before-send", self._before_send, id(self))

    def _before_send(
        self, request: AWSPreparedRequest, event_name: str, **_: Any
    ) -> AWSResponse | None:
        service, operation = event_name.split(".")[1:]
        headers: Any = request.headers
        invocation = str(headers["amz-sdk-invocation-id"])
        with self._lock:
            repeated = invocation in self._numbers
            number = self._numbers.setdefault(invocation, len(self._numbers) + 1)
            if not repeated:
                self.calls.append(f"{service}.{operation}")
        if self.fault is None or not self._meets(number, request.url, operation):
            return None
        self.met = True
        if self.fault is Fault.UNANSWERED and repeated:
            return None
        return self._do(self.fault, request, service, operation)

    def _meets(self, number: int, url: str, operation: str) -> bool:
        return number == self.at

    def _do(
        self, fault: Fault, request: AWSPreparedRequest, service: str, operation: str
    ) -> AWSResponse:
        if fault in (Fault.THROTTLED, Fault.FAILED):
            return _refusal(request, service, throttled=fault is Fault.THROTTLED)
        answer = self.send(request)
        body: bytes = answer.content
        if fault is Fault.KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault is Fault.CUT and operation == "GetObject":
            half = Body(body[: len(body) // 2], cut=True)
            headers: Any = HTTPHeaders()
            for name, value in answer.headers.items():
                headers[name] = value
            return AWSResponse(request.url, answer.status_code, headers, half)
        raise ConnectionClosedError(endpoint_url=request.url)


@dataclass
class AtOperation(Boundaries):
    """The fault at each request of one operation, for one key if that is given."""

    operation: str = ""
    key: str = ""

    def _meets(self, number: int, url: str, operation: str) -> bool:
        return operation == self.operation and self.key in url


def _refusal(request: AWSPreparedRequest, service: str, *, throttled: bool) -> AWSResponse:
    """As the service itself says it (DynamoDB guide, "Error handling"; S3, "Error responses";
    EventBridge, "Common errors")."""
    if service == "dynamodb":
        code = "ProvisionedThroughputExceededException" if throttled else "InternalServerError"
        status = 400 if throttled else 500
        body = f'{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"No."}}'
    elif service == "eventbridge":
        code, status = ("ThrottlingException", 400) if throttled else ("InternalException", 500)
        body = f'{{"__type":"{code}","message":"No."}}'
    else:
        code, status = ("SlowDown", 503) if throttled else ("InternalError", 500)
        body = f"<Error><Code>{code}</Code><Message>No.</Message></Error>"
    said = b"" if request.method == "HEAD" else body.encode()
    return AWSResponse(request.url, status, HTTPHeaders(), Body(said))


def without_backoff() -> None:
    """Let the SDK repeat at once in this process: what is tried again matters, not when."""
    ExponentialBackoff.delay_amount = lambda *_: 0.0  # type: ignore[method-assign]
