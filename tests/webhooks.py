"""A receiver of webhooks on the loopback that answers as it is told, and keeps what came."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

Json = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Json:
        """The event, by a library that is not ours. Raises WebhookVerificationError."""
        event: Json = Webhook(secret).verify(self.body, self.headers)
        return event


@dataclass
class Inbox:
    """Answers with the next of `statuses`, then with 204; `headers` go with every answer.

    `instead` is called in place of an answer, with the request's handler.
    """

    url: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    instead: Callable[[BaseHTTPRequestHandler], None] | None = None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].partition("/")[0])


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Inbox]:
    """A receiver while the context lasts."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            inbox.deliveries.append(Delivery(self.path, headers, body))
            if inbox.instead:
                inbox.instead(self)
                return
            self.send_response(inbox.statuses.pop(0) if inbox.statuses else 204)
            for name, value in inbox.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: Any, client_address: Any) -> None:
            try:  # the handshake is this request's thread's, not the listener's
                line = tls.wrap_socket(request, server_side=True) if tls else request
            except OSError:
                return
            super().finish_request(line, client_address)
            line.close()

        def handle_error(self, *_: object) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    inbox.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
