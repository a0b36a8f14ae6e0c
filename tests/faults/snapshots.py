"""AWS as moto plays it, in a process that can be copied: a fork of it is a snapshot of all stores.

All copies answer on one listening socket, one copy at a time, so that the functions' clients are
built once.
"""

import ctypes
import io
import json
import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import urlsplit

import moto.backends
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.faults.boundaries import Body

PR_SET_PDEATHSIG = 1  # prctl(2)
T = TypeVar("T")
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class QuietHandler(MotoRequestHandler):
    def log(self, *_: Any) -> None:
        pass


class TransactionTokens:
    """A transaction that comes again with its token is not done again, but answered the same.

    moto does it twice; DynamoDB keeps tokens for ten minutes (API reference, TransactWriteItems).
    """

    def __init__(self, moto: Wsgi) -> None:
        self._moto = moto
        self._done: dict[str, tuple[str, list[tuple[str, str]], bytes]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").endswith(".TransactWriteItems"):
            return self._moto(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        token = json.loads(body)["ClientRequestToken"]
        if token not in self._done:
            answer = self._ask(environ, body)
            if not answer[0].startswith("200"):
                start_response(*answer[:2])
                return [answer[2]]
            self._done[token] = answer
        status, headers, content = self._done[token]
        start_response(status, headers)
        return [content]

    def _ask(
        self, environ: dict[str, Any], body: bytes
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        said: list[Any] = []
        environ["wsgi.input"] = io.BytesIO(body)
        content = b"".join(self._moto(environ, lambda *answer: said.extend(answer[:2])))
        return said[0], said[1], content


class Cloud:
    """moto in this process, and the socket on which it, or a copy of it, answers."""

    def __init__(self) -> None:
        # Which it otherwise looks for in its folders at every request.
        known = list(moto.backends.list_of_moto_modules())
        moto.backends.list_of_moto_modules = lambda: known
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._clients: tuple[Any, ...] = ()
        self._app = TransactionTokens(DomainDispatcherApplication(create_backend_app))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answers from a thread; what is done meanwhile stays."""
        server = self._server()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def copied(self, story: Callable[[], T], clients: Iterable[Any]) -> T:
        """What the story gives, on a copy of all stores that is forgotten afterwards.

        It goes on in the process of the copy, without a network, through these clients; `process`
        lets a part of it happen in a process of its own.
        """

        def told() -> T:
            for client in clients:
                client.meta.events.register_last("before-send", self._answer, "cloud")
            self._clients = tuple(clients)
            return story()

        return Child(told).result()

    def process(self, work: Callable[[], T]) -> tuple[T | None, int]:
        """What work gives that has a process of its own and reaches us over the network, or None
        and the signal that ended it. Only within a story."""

        def over_the_network() -> T:
            for client in self._clients:
                client.meta.events.unregister("before-send", self._answer, "cloud")
            return work()

        server = self._server()
        server.timeout = 0.01
        child = Child(over_the_network)
        while not child.ended():
            server.handle_request()
        server.server_close()
        return child.result() if child.signal == 0 else None, child.signal

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """What moto says, without a network."""
        url = urlsplit(request.url)
        builder = EnvironBuilder(
            path=url.path,
            query_string=url.query,
            base_url=f"{url.scheme}://{url.netloc}",
            method=request.method,
            headers=[(name, _text(value)) for name, value in request.headers.items()],
            input_stream=io.BytesIO(_bytes(request.body)),
        )
        content, status, headers = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        pairs: Any = HTTPHeaders()
        for name, value in headers.items():
            pairs[name] = value
        return AWSResponse(request.url, int(status.split()[0]), pairs, Body(b"".join(content)))

    def _server(self) -> BaseWSGIServer:
        return make_server(
            "127.0.0.1", 0, self._app, request_handler=QuietHandler, fd=self._listener.fileno()
        )


class Child(Generic[T]):
    """Work in a process of its own; `signal` is what ended it (0: it ended by itself)."""

    signal = 0

    def __init__(self, work: Callable[[], T]) -> None:
        reading, writing = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(reading)
            _give(work, writing)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb")
        self._ended = False

    def ended(self, *, wait: bool = False) -> bool:
        """Whether it has ended. Its result is small enough for the pipe until then."""
        if not self._ended:
            process, status = os.waitpid(self._process, 0 if wait else os.WNOHANG)
            self._ended = process != 0
            self.signal = os.WTERMSIG(status) if self._ended and os.WIFSIGNALED(status) else 0
        return self._ended

    def result(self) -> T:
        """What the work gave. Raises RuntimeError if it raised, or was killed."""
        with self._pipe as pipe:
            said = pipe.read()
        self.ended(wait=True)
        if not said:
            raise RuntimeError("a forked process failed: see its traceback above")
        result: T = pickle.loads(said)
        return result


def _give(work: Callable[[], Any], pipe: int) -> NoReturn:
    status = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # it ends with whom it works for
    try:
        result = pickle.dumps(work())
        with os.fdopen(pipe, "wb") as writing:
            writing.write(result)
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(status)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body if isinstance(body, bytes | bytearray) else body.read())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
