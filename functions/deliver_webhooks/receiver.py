"""The one that webhooks are posted to: dialled where it was looked up, and bounded in time."""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Timer
from urllib.parse import urlsplit

from functions.deliver_webhooks.addresses import UnreachableError, addresses_of

CONNECT_S = 3.0  # to one of its addresses
DEADLINE_S = 10.0  # for TLS, and then for sending and the head of the answer
PORTS = {"https": 443, "http": 80}


class NotTakenError(Exception):
    """The receiver did not take a webhook; the message says why, in one of few ways.

    `retry_after_s` is when it asks to be tried again, or 0.
    """

    def __init__(self, message: str, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Receiver:
    """An https URL, or with `allow_loopback` also an http one on this machine."""

    url: str
    allow_loopback: bool = False
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    deadline_s: float = DEADLINE_S

    def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send it once. Raises NotTakenError for all but an answer of 200 to 299.

        A redirect is not followed, and of an answer nothing but the head is read.
        """
        target = urlsplit(self.url)
        host, secure = target.hostname or "", target.scheme == "https"
        if not host or not (secure or self.allow_loopback):
            raise NotTakenError("its URL is not https")
        try:
            port = target.port or PORTS[target.scheme]
        except ValueError as error:
            raise NotTakenError("its URL has no such port") from error
        path = target.path or "/"
        asked = f"{path}?{target.query}" if target.query else path
        with closing(self._connected(host, port, secure=secure)) as line:
            # It is given the line, and never makes one.
            connection = HTTPConnection(host, port)
            connection.default_port = PORTS[target.scheme]  # that `Host` does not name
            connection.sock = line
            answer = self._answer(connection, line, asked, body, headers)
        if not 200 <= answer.status < 300:
            raise NotTakenError(f"it answers {answer.status}", _retry_after(answer))

    def _connected(self, host: str, port: int, *, secure: bool) -> socket.socket:
        try:
            addresses = addresses_of(host, port, allow_loopback=self.allow_loopback)
        except UnreachableError as error:
            raise NotTakenError(str(error)) from error
        for address in addresses:
            with suppress(OSError):
                line = socket.create_connection((address, port), CONNECT_S)
                break
        else:
            raise NotTakenError("nobody answers at its address")
        line.settimeout(self.deadline_s)
        try:
            return self.tls.wrap_socket(line, server_hostname=host) if secure else line
        except ssl.SSLCertVerificationError as error:
            raise NotTakenError("its certificate is not valid") from error
        except OSError as error:
            raise NotTakenError("it does not speak TLS with us") from error

    def _answer(
        self,
        connection: HTTPConnection,
        line: socket.socket,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> HTTPResponse:
        until = time.monotonic() + self.deadline_s
        try:
            with _cut_after(line, self.deadline_s):
                connection.request("POST", path, body, dict(headers))
                answer = connection.getresponse()
        except (OSError, HTTPException, ValueError) as error:
            late = time.monotonic() >= until
            said = "it does not answer in time" if late else "it does not answer as HTTP does"
            raise NotTakenError(said) from error
        if time.monotonic() >= until:  # a head that was cut looks like one that has ended
            raise NotTakenError("it does not answer in time")
        return answer


@contextmanager
def _cut_after(line: socket.socket, seconds: float) -> Iterator[None]:
    """A timeout of the socket begins anew with every byte that trickles in; this one does not."""
    timer = Timer(seconds, _cut, [line])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # that of the TLS socket is not thread-safe


def _retry_after(answer: HTTPResponse) -> int:
    """RFC 9110, section 10.2.3, in seconds; dates are passed over."""
    said = answer.getheader("retry-after") or ""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 9 else 0
