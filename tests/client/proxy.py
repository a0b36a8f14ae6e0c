"""An HTTP proxy on loopback that counts what passes, and can interrupt who sends it."""

import http.client
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PIECE_BYTES = 64 * 1024
OF_ONE_CONNECTION = {"connection", "keep-alive", "proxy-connection", "transfer-encoding"}


@dataclass
class Traffic:
    """`parts` counts the PUTs that began, by part number.

    `interrupt` is called once, as soon as `interrupt_at` bytes of parts have passed.
    """

    parts: Counter[int] = field(default_factory=Counter)
    sent_bytes: int = 0
    interrupt_at: int | None = None
    interrupt: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begun(self, part: int) -> None:
        with self._lock:
            self.parts[part] += 1

    def passed(self, count: int) -> None:
        with self._lock:
            self.sent_bytes += count
            if self.interrupt_at is not None and self.sent_bytes >= self.interrupt_at:
                self.interrupt_at = None
                self.interrupt()


@contextmanager
def counting(traffic: Traffic) -> Iterator[str]:
    """The proxy's address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):  # the sender is gone
                super().handle()

        def _forward(self) -> None:
            url = urlsplit(self.path)
            [part] = parse_qs(url.query).get("partNumber", ["0"])
            if self.command == "PUT" and int(part):
                traffic.begun(int(part))
            upstream = http.client.HTTPConnection(url.netloc, timeout=60)
            with suppress(ConnectionError):  # so is a request that was cut off
                self._send(upstream, f"{url.path}?{url.query}", counted=int(part) > 0)
                self._answer(upstream.getresponse())
            upstream.close()

        def _send(
            self, upstream: http.client.HTTPConnection, target: str, *, counted: bool
        ) -> None:
            upstream.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in OF_ONE_CONNECTION:
                    upstream.putheader(name, value)
            upstream.endheaders()
            left = int(self.headers.get("Content-Length", 0))
            while left:
                piece = self.rfile.read1(min(left, PIECE_BYTES))
                if not piece:
                    raise ConnectionError("the sender is gone")
                left -= len(piece)
                upstream.send(piece)
                if counted:
                    traffic.passed(len(piece))

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            body = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in OF_ONE_CONNECTION | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _forward  # noqa: N815 (http.server's names)

        def log_message(self, *_: object) -> None:  # quiet
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
