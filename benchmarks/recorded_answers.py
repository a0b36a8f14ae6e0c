"""AWS's answers to one request of ours: recorded over the network, then given again without it."""

import io
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders


class UnrecordedCallError(Exception):
    """A call that was not made while the answers were recorded."""


class Body(io.BytesIO):
    """The bytes of an answer, as botocore reads them."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class RecordedAnswers:
    """Stands in botocore's way to the network, of every client that is built after `attach`.

    `calls` counts what the last request asked of AWS, by operation and tables, in the order of
    their first calls.
    """

    tables: Mapping[str, str]
    calls: Counter[str] = field(default_factory=Counter)
    _answers: dict[tuple[str, int], _Answer] = field(default_factory=dict)
    _replaying: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _of_thread: threading.local = field(default_factory=threading.local)

    def attach(self, session: boto3.Session) -> None:
        # What this handler returns is taken for the answer; botocore's types do not know.
        session.events.register("before-send", self._before)  # type: ignore[arg-type]
        session.events.register("response-received", self._after)

    def record(self) -> None:
        """From now on answers come from the network, and replace those of before."""
        self._answers, self._replaying = {}, False
        self.calls.clear()

    def replay(self) -> None:
        """From now on answers are the recorded ones, each call's from its first on."""
        self._replaying = True
        self.calls.clear()

    def _before(
        self, event_name: str, request: AWSPreparedRequest, **_: object
    ) -> AWSResponse | None:
        label = self._label(event_name, request)
        with self._lock:
            number = self.calls[label]
            self.calls[label] += 1
        if not self._replaying:
            self._of_thread.call = label, number
            return None
        try:
            answer = self._answers[label, number]
        except KeyError as error:
            raise UnrecordedCallError(f"{label}, number {number + 1}") from error
        headers = HTTPHeaders.from_dict(answer.headers)
        return AWSResponse(request.url, answer.status, headers, Body(answer.body))

    def _after(self, response_dict: Mapping[str, Any] | None = None, **_: object) -> None:
        if self._replaying or response_dict is None:
            return
        answer = _Answer(
            response_dict["status_code"], dict(response_dict["headers"]), response_dict["body"]
        )
        with self._lock:
            self._answers[self._of_thread.call] = answer

    def _label(self, event_name: str, request: AWSPreparedRequest) -> str:
        _, service, operation = event_name.split(".")
        if service != "dynamodb":
            return f"{service}:{operation}"
        assert isinstance(request.body, bytes)
        asked: dict[str, Any] = json.loads(request.body)
        return f"{operation} {self._tables_of(asked)}"

    def _tables_of(self, asked: Mapping[str, Any]) -> str:
        if "TableName" in asked:
            index = asked.get("IndexName")
            return self.tables[asked["TableName"]] + (f"/{index}" if index else "")
        if "TransactItems" in asked:
            parts = (next(iter(part.values()))["TableName"] for part in asked["TransactItems"])
        else:
            parts = iter(asked["RequestItems"])
        return "+".join(dict.fromkeys(self.tables[table] for table in parts))
