"""The range server when the store fails, clients misbehave, and it ends."""

import http.client
import socket
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest

from functions.inspect_upload.block_cache import BLOCK_BYTES, ClosedError
from functions.inspect_upload.range_server import (
    CONNECTIONS_MAX,
    HEAD_BYTES,
    REQUEST_HEAD_DEADLINE_S,
    REQUEST_HEAD_MAX,
    TAIL_BYTES,
    RangeServer,
)
from tests.unit.range_client import (
    BIG,
    MIB,
    PATIENCE_S,
    PIECE_BYTES,
    MemoryReader,
    StoreError,
    ask,
    connected,
    eventually,
    everything_from,
    fetching,
    object_of,
    raw,
)

# when the store fails


def test_a_failure_of_the_store_is_kept_and_ends_connections() -> None:
    reader = MemoryReader(BIG)
    with RangeServer(reader) as server:
        assert server.head
        assert server.tail
        reader.error = StoreError("slow down")
        with connected(server) as connection:
            connection.request("GET", urlsplit(server.url).path)
            with pytest.raises(http.client.IncompleteRead):
                connection.getresponse().read()
        assert server.failure is reader.error
        with pytest.raises(StoreError):
            server.read(2 * MIB, 1)
        assert not server.exhausted


def test_a_failed_head_is_raised_to_who_wants_it() -> None:
    reader = MemoryReader(BIG)
    reader.error = StoreError("no")
    with RangeServer(reader) as server:
        with pytest.raises(StoreError):
            _ = server.head
        assert server.failure is reader.error


def test_a_store_that_sends_too_little_has_failed() -> None:
    class Short(MemoryReader):
        def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
            return super().stream(start, length - 1)

    with RangeServer(Short(BIG[:MIB])) as server:
        with pytest.raises(EOFError, match="of 1048576 bytes at 0"):
            _ = server.head
        assert isinstance(server.failure, EOFError)


# clients that mean harm


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"\x00\xff\x16\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1 extra\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_garbage_is_refused_and_the_connection_ended(garbage: bytes) -> None:
    with RangeServer(object_of(100)) as server:
        with raw(server) as client:
            with suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(garbage)
            answer = everything_from(client)
            assert answer.startswith(b"HTTP/1.1 400 ")
        assert ask(server)[0].status == 200


@pytest.mark.parametrize(
    "endless", [b"A" * (REQUEST_HEAD_MAX + 1), b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000]
)
def test_an_endless_request_is_refused_before_its_deadline(endless: bytes) -> None:
    with RangeServer(object_of(100)) as server, raw(server) as client:
        client.settimeout(REQUEST_HEAD_DEADLINE_S / 2)
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(endless)
        assert everything_from(client)[:13] in (b"HTTP/1.1 400 ", b"")


def test_pipelined_requests_are_answered_in_turn() -> None:
    with RangeServer(MemoryReader(BIG)) as server, raw(server) as client:
        path = urlsplit(server.url).path
        for first in range(5):
            last = b"Connection: close\r\n" if first == 4 else b""
            client.sendall(
                f"GET {path} HTTP/1.1\r\nRange: bytes={first}-{first}\r\n".encode() + last + b"\r\n"
            )
        bodies = [
            part.split(b"\r\n\r\n")[1]
            for part in everything_from(client).split(b"HTTP/1.1 206 ")[1:]
        ]
        assert bodies == [BIG[first : first + 1] for first in range(5)]


def test_a_slow_request_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.inspect_upload.range_server.REQUEST_HEAD_DEADLINE_S", 0.05)
    with RangeServer(object_of(100)) as server, raw(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX")
        assert everything_from(client) == b""


def test_more_connections_than_allowed_wait_for_one_to_end() -> None:
    with RangeServer(object_of(100)) as server:
        address = ("127.0.0.1", urlsplit(server.url).port or 0)
        idle = [socket.create_connection(address, PATIENCE_S) for _ in range(CONNECTIONS_MAX)]

        def serving() -> int:
            return sum(thread.name == "range-serve" for thread in threading.enumerate())

        eventually(lambda: serving() == CONNECTIONS_MAX)
        with ThreadPoolExecutor(1) as threads:
            late = threads.submit(ask, server)
            with pytest.raises(TimeoutError):
                late.result(0.1)
            assert serving() == CONNECTIONS_MAX
            idle.pop().close()
            assert late.result(PATIENCE_S)[0].status == 200
        for client in idle:
            client.close()


# the end


def test_nothing_is_left_when_it_ends() -> None:
    before = set(threading.enumerate())
    with ExitStack() as clients:
        with RangeServer(MemoryReader(BIG)) as server:
            idle, stalled = (clients.enter_context(raw(server)) for _ in range(2))
            stalled.sendall(f"GET {urlsplit(server.url).path} HTTP/1.1\r\n\r\n".encode())
            assert stalled.recv(4) == b"HTTP"
        assert set(threading.enumerate()) - set(fetching()) <= before
        eventually(lambda: set(threading.enumerate()) <= before)
        assert everything_from(idle) == b""
        assert len(everything_from(stalled)) < len(BIG)
        with pytest.raises(ConnectionRefusedError), raw(server):
            pass


def test_leaving_waits_for_no_read_and_lets_nobody_wait() -> None:
    reader = object_of(8 * MIB)
    with ThreadPoolExecutor(1) as threads, ExitStack() as clients:
        before = set(threading.enumerate())
        with RangeServer(reader, head_bytes=1, tail_bytes=1) as server:
            assert server.tail
            reader.gate.clear()
            waiting = threads.submit(server.read, MIB, 1)
            eventually(lambda: len(reader.asked) == 3)
            client = clients.enter_context(raw(server))
            path = urlsplit(server.url).path
            client.sendall(f"GET {path} HTTP/1.1\r\nRange: bytes={MIB}-\r\n\r\n".encode())
            assert client.recv(4) == b"HTTP"
        # The server is closed, and the store has still not answered.
        with pytest.raises(ClosedError):
            waiting.result(PATIENCE_S)
        assert len(fetching()) == 1
        assert b"\r\n\r\n" in everything_from(client)
        reader.gate.set()
        eventually(lambda: not fetching())
        assert {thread.name[:5] for thread in set(threading.enumerate()) - before} <= {"Threa"}
        assert len(reader.asked) <= 4


def test_a_transfer_ends_with_the_first_piece_after_the_end() -> None:
    reader = object_of(8 * MIB)
    reader.stall_after = BLOCK_BYTES
    sent: list[int] = []

    class Counting(MemoryReader):
        def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
            for piece in reader.stream(start, length):
                sent.append(len(piece))
                yield piece

    with RangeServer(Counting(reader.data)) as server:
        eventually(lambda: len(sent) == 4)
        assert server.bytes_read == HEAD_BYTES + TAIL_BYTES
    reader.stalled.set()
    eventually(lambda: not fetching())
    assert sum(sent) <= 6 * PIECE_BYTES
