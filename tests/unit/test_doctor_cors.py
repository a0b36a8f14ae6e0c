"""The doctor before an API whose answers something in front of it has changed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from deployment.doctor import trip
from deployment.doctor.checks import WrongError
from deployment.stacks import Stack

ORIGIN = "https://chat.example"
WHOLE = {
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
    "Access-Control-Expose-Headers": "ETag, Location, Retry-After, X-Request-Id, RateLimit",
}


@contextmanager
def api(**changed: str) -> Iterator[Stack]:
    """A stack whose API answers everything with these CORS headers."""
    headers = WHOLE | {f"Access-Control-{name.replace('_', '-')}": v for name, v in changed.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def do_OPTIONS(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Stack(
                name="behind a proxy",
                session=boto3.Session(),
                outputs={"ApiUrl": f"http://127.0.0.1:{server.server_port}"},
                parameters={"AllowedOrigins": ORIGIN},
            )
        finally:
            server.shutdown()
            thread.join()


def test_an_api_as_it_should_be_is_green() -> None:
    with api() as stack:
        assert trip.cors(stack) == f"browsers of {ORIGIN} may call the API"


@pytest.mark.parametrize(
    ("header", "value", "says"),
    [
        ("Allow_Origin", "https://another.example", f"does not allow {ORIGIN}"),
        ("Allow_Headers", "Authorization, Content-Type", "the header idempotency-key"),
        ("Expose_Headers", "ETag, Location", "may not read the API's ratelimit, retry-after"),
    ],
)
def test_what_is_stripped_on_the_way_is_said(header: str, value: str, says: str) -> None:
    with api(**{header: value}) as stack, pytest.raises(WrongError, match=says):
        trip.cors(stack)
