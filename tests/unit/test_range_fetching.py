"""What the range server asks of the store, when, and how much of it."""

import http.client
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from functions.inspect_upload.block_cache import BLOCK_BYTES, BlockCache
from functions.inspect_upload.range_server import (
    HEAD_BYTES,
    TAIL_BYTES,
    BudgetExceededError,
    RangeServer,
)
from tests.unit.range_client import (
    BIG,
    KIB,
    MIB,
    PATIENCE_S,
    MemoryReader,
    StoreError,
    ask,
    connected,
    eventually,
    fetching,
    object_of,
    raw,
)

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
    half = (3 * MIB - TAIL_BYTES) // 2
    assert sorted(reader.asked) == [(5 * MIB, half), (5 * MIB + half, half)]


def test_what_is_short_is_fetched_ahead_by_one_connection() -> None:
    reader = object_of(8 * MIB)
    with RangeServer(reader) as server:
        assert server.tail
        reader.asked.clear()
        server.prefetch(5 * MIB, 6 * MIB - BLOCK_BYTES)
        assert server.read(5 * MIB, MIB - BLOCK_BYTES)
    assert reader.asked == [(5 * MIB, MIB - BLOCK_BYTES)]


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 5), (9, 5), (50, 101), (200, 300)])
def test_nothing_is_fetched_where_there_is_nothing(start: int, stop: int) -> None:
    reader = object_of(100)
    with RangeServer(reader) as server:
        server.prefetch(start, stop)
        assert server.head
    assert reader.asked == [(0, 100)]


# what is given up

MORE = 2 * MIB  # that comes with head and with tail, for an index


def test_more_comes_with_head_and_tail_where_an_index_may_be() -> None:
    reader = object_of(16 * MIB)
    tail = reader.size - TAIL_BYTES
    with RangeServer(reader, index_bytes=(MORE, MORE)) as server:
        assert server.read(HEAD_BYTES, MORE) == reader.data[HEAD_BYTES : HEAD_BYTES + MORE]
        assert server.read(tail - MORE, MORE) == reader.data[tail - MORE : tail]
        assert server.head == reader.data[:HEAD_BYTES]
        assert server.tail == reader.data[tail:]
    asked = [(0, HEAD_BYTES), (HEAD_BYTES, MORE), (tail - MORE, MORE), (tail, TAIL_BYTES)]
    assert sorted(reader.asked) == asked


@pytest.mark.parametrize("size", [16 * MIB, 16 * MIB - 5])
def test_the_end_of_an_object_can_be_given_up(size: int) -> None:
    reader = object_of(size)
    reader.stall_after = BLOCK_BYTES
    with RangeServer(reader, index_bytes=(MORE, MORE)) as server:
        assert server.read(0, 100) == reader.data[:100]
        server.give_up(HEAD_BYTES + MORE, size)
        assert server.bytes_read <= HEAD_BYTES + MORE + 2 * 2 * BLOCK_BYTES
        reader.stalled.set()
        eventually(lambda: not fetching())
        assert server.head == reader.data[:HEAD_BYTES]
        asked = len(reader.asked)
        assert server.tail == reader.data[-TAIL_BYTES:]
        assert len(reader.asked) > asked
        assert server.failure is None


def test_of_the_head_what_has_not_come_can_wait() -> None:
    reader = object_of(16 * MIB)
    reader.stall_after = BLOCK_BYTES
    index = reader.size - TAIL_BYTES - MORE
    with RangeServer(reader, index_bytes=(MORE, MORE)) as server:
        assert server.read(0, 100) == reader.data[:100]
        # The request that brings the index brings some of what is before it: it goes on.
        server.give_up(4 * BLOCK_BYTES, index + 5 * BLOCK_BYTES)
        assert server.bytes_read <= (4 + 1) * BLOCK_BYTES + MORE + TAIL_BYTES + BLOCK_BYTES
        reader.stalled.set()
        eventually(lambda: not fetching())
        asked = len(reader.asked)
        assert server.read(0, 4 * BLOCK_BYTES) == reader.data[: 4 * BLOCK_BYTES]
        assert server.read(index, MORE + TAIL_BYTES) == reader.data[index:]
        assert len(reader.asked) == asked
        assert server.head == reader.data[:HEAD_BYTES]
        assert len(reader.asked) == asked + 1


def test_what_is_waited_for_and_given_up_is_fetched_anew() -> None:
    reader = object_of(8 * MIB)
    reader.gate.clear()
    cache = BlockCache(reader, budget_bytes=2 * MIB)
    cache.want(8, 23)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(cache.block, 20)
        eventually(lambda: len(reader.asked) == 1)
        cache.forget(8, 23)
        eventually(lambda: len(reader.asked) == 2)
        assert cache.bytes_read == BLOCK_BYTES
        reader.gate.set()
        assert waiting.result(PATIENCE_S) == reader.data[20 * BLOCK_BYTES : 21 * BLOCK_BYTES]
    eventually(lambda: not fetching())
    assert not cache.has(9)
    cache.close()


def test_an_error_of_what_was_given_up_is_nobodys() -> None:
    reader = object_of(8 * MIB)
    reader.gate.clear()
    cache = BlockCache(reader, budget_bytes=4 * MIB)
    cache.want(8, 23)
    eventually(lambda: len(reader.asked) == 1)
    cache.forget(8, 23)
    reader.error = StoreError("throttled")
    reader.gate.set()
    eventually(lambda: not fetching())
    reader.error = None
    assert cache.failure is None
    assert cache.read(8 * BLOCK_BYTES, 5) == reader.data[8 * BLOCK_BYTES :][:5]
    cache.close()


def test_what_has_come_stays_when_the_rest_is_given_up() -> None:
    reader = object_of(8 * MIB)
    reader.stall_after = 2 * BLOCK_BYTES
    cache = BlockCache(reader, budget_bytes=4 * MIB)
    cache.want(0, 15)
    assert cache.block(1) == reader.data[BLOCK_BYTES : 2 * BLOCK_BYTES]
    cache.forget(0, 15)
    assert cache.bytes_read == 2 * BLOCK_BYTES
    reader.stalled.set()
    eventually(lambda: not fetching())
    assert [cache.has(index) for index in range(4)] == [True, True, False, False]
    cache.close()


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
