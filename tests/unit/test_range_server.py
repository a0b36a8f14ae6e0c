"""An object of the store, served to ffmpeg on the loopback."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.inspect_upload.block_cache import BLOCK_BYTES
from functions.inspect_upload.range_server import RangeServer
from tests.unit.range_client import BIG, MIB, MemoryReader, ask, connected, object_of


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
