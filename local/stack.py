"""The local stack: moto, the S3 gate, the functions, the HTTP API, queues and streams together."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from local import console, ffmpeg
from local.data_plane import DataPlane, data_plane, describe
from local.docs_pages import docs_pages
from local.gate import Gate
from local.http_api import HttpApi
from local.lambda_client import LambdaClient
from local.lambda_settings import Poller
from local.pages import Dashboard, security_headers
from local.queue_poller import QueuePoller
from local.runtime import Runtime
from local.scheduler import run_schedule
from local.stream_poller import StreamPoller
from local.template import SESSION, load
from local.worker import Function, Log

ROOT = Path(__file__).parents[1]


class PortInUseError(Exception):
    """Something else listens there; the message says how to pick another port."""


class LocalStack:
    """Everything that `template.yaml` declares, running on loopback while the context lasts.

    `parameters` replace defaults of the template; `log` gets each line that a function prints.
    `description` is what `.local/stack.json` holds: all that a client, or a test, has to know.
    `dashboard` is the folder of the dashboard's static files, to serve them as well.
    """

    description: dict[str, Any]

    def __init__(
        self,
        template: Path,
        *,
        port: int = 0,
        parameters: Mapping[str, str] | None = None,
        log: Log = console.function_line,
        dashboard: Path | None = None,
        gate: Callable[..., Gate] = Gate,
        poller: Callable[..., QueuePoller] = QueuePoller,
    ) -> None:
        """`parameters` are the template's, by name; port 0 is any that is free.

        `gate` and `poller` make these parts, from what the parts themselves take.
        """
        self._template = template
        self._port = port
        self._parameters = dict(parameters or {})
        self._log = log
        self._dashboard = dashboard
        self._gate, self._poller = gate, poller

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as cleanup:
            await self._start(cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cleanup.aclose()

    async def _start(self, cleanup: AsyncExitStack) -> None:
        # Held from here on: what starts meanwhile takes free ports, too.
        listener = held_port(self._port)
        cleanup.callback(listener.close)
        port = listener.getsockname()[1]
        parameters = {"AllowedOrigins": f"http://127.0.0.1:{port}", **self._parameters}
        data = await cleanup.enter_async_context(
            data_plane(self._template, parameters, gate=self._gate)
        )
        tools = await asyncio.to_thread(ffmpeg.find, console.note)
        stack = data.stack
        runtime = Runtime(
            [_localised(function, data, tools) for function in stack.functions],
            root=ROOT,
            log=self._log,
        )
        endpoint = await cleanup.enter_async_context(runtime.serving())
        functions = await cleanup.enter_async_context(LambdaClient.connected(endpoint))
        runtime.pollers += pollers(data, functions, self._poller)
        for source in (*(each.run() for each in runtime.pollers), *_schedules(data, functions)):
            cleanup.push_async_callback(cancel, asyncio.create_task(source))
        dashboard = self._pages(data.s3)
        pages = (docs_pages, dashboard) if dashboard else (docs_pages,)
        api = HttpApi(stack.routes, stack.cors, functions, stack.throttle, pages=pages)
        address = await cleanup.enter_async_context(api.serving(listener))
        self.description = {**describe(data, address), "lambda": endpoint}
        if dashboard:
            self.description["dashboard"] = f"{address}/"

    def _pages(self, s3: str) -> Dashboard | None:
        if self._dashboard is None:
            return None
        headers = security_headers(load(self._template), api="'self'", files=s3)
        return Dashboard(self._dashboard, headers, lambda: self.description)


def pollers(
    data: DataPlane, functions: LambdaClient, poller: Callable[..., QueuePoller] = QueuePoller
) -> list[Poller]:
    """What calls functions besides the API: queues and streams. Each has to `run`."""
    stack, sqs = data.stack, SESSION.client("sqs", endpoint_url=data.moto)
    streams = SESSION.client("dynamodbstreams", endpoint_url=data.moto)
    queue_log = partial(console.function_line, "queue")
    stream_log = partial(console.function_line, "stream")
    return [
        *(
            poller(mapping, sqs, functions, log=queue_log, enabled=mapping.enabled)
            for mapping in stack.mappings
        ),
        *(StreamPoller(each, streams, sqs, functions, log=stream_log) for each in stack.streams),
    ]


def _schedules(data: DataPlane, functions: LambdaClient) -> Iterator[Coroutine[Any, Any, None]]:
    schedule_log = partial(console.function_line, "schedule")
    for function, period_s in data.stack.schedules:
        yield run_schedule(function, period_s, functions, log=schedule_log)


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _localised(function: Function, data: DataPlane, tools: Path) -> Function:
    """The function with what is other on this machine: layers, addresses, who is a neighbour."""
    environment = {
        name: str(tools) if value == "/opt/bin" else value
        for name, value in function.environment.items()
    }
    here = {"PYTHONPATH": str(ROOT / "layers" / "core"), "WEBHOOKS_TO_LOOPBACK": "yes"}
    return replace(function, environment=environment | data.addresses | here)


def free_port(port: int) -> int:
    """The port, or a free one for 0; it is not held. Raises PortInUseError."""
    with held_port(port) as probe:
        number: int = probe.getsockname()[1]
        return number


def held_port(port: int) -> socket.socket:
    """A socket on the port, or on a free one for 0, for a server. Raises PortInUseError."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind(("127.0.0.1", port))
    except OSError as error:
        held.close()
        raise PortInUseError(
            f"Port {port} is in use. Stop what listens there, or pick another port: "
            f"make run PORT={port + 1}"
        ) from error
    return held
