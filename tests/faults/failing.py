"""One operation of AWS that fails, within this process; and what the activity log then says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from moto.core.models import botocore_stubber

from attachments import wiring
from attachments.model import Action, Attachment
from tests.faults.boundaries import AtOperation, Fault

# What the event goes back to the queue for.
TRANSIENT = (ClientError, HTTPClientError, IncompleteReadError, EOFError)


def actions(attachment: Attachment) -> list[Action]:
    log = wiring.activity()
    entries = [log.read(item) for item in log.of_attachment(attachment.id, after=None)]
    return [entry.action for entry in entries if entry.action is not Action.UPLOAD_REQUESTED]


def by_moto(request: AWSPreparedRequest) -> AWSResponse:
    answer = botocore_stubber("before-send", request)
    assert answer is not None
    return answer


class WithinMoto(AtOperation):
    """Where moto is a part of the SDK: what is answered here, it must not do as well."""

    def watch(self, *clients: Any) -> None:
        super().watch(*clients)
        for client in clients:
            client.meta.events.register_last("before-send", self._go_on, "go on")

    def leave(self, *clients: Any) -> None:
        super().leave(*clients)
        for client in clients:
            client.meta.events.unregister("before-send", self._go_on, "go on")

    def _before_send(
        self, request: AWSPreparedRequest, event_name: str, **_: Any
    ) -> AWSResponse | None:
        answer = super()._before_send(request, event_name)
        botocore_stubber.enabled = answer is None
        return answer

    def _go_on(self, **_: Any) -> None:
        botocore_stubber.enabled = True


@contextmanager
def failing(fault: Fault, operation: str) -> Iterator[None]:
    clients = wiring.dynamodb(), wiring.storage()._client
    boundaries = WithinMoto(fault, send=by_moto, operation=operation)
    boundaries.watch(*clients)
    try:
        yield
    finally:
        boundaries.leave(*clients)
    assert boundaries.met
