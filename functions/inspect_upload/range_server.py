"""An object of the store as an HTTP resource on the loopback, for ffmpeg to read by range.

ffmpeg asks for `bytes=N-` and stops reading when it has seen enough, so an answer is sent
as it is consumed: little waits in the socket, little is fetched ahead at first, more the longer
the client reads on. HTTP semantics: RFC 9110 section 14, RFC 9112 section 9.
"""

import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Semaphore, Thread
from types import TracebackType
from typing import Self

from functions.inspect_upload.block_cache import (
    BLOCK_BYTES,
    BlockCache,
    BudgetExceededError,
    ClosedError,
)
from functions.inspect_upload.object_reader import ObjectReader

__all__ = ["BudgetExceededError", "RangeServer"]

KIB = 1024
MIB = 1024 * KIB

HEAD_BYTES = 1280 * KIB  # mostly enough for the first second and what a decoder reads ahead
TAIL_BYTES = 512 * KIB
STEP_BLOCKS = range(4, 33)  # that one request reads ahead: 256 KiB to 2 MiB
CONNECTIONS_MAX = 16
REQUEST_HEAD_MAX = 8 * KIB
REQUEST_HEAD_DEADLINE_S = 10.0
# With a 64 KiB receive buffer at the client, at most 142 KiB wait unread in the kernel. (A small
# send buffer would do it too, but stalls for 40 ms a packet when the client's buffer is larger.)
UNSENT_MAX = 16 * KIB
UNREAD_BLOCKS = 3  # what lies there, and in the client's own buffer

REQUEST_LINE = re.compile(r"(?P<method>[A-Z]{1,16}) (?P<path>/\S*) HTTP/1\.(?P<minor>[01])")
BYTE_RANGE = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})")


