"""Requests made out of the API document, sent as every kind of caller to a running stack.

Schemathesis makes them: those at the bounds of each schema (its coverage phase), valid ones and
invalid ones. Ids in them are replaced by real ones most of the time, so that they get past 404.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any
from uuid import UUID

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.conformance import Conformance, committed
from tests.stack.client import PATIENCE_S, Stack, note

SEED = 20_261_125
# Left out: positive_data_acceptance, because what is valid by its schema can contradict what is
# recorded; ignored_auth, because the walk of access asks every route without a token.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
# API Gateway refuses more than 10,240 bytes of request line and headers before any function is
# asked; the local server refuses a line of 8,190.
LONGEST_URL = 8_000
CALLERS = ("nobody", "stranger", "participant", "sender", "admin", "service")
UNTOUCHED, GONE = "as generated", "gone"
PICKS = (UNTOUCHED, "ready", "ready", "pending", "pending", GONE)
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Any]
Say = Callable[[str], None]


@dataclass
class Things:
    """What exists in the stack: ids by what they are ids of, and in which state it is."""

    stack: Stack
    ids: dict[str, dict[str, str]] = field(default_factory=dict)

    def renew(self) -> None:
        """A conversation with a ready, a pending and a deleted attachment, and gone ones."""
        stack = self.stack
        conversation, gone_conversation = stack.conversation(), stack.conversation()
        message, gone_message = stack.message(conversation), stack.message(conversation)
        stack.sync("DELETE", f"/conversations/{gone_conversation}/", {"version": 2})
        stack.sync("DELETE", f"/messages/{gone_message}/", {"version": 2})
        deleted = stack.sender.ask(message, note())["id"]
        stack.sender.delete(f"/attachments/{deleted}/")
        self.ids = {
            "attachment_id": {
                "ready": stack.sender.upload(message, note())["id"],
                "pending": stack.sender.ask(message, note())["id"],
                GONE: deleted,
            },
            "message_id": {"ready": message, "pending": message, GONE: gone_message},
            "conversation_id": {
                "ready": conversation,
                "pending": conversation,
                GONE: gone_conversation,
            },
        }

    def put_into(self, values: Any, pick: str) -> Any:
        """Parameters or a body with real ids in the place of generated ones."""
        if not isinstance(values, dict):
            return values
        if values.get("user_id") in CALLERS:  # the examples name them, and they must not be erased
            return {**values, "user_id": "somebody-else"}
        if pick == UNTOUCHED:
            return values
        return {
            name: self.ids[name][pick] if name in self.ids and _is_id(value) else value
            for name, value in values.items()
        }


def _is_id(value: object) -> bool:
    """An id that was broken on purpose stays broken."""
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


@dataclass
class Fuzz:
    """Sends requests and keeps what was wrong with the answers.

    Of each operation, `examples` are made at its bounds, as many valid and as many invalid ones;
    each is sent as every caller.
    """

    stack: Stack
    examples: int
    seed: int = SEED
    calls: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._things = Things(self.stack)
        self._documented = Conformance(committed())
        self._session = requests.Session()
        # The tokens are ours, so none are made up and none are broken on purpose.
        self._schema = schemathesis.openapi.from_dict({**committed(), "security": []})
        self._schema.config.update(base_url=self.stack.api)

    def run(self, say: Say = print) -> None:
        """Everything; `say` gets a line for each operation."""
        with self._session:
            for found in self._schema.get_all_operations():
                assert isinstance(found, Ok), found
                operation, before = found.ok(), self.calls
                self._things.renew()
                self._at_the_bounds(operation)
                for mode in MODES:
                    self._generated(operation, mode)
                say(f"{operation.label}: {self.calls - before} calls")

    def _at_the_bounds(self, operation: Operation) -> None:
        """The first of the cases at the bounds, of which some operations have hundreds."""
        cases = self._schema.iter_coverage_cases(
            operation,
            generation_modes=list(MODES),
            generation_config=self._schema.config.generation,
        )
        for case, pick in zip(islice(cases, self.examples), cycle(PICKS), strict=False):
            self._send(case, pick)

    def _generated(self, operation: Operation, mode: schemathesis.GenerationMode) -> None:
        @seed(self.seed)
        @settings(
            max_examples=self.examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), pick=st.sampled_from(PICKS))
        def one(case: Case, pick: str) -> None:
            self._send(case, pick)

        try:
            one()
        except Unsatisfiable:
            assert mode is schemathesis.GenerationMode.NEGATIVE  # nothing in it can be wrong

    def _send(self, case: Case, pick: str) -> None:
        """The request as everybody; the service and admins last, for they can delete things."""
        for part in ("path_parameters", "body"):
            generated = getattr(case, part)
            real = self._things.put_into(generated, pick)
            if real != generated:  # what is set is judged anew: whether it is valid
                setattr(case, part, real)
        case.headers.pop("Authorization", None)
        for who in CALLERS:
            token = self.stack.description["tokens"].get(who)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            response = case.call(session=self._session, headers=headers, timeout=PATIENCE_S)
            if len(response.request.url or "") > LONGEST_URL:
                return
            self.calls += 1
            self.statuses[response.status_code] += 1
            self._check(case, who, response)

    def _check(self, case: Case, who: str, response: schemathesis.Response) -> None:
        # Who somebody is comes before what they ask for: a strange method may be 401 or 403 first.
        excluded = [unsupported_method] if response.status_code in (401, 403) else []
        try:
            case.validate_response(response, checks=CHECKS, excluded_checks=excluded)
        except FailureGroup as failures:
            self._note(case, who, response.status_code, str(failures))
        said = {name: values[0] for name, values in response.headers.items()}
        broken = self._documented.broken(
            case.method, case.formatted_path, response.status_code, said, response.text
        )
        if broken:
            self._note(case, who, response.status_code, "\n".join(broken))

    def _note(self, case: Case, who: str, status: int, told: str) -> None:
        """The first of each kind is enough to mend it."""
        self.wrong.setdefault(f"{case.method} {case.path} as {who}: {status}", told)
