"""What the functions say when things happen to them: figures, and the fields of their logs."""

import io
import json
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import pytest

from attachments import metrics, wiring
from attachments.model import Status
from functions.announce import app as announce
from functions.announce.announcer import Announcer
from functions.deliver_webhooks import app as deliver_webhooks
from functions.inspect_upload import app as inspect_upload
from functions.sweep.sweep import STUCK_AFTER
from local.template import STACK_NAME
from tests.builders import ADMIN, MESSAGE, SENDER, SERVICE, in_state, pending
from tests.conftest import KeyServer
from tests.doors import opened
from tests.fakes import MemoryCounters, World
from tests.faults import calls
from tests.faults.cloud import cloud
from tests.faults.scene import Scene
from tests.streamed import record as streamed
from tests.webhooks import receiving

ROOT = Path(__file__).parents[2]
NO_ID = "00000000-0000-7000-8000-000000000000"
SERVICE_NAME = "service_undefined"  # what Powertools calls a service without a name
Entry = dict[str, Any]


@dataclass
class Observed:
    """Metrics as (namespace, name, dimensions with what they were), and entries of the log."""

    metrics: set[tuple[str, str, frozenset[tuple[str, str]]]] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)

    @property
    def fields(self) -> set[str]:
        return {name for entry in self.entries for name in entry}

    @property
    def messages(self) -> set[str]:
        return {entry["message"] for entry in self.entries if "message" in entry}

    def take(self, printed: str) -> None:
        for line in printed.splitlines():
            entry = json.loads(line)
            self.entries.append(entry)
            for directive in entry.get("_aws", {}).get("CloudWatchMetrics", []):
                for names in directive["Dimensions"]:
                    dimensions = frozenset((name, entry[name]) for name in names)
                    self.metrics |= {
                        (directive["Namespace"], metric["Name"], dimensions)
                        for metric in directive["Metrics"]
                    }


def observe(key_server: KeyServer) -> Observed:
    """Everything that is measured happens once, through the functions' own doors."""
    observed, printed = Observed(), io.StringIO()
    with ExitStack() as stack:
        environment = {metrics.NAMESPACE: STACK_NAME, "FFMPEG_DIR": "/nowhere", "MAX_RECEIVES": "3"}
        stack.enter_context(patch.dict(os.environ, environment))
        stack.enter_context(redirect_stdout(printed))
        stack.enter_context(_logged_to(printed))
        _ask(key_server)
        _inspect_and_sweep()
        _announce()
        _deliver()
    observed.take(printed.getvalue())
    return observed


class _logged_to:  # noqa: N801
    """The functions' loggers write to a stream too, from INFO on."""

    def __init__(self, stream: io.StringIO) -> None:
        self._top = logging.getLogger(SERVICE_NAME)
        names = [name for name in logging.root.manager.loggerDict if name.startswith(SERVICE_NAME)]
        self._levels = {name: logging.getLogger(name).level for name in names}
        self._handler = logging.StreamHandler(stream)
        self._handler.setFormatter(self._top.handlers[0].formatter)

    def __enter__(self) -> None:
        self._top.addHandler(self._handler)
        for name in self._levels:
            logging.getLogger(name).setLevel(logging.INFO)

    def __exit__(self, *_: object) -> None:
        self._top.removeHandler(self._handler)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)


