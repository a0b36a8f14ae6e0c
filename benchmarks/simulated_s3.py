"""A simulated S3 on the loopback: as slow as the real one, and otherwise not in the way.

It answers HEAD and GET (with Range, If-Match and versionId) for the files of a folder, whoever
signed. A request waits before its first byte, and bytes pass at a rate for each connection and
for all together. It runs in a process of its own; `GET /-/counters` tells what it has sent.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.token_bucket import TokenBucket

MB = 1_000_000
CHUNK_BYTES = 64 * 1024
BUCKET = "benchmark"
VERSION_ID = "one-and-only"
COUNTERS = "/-/counters"
BYTE_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Simulation:
    """How slow it is; the rates are in MB (a million bytes) a second."""

    first_byte_ms: float = 30
    connection_mb_s: float = 60
    total_mb_s: float = 75


@dataclass
class Counters:
    requests: int = 0
    bytes: int = 0


class Store(ThreadingHTTPServer):
    """The server; `folder` holds the objects."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: Path, simulation: Simulation) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder = folder
        self.simulation = simulation
        self.total = TokenBucket(simulation.total_mb_s * MB)
        self.counters = Counters()
        self.lock = Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may leave in the middle of an answer: ours does when it has seen enough."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def count(self, *, requests: int = 0, sent_bytes: int = 0) -> None:
        with self.lock:
            self.counters.requests += requests
            self.counters.bytes += sent_bytes


class Answer(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Store

    def setup(self) -> None:
        super().setup()
        self._rate = TokenBucket(self.server.simulation.connection_mb_s * MB)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        if self.path == COUNTERS:
            self._counters()
        else:
            self._answer(body=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        pass

    def _counters(self) -> None:
        with self.server.lock:
            content = json.dumps(vars(self.server.counters)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, *, body: bool) -> None:
        time.sleep(self.server.simulation.first_byte_ms / 1000)
        self.server.count(requests=1)
        url = urlsplit(self.path)
        path = self._file(unquote(url.path))
        version_id = parse_qs(url.query).get("versionId", [VERSION_ID])[0]
        if path is None or version_id != VERSION_ID:
            self._refuse(404, "NoSuchKey", body=body)
            return
        status = path.stat()
        etag = f'"{hashlib.md5(f"{path} {status.st_mtime_ns}".encode()).hexdigest()}"'  # noqa: S324
        if self.headers.get("If-Match", etag) != etag:
            self._refuse(412, "PreconditionFailed", body=body)
            return
        wanted = self._wanted(status.st_size)
        if not wanted:
            self._refuse(416, "InvalidRange", body=body)
            return
        self._describe(wanted, status, etag)
        if body:
            self._send(path, wanted)

    def _file(self, path: str) -> Path | None:
        _, bucket, *names = path.split("/")
        file = self.server.folder.joinpath(*names)
        inside = bucket == BUCKET and ".." not in names and file.is_file()
        return file if inside else None

    def _wanted(self, size: int) -> range:
        match = BYTE_RANGE.fullmatch(self.headers.get("Range", ""))
        if not match:
            return range(size)
        return range(int(match[1]), min(int(match[2] or size) + 1, size))

    def _describe(self, wanted: range, status: os.stat_result, etag: str) -> None:
        partial_content = "Range" in self.headers
        self.send_response(206 if partial_content else 200)
        if partial_content:
            self.send_header("Content-Range", f"bytes {wanted[0]}-{wanted[-1]}/{status.st_size}")
        self.send_header("Content-Length", str(len(wanted)))
        self.send_header("Content-Type", "binary/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", formatdate(status.st_mtime, usegmt=True))
        self.send_header("ETag", etag)
        self.send_header("x-amz-version-id", VERSION_ID)
        self.end_headers()

    def _refuse(self, status: int, code: str, *, body: bool) -> None:
        content = f"<Error><Code>{code}</Code></Error>".encode() if body else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send(self, path: Path, wanted: range) -> None:
        self.wfile.flush()
        position = wanted.start
        try:
            with path.open("rb") as file:
                while position < wanted.stop:
                    count = min(CHUNK_BYTES, wanted.stop - position)
                    passed_at = max(self._rate.reserve(count), self.server.total.reserve(count))
                    time.sleep(max(passed_at - time.monotonic(), 0))
                    position += os.sendfile(
                        self.connection.fileno(), file.fileno(), position, count
                    )
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client has seen enough
        finally:
            self.server.count(sent_bytes=position - wanted.start)


class SimulatedS3:
    """The server's process, for as long as the `with` block lasts."""

    def __init__(self, folder: Path, simulation: Simulation) -> None:
        options = (f"--{name}={value}" for name, value in flags(simulation).items())
        self._command = [
            *(sys.executable, "-m", "benchmarks.simulated_s3", "--folder", str(folder)),
            *options,
        ]
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("The simulated S3 did not start.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()  # closes its stdin, which ends it

    def counters(self) -> Counters:
        """What it has answered since it started."""
        with urllib.request.urlopen(self.url + COUNTERS) as answer:  # noqa: S310 - ours
            return Counters(**json.load(answer))


def add_flags(parser: argparse.ArgumentParser) -> None:
    usual = Simulation()
    flag = partial(parser.add_argument, type=float, help="usually %(default)s")
    flag("--first-byte-ms", default=usual.first_byte_ms)
    flag("--connection-mb-s", default=usual.connection_mb_s)
    flag("--total-mb-s", default=usual.total_mb_s)


def simulation_of(arguments: argparse.Namespace) -> Simulation:
    return Simulation(arguments.first_byte_ms, arguments.connection_mb_s, arguments.total_mb_s)


def flags(simulation: Simulation) -> dict[str, float]:
    """The simulation as the values of its command line flags."""
    return {
        "first-byte-ms": simulation.first_byte_ms,
        "connection-mb-s": simulation.connection_mb_s,
        "total-mb-s": simulation.total_mb_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the objects")
    add_flags(parser)
    arguments = parser.parse_args()
    server = Store(arguments.folder, simulation_of(arguments))
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # ends when whoever started us does


if __name__ == "__main__":
    main()
