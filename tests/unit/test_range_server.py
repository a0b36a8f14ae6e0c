"""An object of the store, served to ffmpeg on the loopback."""

import http.client
import random
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.inspect_upload.block_cache import BLOCK_BYTES, ClosedError
from functions.inspect_upload.range_server import (
    CONNECTIONS_MAX,
    HEAD_BYTES,
    REQUEST_HEAD_DEADLINE_S,
    REQUEST_HEAD_MAX,
    TAIL_BYTES,
    BudgetExceededError,
    RangeServer,
)

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


@settings(max_examples=60, deadline=None)
@given(start=st.integers(0, len(BIG) - 1), length=st.integers(1, 2 * MIB))
def test_any_range_has_the_bytes_of_the_object(start: int, length: int) -> None:
    with RangeServer(MemoryReader(BIG)) as server:
        stop = min(start + length, len(BIG))
        response, body = ask(server, f"bytes={start}-{start + length - 1}")
        assert body == BIG[start:stop] == server.read(start, length)
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(BIG)}"
        assert response.headers["Content-Length"] == str(stop - start)


@settings(max_examples=30, deadline=None)
@given(
    size=st.sampled_from([1, 100, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, MIB, len(BIG)]),
    head_bytes=st.integers(1, 2 * MIB),
    tail_bytes=st.integers(1, 2 * MIB),
)
def test_head_and_tail_are_the_ends_of_the_object(
    size: int, head_bytes: int, tail_bytes: int
) -> None:
    reader = MemoryReader(BIG[:size])
    with RangeServer(reader, head_bytes=head_bytes, tail_bytes=tail_bytes) as server:
        assert server.head == BIG[:size][:head_bytes]
        assert server.tail == BIG[:size][-tail_bytes:]
        assert ask(server)[1] == BIG[:size]


@pytest.mark.parametrize(
    ("byte_range", "first"), [("bytes=0-", 0), ("bytes=3000000-", 3_000_000), ("bytes=-7", -7)]
)
def test_an_open_range_runs_to_the_end(byte_range: str, first: int) -> None:
    with RangeServer(MemoryReader(BIG)) as server:
        response, body = ask(server, byte_range)
        assert (response.status, body) == (206, BIG[first:])


def test_without_a_range_the_whole_object_is_sent() -> None:
    with RangeServer(MemoryReader(BIG)) as server:
        response, body = ask(server)
        assert (response.status, body) == (200, BIG)
        assert response.headers["Accept-Ranges"] == "bytes"


def test_head_tells_the_size_and_sends_nothing() -> None:
    with RangeServer(MemoryReader(BIG)) as server:
        response, body = ask(server, method="HEAD")
        assert (response.status, body) == (200, b"")
        assert response.headers["Content-Length"] == str(len(BIG))