def _ask(key_server: KeyServer) -> None:
    """A request to each function of the API: answered, refused, limited, failed."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        opened(World(), key_server, monkeypatch) as doors,
    ):
        doors.world.chat.put_conversation("c", [SENDER.user_id], 1)
        for function, method, path, caller in (
            ("issue_upload", "POST", "/api/chat/upload/", SENDER),
            ("serve_attachments", "GET", f"/api/chat/attachments/{NO_ID}/", SENDER),
            ("sync_chat", "DELETE", f"/api/chat/messages/{MESSAGE}/", SERVICE),
            ("report", "GET", "/api/chat/reports/activity/", ADMIN),
        ):
            doors.call(function, method, path, caller=caller)
        broken: Callable[..., Any] = _breaks
        monkeypatch.setattr(wiring, "catalog", broken)
        answer = doors.call("serve_attachments", "GET", f"/api/chat/attachments/{NO_ID}/")
        assert answer.status == 500


def _breaks() -> None:
    raise RuntimeError("the table is away")


def _inspect_and_sweep() -> None:
    """One file is ready, one refused, one fails; bytes vanish; an upload is stuck."""
    inspect_upload.inspection.cache_clear()
    with cloud("observed") as made:
        scene = Scene(made)
        scene.begin_anew()
        for number, body in ((1, b"no video"), (2, b"no video either")):
            attachment = scene.pending(number, body=body)
            event = calls.created(made.settings.bucket, attachment.upload_key)
            if number == 1:
                calls.deliver(event)
                continue
            with (
                patch.object(wiring.storage(), "head", side_effect=RuntimeError),
                pytest.raises(RuntimeError),
            ):
                calls.deliver(event)
        note = replace(scene.pending(5), file_size=4, mime_type="text/plain", video_only=False)
        wiring.catalog().change(replace(note, revision=note.revision + 1), None)
        made.s3.put_object(Bucket=made.settings.bucket, Key=note.upload_key, Body=b"note")
        calls.deliver(calls.created(made.settings.bucket, note.upload_key))
        lost = scene.ready(3)
        assert lost.version is not None
        wiring.storage().delete_version(lost.upload_key, lost.version.version_id)
        assert lost.thumbnail is not None
        wiring.storage().delete_all(lost.thumbnail_prefix)
        scene.pending(4)
        made.clock.pass_time(STUCK_AFTER * 20)
        assert calls.sweep()["stuck"] >= 1
        assert calls.sweep()["usage_drift"] >= 1  # nobody counts here
    inspect_upload.inspection.cache_clear()


def _announce() -> None:
    class Bus:
        def put_events(self, *, Entries: list[Entry]) -> Entry:  # noqa: N803
            return {"Entries": [{"EventId": "1"} for _ in Entries]}

    bus: Any = Bus()
    change = streamed(pending(), in_state(pending(), Status.READY))
    counters = MemoryCounters()
    with (
        patch.object(announce, "announcer", lambda: Announcer(bus, "the-bus")),
        patch.object(wiring, "counters", lambda: counters),
    ):
        answer = announce.handler({"Records": [change]}, None)  # type: ignore[arg-type]
    assert answer == {"batchItemFailures": []}


def _deliver() -> None:
    """A webhook that is taken, and one that is not."""
    secrets, queue = Mock(), Mock()
    secrets.get_secret_value.return_value = {"SecretString": "A" * 64}
    event = json.loads((ROOT / "events" / "deliver_webhooks.json").read_text())
    [record] = event["Records"]
    with (
        receiving() as inbox,
        patch.object(wiring, "secrets_manager", lambda: secrets),
        patch.object(wiring, "sqs", lambda: queue),
        patch.dict(
            os.environ,
            WEBHOOK_URL=inbox.url,
            WEBHOOK_SECRET_ARN="the-secret",
            WEBHOOKS_QUEUE="the-queue",
            WEBHOOKS_TO_LOOPBACK="yes",
        ),
    ):
        inbox.statuses = [503, 204]
        deliver_webhooks.receiver.cache_clear()
        deliver_webhooks.secrets.cache_clear()
        refused, taken = (
            deliver_webhooks.handler(event, None)["batchItemFailures"]  # type: ignore[arg-type]
            for _ in range(2)
        )
        deliver_webhooks.receiver.cache_clear()
        deliver_webhooks.secrets.cache_clear()
    assert (refused, taken) == ([{"itemIdentifier": record["messageId"]}], [])