class MalformedRequestError(Exception):
    """Not HTTP/1.x, or more of it than a media client has reason to send."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    byte_range: str | None
    keep_alive: bool


class RangeServer:
    """Serves one object while its `with` block lasts.

    `failure` is the error that the store raised, if it did: whatever the clients then saw is
    worthless, and the caller raises it so that the event is retried. `exhausted` says that the
    byte budget was hit: connections then ended early, which looks to a client like the end of
    the file. Leaving the block ends all connections and waits for no read in flight: see
    BlockCache for how those end.
    """

    def __init__(
        self,
        reader: ObjectReader,
        *,
        budget_bytes: int = 32 * MIB,
        head_bytes: int = HEAD_BYTES,
        tail_bytes: int = TAIL_BYTES,
        index_bytes: tuple[int, int] = (0, 0),
    ) -> None:
        """`index_bytes` are how much more comes with head and tail: an index may lie in either."""
        self._cache = BlockCache(reader, budget_bytes=budget_bytes)
        self._size = self._cache.size
        self._head_bytes = min(head_bytes, self._size)
        self.tail_bytes = min(tail_bytes, self._size)
        self._index_bytes = index_bytes
        self._path = "/" + secrets.token_urlsafe()
        self._slots = Semaphore(CONNECTIONS_MAX)
        self._lock = Lock()
        self._closing = False
        self._connections: set[socket.socket] = set()
        self._threads: list[Thread] = []
        self.url = ""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS_MAX)
        self._fetch_ends()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{self._path}"
        self._acceptor = Thread(target=self._accept, name="range-accept", daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing = True
        self._cache.close()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._slots.release()
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            for connection in self._connections:
                _hang_up(connection)
        for thread in self._threads:
            thread.join()

    @property
    def head(self) -> bytes:
        """The first bytes; waits for them. Raises what the store raised."""
        return self.read(0, self._head_bytes)

    @property
    def tail(self) -> bytes:
        """The last bytes; waits for them. Raises what the store raised."""
        return self.read(self._size - self.tail_bytes, self.tail_bytes)

    @property
    def exhausted(self) -> bool:
        return self._cache.exhausted

    @property
    def failure(self) -> Exception | None:
        return self._cache.failure

    @property
    def bytes_read(self) -> int:
        """Bytes asked of the store."""
        return self._cache.bytes_read

    @property
    def requests(self) -> int:
        """Requests made to the store."""
        return self._cache.requests

    def read(self, start: int, length: int) -> bytes:
        """Bytes [start, start + length), shorter only at the object's end.

        Raises BudgetExceededError, or what the store raised.
        """
        return self._cache.read(start, length)

    def give_up(self, start: int, stop: int) -> None:
        """Of bytes [start, stop), what has not come yet can wait, or is needed no more.

        Who asks for it has it fetched anew.
        """
        last = (stop if stop == self._size else stop - BLOCK_BYTES + 1) - 1
        self._cache.forget(-(-start // BLOCK_BYTES), last // BLOCK_BYTES)

    def prefetch(self, start: int, stop: int) -> None:
        """Begin to read bytes [start, stop) that a client will ask for. Returns at once.

        What is long comes by two connections: one alone is slower than the network (Performance
        design patterns for Amazon S3, "Parallelization").
        """
        if 0 <= start < stop <= self._size:
            first, last = start // BLOCK_BYTES, (stop - 1) // BLOCK_BYTES
            self._cache.want(first, last, connections=2)

    def _fetch_ends(self) -> None:
        """Begin with head and tail, or with all of a small object."""
        blocks = -(-self._size // BLOCK_BYTES)
        head = -(-self._head_bytes // BLOCK_BYTES)
        tail = max((self._size - self.tail_bytes) // BLOCK_BYTES, head)
        if self._size <= self._head_bytes + self.tail_bytes:
            head, tail = blocks, blocks
        more_head, more_tail = (-(-length // BLOCK_BYTES) for length in self._index_bytes)
        after = range(head, min(head + more_head, tail))
        before = range(max(tail - more_tail, after.stop), tail)
        for part in (range(head), after, before, range(tail, blocks)):
            self._cache.want(part.start, part.stop - 1)

    def _start(self, thread: Thread) -> None:
        thread.daemon = True
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            self._slots.acquire()
            try:
                connection, _ = self._listener.accept()
                with self._lock:
                    if self._closing:
                        connection.close()
                        return
                    self._connections.add(connection)
                self._start(Thread(target=self._serve, args=(connection,), name="range-serve"))
            except (OSError, RuntimeError) as error:  # no descriptor left, no thread left
                if not self._closing:
                    self._cache.failure = self._cache.failure or error
                return

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_MAX)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in _requests(connection):
                self._answer(request, connection)
                if not request.keep_alive:
                    break
        except MalformedRequestError:
            _try_to_send(connection, _response("400 Bad Request", keep_alive=False))
        except (OSError, BudgetExceededError, ClosedError):
            pass  # the client left, the budget is spent, or the server closes
        except Exception:
            if self.failure is None:
                raise
        finally:
            with self._lock:
                self._connections.discard(connection)
                _hang_up(connection)
                connection.close()
            self._slots.release()

    def _answer(self, request: Request, connection: socket.socket) -> None:
        keep_alive = request.keep_alive
        if not secrets.compare_digest(request.path.encode(), self._path.encode()):
            connection.sendall(_response("404 Not Found", keep_alive=keep_alive))
            return
        if request.method not in ("GET", "HEAD"):
            connection.sendall(_response("405 Method Not Allowed", keep_alive=keep_alive))
            return
        whole = request.method == "HEAD" or request.byte_range is None
        wanted = range(self._size) if whole else _resolve(request.byte_range, self._size)
        if wanted is None:
            unsatisfied = {"Content-Range": f"bytes */{self._size}"}
            connection.sendall(
                _response("416 Range Not Satisfiable", unsatisfied, keep_alive=keep_alive)
            )
            return
        headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        if not whole:
            headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[-1]}/{self._size}"
        status = "200 OK" if whole else "206 Partial Content"
        connection.sendall(_response(status, headers, length=len(wanted), keep_alive=keep_alive))
        if request.method == "GET":
            self._send(wanted, connection)

    def _send(self, wanted: range, connection: socket.socket) -> None:
        """Send as it is consumed."""
        position, sent = wanted.start, 0
        last = (wanted.stop - 1) // BLOCK_BYTES
        while position < wanted.stop:
            index, offset = divmod(position, BLOCK_BYTES)
            self._read_ahead(index, last, sent)
            piece = self._cache.block(index)[offset : offset + wanted.stop - position]
            connection.sendall(piece)
            position += len(piece)
            sent += 1

    def _read_ahead(self, index: int, last: int, sent: int) -> None:
        """Fetch block `index` and some more, and the next ones before the client needs them.

        The further it has read, the more: few requests and no waiting for who reads on, little
        waste for who stops.
        """
        step = min(max(sent // 8, STEP_BLOCKS[0]), STEP_BLOCKS[-1])
        soon = index + min(max(sent - UNREAD_BLOCKS, 0), step)
        if soon <= last and not self._cache.has(soon):
            self._cache.want(index, min(soon + step - 1, last))


def _requests(connection: socket.socket) -> Iterator[Request]:
    """The requests of a connection, until the client ends it or is too slow or too long."""
    received = bytearray()
    while True:
        deadline = time.monotonic() + REQUEST_HEAD_DEADLINE_S
        while (end := received.find(b"\r\n\r\n")) < 0:
            if len(received) > REQUEST_HEAD_MAX:
                raise MalformedRequestError
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = connection.recv(4096)
            if not piece:
                return
            received += piece
        head = received[:end].decode("latin-1")
        del received[: end + 4]
        # No timeout on sending: a busy decoder may pause between reads for as long as it likes.
        connection.settimeout(None)
        yield _parse(head)


def _parse(head: str) -> Request:
    request_line, *lines = head.split("\r\n")
    match = REQUEST_LINE.fullmatch(request_line)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    if not match or "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
        raise MalformedRequestError
    return Request(
        method=match["method"],
        path=match["path"],
        byte_range=headers.get("range"),
        keep_alive=match["minor"] == "1" and headers.get("connection", "").lower() != "close",
    )


def _resolve(byte_range: str | None, size: int) -> range | None:
    """The bytes that one Range names, None when it names none of this object.

    What is not one range of bytes counts as unsatisfiable too: no media client sends it.
    """
    match = BYTE_RANGE.fullmatch(byte_range or "")
    if not match or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        start, stop = max(size - int(match["last"]), 0), size
    else:
        start, stop = int(match["first"]), int(match["last"] or size) + 1
    return range(start, min(stop, size)) or None


def _response(
    status: str,
    headers: dict[str, str] | None = None,
    *,
    length: int = 0,
    keep_alive: bool,
) -> bytes:
    fields = {
        **(headers or {}),
        "Content-Length": str(length),
        "Connection": "keep-alive" if keep_alive else "close",
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _try_to_send(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        connection.sendall(data)


def _hang_up(connection: socket.socket) -> None:
    """End a connection for both sides at once; wakes a thread that waits on it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
