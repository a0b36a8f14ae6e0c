"""A receiver to try webhooks with: verifies each and shows it, until Ctrl-C.

    python -m deployment.receive_webhooks .local/stack.json      of a local stack
    python -m deployment.receive_webhooks offchat-attachments    of a deployed one, by its name

It listens on loopback: a local stack with `WebhookUrl=http://127.0.0.1:9700/` posts to it, a
deployed one through a tunnel of yours that has an https address. Verified is by the library that
any receiver may use, and what does not verify is answered with 401.
"""

import argparse
import json
import signal
import sys
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from deployment import stacks
from deployment.watch_events import line

PORT = 9700
MAX_BYTES = 64 * 1024
Json = dict[str, Any]


@dataclass
class Desk:
    """Where webhooks come in. The first `refusals` of them are answered with 503."""

    stack: str
    refusals: int = 0
    as_json: bool = False
    _seen: set[str] = field(default_factory=set)

    def answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """The status, and what to show. Raises UnknownStackError, ClientError."""
        event = self._verified(body, headers)
        if event is None:
            return 401, "a webhook that does not verify: refused with 401"
        shown = line({"detail": event})
        if self.refusals > 0:
            self.refusals -= 1
            return 503, f"{shown}  refused with 503, comes again"
        again = "  once more" if event["id"] in self._seen else ""
        self._seen.add(event["id"])
        return 204, json.dumps(event) if self.as_json else shown + again

    def _verified(self, body: bytes, headers: dict[str, str]) -> Json | None:
        for secret in secrets_of(stacks.of(self.stack)):
            try:
                event: Json = Webhook(secret).verify(body, headers)
            except (WebhookVerificationError, ValueError):
                continue
            return event
        return None


def secrets_of(stack: stacks.Stack) -> list[str]:
    """Those that sign a stack's webhooks. Raises UnknownStackError where it sends none."""
    secret = stack.resource("WebhookSecret")
    answer = stack.client("secretsmanager").get_secret_value(SecretId=secret)
    return str(answer["SecretString"]).split()


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    desk: Desk

    def do_POST(self) -> None:
        size = self.headers.get("content-length", "")
        if not (size.isascii() and size.isdigit() and int(size) <= MAX_BYTES):
            self._end(413, "a webhook without a length, or a large one: refused with 413")
            return
        body = self.rfile.read(int(size))
        try:
            self._end(*self.desk.answer(body, dict(self.headers.items())))
        except (stacks.UnknownStackError, BotoCoreError, ClientError) as error:
            self._end(500, str(error))

    def _end(self, status: int, said: str) -> None:
        print(said, file=sys.stdout if status == 204 else sys.stderr, flush=True)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """What there is to say is said by `_end`."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make webhook-receiver", description="Verify and show webhooks, as they come."
    )
    parser.add_argument("stack", help="a stack.json, or the name of a deployed stack")
    parser.add_argument("--port", type=int, default=PORT, help=f"on 127.0.0.1 ({PORT})")
    parser.add_argument(
        "--refuse", type=int, default=0, metavar="N", help="answer the first N with 503"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document a line, for scripts")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    desk = Desk(chosen.stack, refusals=chosen.refuse, as_json=chosen.json)
    handler = type("Handler", (_Handler,), {"desk": desk})
    try:
        server = ThreadingHTTPServer(("127.0.0.1", chosen.port), handler)
    except (OSError, OverflowError) as error:
        print(f"Port {chosen.port} cannot be listened on: {error}", file=sys.stderr)
        return 1
    with server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"Waiting for webhooks at {address} until Ctrl-C.", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
