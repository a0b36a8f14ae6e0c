"""What tests of several folders share."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import hypothesis
import pytest

from tests.fakes import World

# The same examples in every run, and no failure because a machine is busy.
hypothesis.settings.register_profile("tests", derandomize=True, deadline=None)
hypothesis.settings.load_profile("tests")

# Logs are read by people; tests read what is raised and answered.
os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")


@pytest.fixture
def world() -> World:
    return World()


@dataclass
class KeyServer:
    """A JWKS address on the loopback: it answers with `status` and `document`.

    `body` stands for the document as bytes, sent in pieces `pause_s` apart; `headers` go with it.
    """

    url: str = ""
    document: Any = field(default_factory=lambda: {"keys": []})
    status: int = 200
    requests: int = 0
    body: bytes | None = None
    pause_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    keys = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.requests += 1
            body = json.dumps(keys.document).encode() if keys.body is None else keys.body
            self.send_response(keys.status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in keys.headers.items():
                self.send_header(name, value)
            self.end_headers()
            pieces = [body[n : n + 1] for n in range(len(body))] if keys.pause_s else [body]
            with suppress(OSError):  # the other side gave up
                for piece in pieces:
                    if keys.stopped.wait(keys.pause_s):
                        return
                    self.wfile.write(piece)

        def log_message(self, *_: object) -> None:  # quiet
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    keys.url = f"http://127.0.0.1:{server.server_port}/keys"
    yield keys
    keys.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()