@pytest.mark.parametrize(
    "byte_range",
    [
        "bytes=100-",
        "bytes=100-200",
        "bytes=5-2",
        "bytes=-0",
        "bytes=-",
        "bytes=x-y",
        "lines=1-2",
        "bytes=0-1,4-5",
        "bytes=--5",
        "bytes=0x1-2",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_a_range_outside_of_the_object_or_of_reason_gets_416(byte_range: str) -> None:
    with RangeServer(object_of(100)) as server:
        response, body = ask(server, byte_range)
        assert (response.status, body) == (416, b"")
        assert response.headers["Content-Range"] == "bytes */100"


def test_an_empty_object_costs_no_request() -> None:
    reader = object_of(0)
    with RangeServer(reader) as server:
        assert (server.head, server.tail) == (b"", b"")
        assert ask(server)[1] == b""
        assert ask(server, "bytes=0-")[0].status == 416
    assert reader.asked == []


def test_another_path_is_not_found() -> None:
    with RangeServer(object_of(100)) as server:
        token = urlsplit(server.url).path
        for path in ("/", token[:-1], token + "x", token + "/", token + "?a=b"):
            assert ask(server, path=path)[0].status == 404


def test_each_server_has_a_long_path_of_its_own() -> None:
    with RangeServer(object_of(1)) as one, RangeServer(object_of(1)) as other:
        paths = {urlsplit(server.url).path for server in (one, other)}
        assert len(paths) == 2
        assert all(len(path) > 40 for path in paths)
        assert urlsplit(one.url).hostname == "127.0.0.1"


def test_another_method_is_not_allowed() -> None:
    with RangeServer(object_of(100)) as server:
        assert ask(server, method="DELETE")[0].status == 405


def test_a_connection_serves_one_request_after_another() -> None:
    with RangeServer(MemoryReader(BIG)) as server, connected(server) as connection:
        for start in (0, 2_000_000, 5):
            connection.request(
                "GET", urlsplit(server.url).path, headers={"Range": f"bytes={start}-{start}"}
            )
            assert connection.getresponse().read() == BIG[start : start + 1]
            first_socket = connection.sock
        assert connection.sock is first_socket


# what the store is asked


def test_head_and_tail_are_asked_for_at_once() -> None:
    reader = MemoryReader(BIG)
    reader.gate.clear()
    with RangeServer(reader) as server:
        # Both are asked for while neither has been answered.
        eventually(lambda: len(reader.asked) == 2)
        asked = sorted(reader.asked)
        reader.gate.set()
        tail = (len(BIG) - TAIL_BYTES) // BLOCK_BYTES * BLOCK_BYTES
        assert asked == [(0, HEAD_BYTES), (tail, len(BIG) - tail)]
        assert (server.requests, server.bytes_read) == (2, HEAD_BYTES + len(BIG) - tail)


def test_a_block_can_be_had_before_the_rest_of_its_request_has_come() -> None:
    reader = object_of(4 * MIB)
    reader.stall_after = 2 * BLOCK_BYTES
    with RangeServer(reader) as server:
        assert server.read(0, BLOCK_BYTES) == reader.data[:BLOCK_BYTES]
        assert ask(server, "bytes=0-9999")[1] == reader.data[:10_000]
        assert len(fetching()) == 2
        reader.stalled.set()
        assert server.head == reader.data[:HEAD_BYTES]


def test_what_is_known_to_be_needed_is_fetched_in_one_request() -> None:
    reader = object_of(8 * MIB)
    with RangeServer(reader) as server:
        assert server.tail == reader.data[-TAIL_BYTES:]
        reader.asked.clear()
        server.prefetch(5 * MIB + 5, 8 * MIB)
        assert server.read(5 * MIB + 5, 3 * MIB) == reader.data[5 * MIB + 5 :]
    assert reader.asked == [(5 * MIB, 8 * MIB - TAIL_BYTES - 5 * MIB)]


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 5), (9, 5), (50, 101), (200, 300)])
def test_nothing_is_fetched_where_there_is_nothing(start: int, stop: int) -> None:
    reader = object_of(100)
    with RangeServer(reader) as server:
        server.prefetch(start, stop)
        assert server.head
    assert reader.asked == [(0, 100)]


def test_a_small_object_is_one_request() -> None:
    reader = object_of(MIB + 400 * KIB)
    with RangeServer(reader) as server:
        ask(server)
        assert server.head == reader.data[:HEAD_BYTES]
        assert server.tail == reader.data[-TAIL_BYTES:]
    assert reader.asked == [(0, reader.size)]


def test_what_many_ask_for_is_fetched_once() -> None:
    reader = MemoryReader(BIG)
    with RangeServer(reader, head_bytes=1, tail_bytes=1) as server:
        assert server.head
        assert server.tail
        reader.asked.clear()
        reader.gate.clear()
        start = 4 * BLOCK_BYTES
        with ThreadPoolExecutor(8) as threads:
            answers = [threads.submit(server.read, start, 100) for _ in range(4)]
            answers += [
                threads.submit(lambda: ask(server, f"bytes={start}-{start + 99}")[1])
                for _ in range(4)
            ]
            reader.gate.set()
            assert {answer.result(PATIENCE_S) for answer in answers} == {BIG[start : start + 100]}
    assert reader.asked == [(start, BLOCK_BYTES)]


