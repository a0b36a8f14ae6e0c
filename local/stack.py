"""The local stack: moto, the S3 gate, the functions, the HTTP API and the queue, in one place."""

import asyncio
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import jwt

from local import console, demo, ffmpeg
from local.gate import Gate
from local.http_api import HttpApi
from local.lambda_client import LambdaClient
from local.provision import Stack, provision
from local.queue_poller import QueuePoller
from local.runtime import Runtime
from local.scheduler import run_schedule
from local.template import CREDENTIALS, REGION, SESSION, load, transform
from local.worker import Function

ROOT = Path(__file__).parents[1]
TABLES = ("Attachments", "Chat", "Activity", "Guards")
TOKEN_LIFE_S = 7 * 24 * 3600


class PortInUseError(Exception):
    """Something else listens there; the message says how to pick another port."""


class StartError(Exception):
    """A part did not start."""


class LocalStack:
    """Everything that `template.yaml` declares, running on loopback while the context lasts.

    `description` is what `.local/stack.json` holds: all that a client, or a test, has to know.
    """

    description: dict[str, Any]

    def __init__(self, template: Path, *, port: int = 0) -> None:
        self._template = template
        self._port = port

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as cleanup:
            await self._start(cleanup)
            self._cleanup = cleanup.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cleanup.aclose()

    async def _start(self, cleanup: AsyncExitStack) -> None:
        port = _free_port(self._port)
        parameters = {"AllowedOrigins": f"http://127.0.0.1:{port}"}
        transformed = transform(load(self._template), parameters)
        tools = await asyncio.to_thread(ffmpeg.find, console.note)
        moto = await _start_moto(cleanup)
        stack = await asyncio.to_thread(provision, transformed, parameters, endpoint=moto)
        gate = Gate(moto, credentials=CREDENTIALS, region=REGION, cors=stack.bucket_cors)
        s3 = await cleanup.enter_async_context(gate.serving())
        runtime = Runtime(
            [_localised(function, moto, s3, tools) for function in stack.functions],
            root=ROOT,
            log=console.function_line,
        )
        endpoint = await cleanup.enter_async_context(runtime.serving())
        functions = await cleanup.enter_async_context(LambdaClient.connected(endpoint))
        for source in _sources(stack, functions, moto):
            cleanup.push_async_callback(_cancel, asyncio.create_task(source))
        api = HttpApi(stack.routes, stack.cors, functions, stack.throttle)
        address = await cleanup.enter_async_context(api.serving(port))
        self.description = _describe(stack, address, s3, moto)


async def _start_moto(cleanup: AsyncExitStack) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.moto_server"),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,  # Ctrl-C in a terminal is for us
    )
    cleanup.push_async_callback(_kill, process)
    assert process.stdout
    endpoint = await process.stdout.readline()
    if not endpoint:
        raise StartError("moto did not start: try `.venv/bin/python -m local.moto_server`.")
    return endpoint.decode().strip()


async def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):  # it has ended by itself
        process.kill()
    await process.wait()


def _sources(
    stack: Stack, functions: LambdaClient, moto: str
) -> Iterator[Coroutine[Any, Any, None]]:
    """What calls functions besides the API: queues and schedules."""
    sqs = SESSION.client("sqs", endpoint_url=moto)
    queue_log = partial(console.function_line, "queue")
    schedule_log = partial(console.function_line, "schedule")
    for mapping in stack.mappings:
        yield QueuePoller(mapping, sqs, functions, log=queue_log).run()
    for function, period_s in stack.schedules:
        yield run_schedule(function, period_s, functions, log=schedule_log)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _localised(function: Function, moto: str, s3: str, tools: Path) -> Function:
    """The function with what is elsewhere on this machine: layers and addresses."""
    environment = {
        name: str(tools) if value == "/opt/bin" else value
        for name, value in function.environment.items()
    }
    addresses = {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ENDPOINT_URL_S3": s3,
        "AWS_ACCESS_KEY_ID": CREDENTIALS.access_key,
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_key,
        "PYTHONPATH": str(ROOT / "layers" / "core"),
    }
    return replace(function, environment=environment | addresses)


def _describe(stack: Stack, api: str, s3: str, moto: str) -> dict[str, Any]:
    names = stack.names
    return {
        "api": api,
        "s3": s3,
        "aws": {
            "endpoint_url": moto,
            "region": REGION,
            "access_key_id": CREDENTIALS.access_key,
            "secret_access_key": CREDENTIALS.secret_key,
        },
        "bucket": names["Files"],
        "tables": {name.lower(): names[name] for name in TABLES},
        "queues": {"uploads": names["Uploads"], "dead_letters": names["UploadsDeadLetters"]},
        "tokens": _tokens(stack, moto),
        **demo.new_ids(),
    }


def _tokens(stack: Stack, moto: str) -> dict[str, str]:
    """A token for each user of the demo, by the secret that the functions verify with."""
    secrets = SESSION.client("secretsmanager", endpoint_url=moto)
    secret = secrets.get_secret_value(SecretId=stack.names["TokenSecret"])["SecretString"]
    settings = stack.functions[0].environment
    tokens = {}
    for user in ("sender", "participant", "stranger", "admin", "service"):
        claims = {
            "iss": settings["TOKEN_ISSUER"],
            "aud": settings["TOKEN_AUDIENCE"],
            "sub": user,
            "exp": int(time.time()) + TOKEN_LIFE_S,
        }
        if user in ("admin", "service"):
            name, _, value = settings[f"{user.upper()}_CLAIM"].partition("=")
            claims[name] = value
        tokens[user] = jwt.encode(claims, secret, "HS256")
    return tokens


def _free_port(port: int) -> int:
    """The port, or a free one for 0. Raises PortInUseError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortInUseError(
                f"Port {port} is in use. Stop what listens there, or pick another port: "
                f"make run PORT={port + 1}"
            ) from error
        number: int = probe.getsockname()[1]
        return number
