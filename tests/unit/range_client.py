"""Objects for the range server to serve, and clients that ask it for them."""

import http.client
import random
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from functions.inspect_upload.range_server import RangeServer

KIB, MIB = 1024, 1024 * 1024
PATIENCE_S = 10
PIECE_BYTES = 50_000  # no divisor of a block


class MemoryReader:
    """An object in memory, sent in odd pieces; `error` fails its reads.

    `gate` holds them back; after `stall_after` bytes of a read, `stalled` does.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.stall_after: int | None = None
        self.stalled = threading.Event()
        self.error: Exception | None = None

    @property
    def size(self) -> int:
        return len(self.data)

    def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
        self.asked.append((start, length))
        assert self.gate.wait(PATIENCE_S)
        if self.error:
            raise self.error
        stop = min(start + length, self.size)
        for at in range(start, stop, PIECE_BYTES):
            if self.stall_after is not None and at - start >= self.stall_after:
                assert self.stalled.wait(PATIENCE_S)
            yield self.data[at : min(at + PIECE_BYTES, stop)]


class StoreError(Exception):
    pass


def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(PATIENCE_S / 1000)
    raise AssertionError


def fetching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "range-fetch"]


def object_of(size: int) -> MemoryReader:
    return MemoryReader(random.Random(size).randbytes(size))


@contextmanager
def connected(server: RangeServer) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(
        "127.0.0.1", urlsplit(server.url).port or 0, timeout=PATIENCE_S
    )
    try:
        yield connection
    finally:
        connection.close()


def ask(
    server: RangeServer, byte_range: str | None = None, *, method: str = "GET", path: str = ""
) -> tuple[http.client.HTTPResponse, bytes]:
    with connected(server) as connection:
        headers = {"Range": byte_range} if byte_range else {}
        connection.request(method, path or urlsplit(server.url).path, headers=headers)
        response = connection.getresponse()
        return response, response.read()


@contextmanager
def raw(server: RangeServer) -> Iterator[socket.socket]:
    address = ("127.0.0.1", urlsplit(server.url).port or 0)
    with socket.create_connection(address, timeout=PATIENCE_S) as client:
        yield client


def everything_from(client: socket.socket) -> bytes:
    received = bytearray()
    with suppress(ConnectionResetError):
        while piece := client.recv(64 * KIB):
            received += piece
    return bytes(received)


BIG = random.Random(1).randbytes(3 * MIB + 12_345)
