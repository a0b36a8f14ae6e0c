"""What tests of several folders share."""

import json
import os
import threading
from collections.abc import Iterator
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
    """A JWKS address on the loopback: it answers with `status` and `document`."""

    url: str = ""
    document: Any = field(default_factory=lambda: {"keys": []})
    status: int = 200
    requests: int = 0


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    keys = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.requests += 1
            body = json.dumps(keys.document).encode()
            self.send_response(keys.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:  # quiet
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    keys.url = f"http://127.0.0.1:{server.server_port}/keys"
    yield keys
    server.shutdown()
    thread.join()
    server.server_close()