def test_missing_blocks_side_by_side_are_one_request() -> None:
    reader = object_of(10 * MIB)
    with RangeServer(reader, head_bytes=1, tail_bytes=1) as server:
        server.read(4 * BLOCK_BYTES, 1)
        reader.asked.clear()
        server.read(2 * BLOCK_BYTES + 5, 5 * BLOCK_BYTES)
    # Block 4 is there already, so that it parts what is missing.
    asked = sorted((start // BLOCK_BYTES, length // BLOCK_BYTES) for start, length in reader.asked)
    assert asked == [(2, 2), (5, 3)]


def test_a_client_that_reads_on_gets_more_at_once() -> None:
    reader = object_of(16 * MIB)
    with RangeServer(reader, head_bytes=1, tail_bytes=1) as server:
        assert server.tail
        reader.asked.clear()
        assert ask(server, f"bytes={BLOCK_BYTES}-")[1] == reader.data[BLOCK_BYTES:]
    blocks = [length // BLOCK_BYTES for _, length in reader.asked]
    assert blocks[0] == 4
    assert 16 <= max(blocks) <= 64
    assert len(blocks) <= 30


def test_the_next_is_fetched_before_a_client_that_reads_on_needs_it() -> None:
    reader = object_of(8 * MIB)
    with RangeServer(reader, head_bytes=2 * MIB, tail_bytes=1) as server, raw(server) as client:
        assert server.head
        assert server.tail
        reader.gate.clear()
        path = urlsplit(server.url).path
        client.sendall(f"GET {path} HTTP/1.1\r\nRange: bytes=0-\r\n\r\n".encode())
        received = 0
        while received < 2 * MIB:  # all that is there, while the store is silent
            received += len(client.recv(64 * KIB))
        eventually(lambda: len(reader.asked) >= 3)
        assert reader.asked[2][0] == 2 * MIB
        reader.gate.set()


def test_a_client_that_stops_reading_stops_the_fetching() -> None:
    reader = object_of(16 * MIB)
    with RangeServer(reader, head_bytes=1, tail_bytes=1) as server, connected(server) as client:
        assert server.head
        assert server.tail
        reader.asked.clear()
        client.connect()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * KIB)
        client.request("GET", urlsplit(server.url).path, headers={"Range": "bytes=4194304-"})
        response = client.getresponse()
        for _ in range(4):
            response.read(64 * KIB)
        response.close()
    assert 256 * KIB <= sum(length for _, length in reader.asked) <= 768 * KIB


def test_a_bounded_range_is_not_read_past_its_end() -> None:
    reader = object_of(8 * MIB)
    with RangeServer(reader, head_bytes=1, tail_bytes=1) as server:
        assert server.tail
        reader.asked.clear()
        ask(server, f"bytes={BLOCK_BYTES}-{4 * BLOCK_BYTES - 1}")
    assert sum(length for _, length in reader.asked) == 3 * BLOCK_BYTES


# the budget


def test_past_the_budget_nothing_is_read_and_it_says_so() -> None:
    reader = object_of(8 * MIB)
    with RangeServer(reader, budget_bytes=2 * MIB) as server:
        assert not server.exhausted
        response, body = None, b""
        with connected(server) as connection:
            connection.request("GET", urlsplit(server.url).path)
            response = connection.getresponse()
            with pytest.raises(http.client.IncompleteRead) as cut:
                response.read()
            body = cut.value.partial
        assert server.exhausted
        assert MIB <= len(body) < 2 * MIB
        assert body == reader.data[: len(body)]
        with pytest.raises(BudgetExceededError, match="2097152"):
            server.read(4 * MIB, 1)
        assert server.read(0, MIB) == reader.data[:MIB]
        assert server.bytes_read <= 2 * MIB
    assert sum(length for _, length in reader.asked) == server.bytes_read
    assert server.failure is None


def test_an_object_of_exactly_the_budget_is_read_whole() -> None:
    reader = object_of(4 * MIB)
    with RangeServer(reader, budget_bytes=4 * MIB) as server:
        assert ask(server)[1] == reader.data
        assert not server.exhausted


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
