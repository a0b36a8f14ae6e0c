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
    """`parts` counts the PUTs that began, by part number."""

    parts: Counter[int] = field(default_factory=Counter)
    _sender: int = 0
    _until: int | None = None
    _interrupt: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def interrupt_after(self, until: int | None, interrupt: Callable[[], None]) -> None:
        """Call `interrupt` once, as soon as so many more bytes of parts have passed.

        A new sender is at work: what is still on its way from the one before does not count.
        """
        with self._lock:
            self._sender += 1
            self._until, self._interrupt = until, interrupt

    def begun(self, part: int) -> int:
        """Who sends the part."""
        with self._lock:
            self.parts[part] += 1
            return self._sender

    def passed(self, count: int, sender: int) -> None:
        with self._lock:
            if self._until is None or sender != self._sender:
                return
            self._until -= count
            if self._until <= 0:
                self._until = None
                self._interrupt()


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
            counted = self.command == "PUT" and int(part) > 0
            sender = traffic.begun(int(part)) if counted else None
            upstream = http.client.HTTPConnection(url.netloc, timeout=60)
            with suppress(ConnectionError):  # so is a request that was cut off
                self._send(upstream, f"{url.path}?{url.query}", sender)
                self._answer(upstream.getresponse())
            upstream.close()

        def _send(
            self, upstream: http.client.HTTPConnection, target: str, sender: int | None
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
                if sender is not None:
                    traffic.passed(len(piece), sender)

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
