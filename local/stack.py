"""The local stack: moto, the S3 gate, the functions, the HTTP API and the queue, in one place."""

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import boto3
import httpx
import jwt

from local import console, demo, ffmpeg
from local.gate import Gate
from local.http_api import HttpApi
from local.provision import Function, Stack, provision
from local.queue_poller import QueuePoller
from local.runtime import FunctionSpec, Runtime
from local.scheduler import Scheduler, period_s
from local.template import REGION, load, transform

ROOT = Path(__file__).parents[1]
CREDENTIALS = {"access_key_id": "LOCALACCESSKEY", "secret_access_key": "local-secret-access-key"}
TOKEN_LIFE_S = 7 * 24 * 3600
MOTO_START_S = 30


class PortInUseError(Exception):
    """Something else listens there; the message says how to pick another port."""


class StartError(Exception):
    """A part did not start."""


class LocalStack:
    """Everything that `template.yaml` declares, running on loopback while the context lasts.

    `description` is what `.local/stack.json` holds: all that a client, or a test, has to know.
    """

    description: dict[str, Any]

    def __init__(
        self,
        template: Path,
        folder: Path,
        *,
        port: int = 0,
        parameters: dict[str, str] | None = None,
    ) -> None:
        self._template = template
        self._folder = folder
        self._port = port
        self._parameters = parameters or {}
        self._cleanup = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cleanup.aclose()

    async def _start(self) -> None:
        port = _free_port(self._port)
        transformed = transform(load(self._template))
        tools = await asyncio.to_thread(ffmpeg.find, console.note)
        moto = await self._start_moto()
        parameters = {"AllowedOrigins": f"http://127.0.0.1:{port}", **self._parameters}
        stack = await asyncio.to_thread(provision, transformed, parameters, endpoint=moto)
        gate = Gate(
            moto,
            credentials={CREDENTIALS["access_key_id"]: CREDENTIALS["secret_access_key"]},
            region=REGION,
            cors=stack.bucket_cors,
        )
        s3 = await gate.start()
        self._cleanup.push_async_callback(gate.stop)
        runtime = Runtime(
            [_spec(function, moto, s3, tools) for function in stack.functions],
            log=console.function_line,
        )
        functions = await runtime.start()
        self._cleanup.push_async_callback(runtime.stop)
        await self._start_sources(stack, functions, moto)
        api = HttpApi(stack.routes, stack.cors, lambda_endpoint=functions, throttle=stack.throttle)
        address = await api.start(port)
        self._cleanup.push_async_callback(api.stop)
        self.description = _describe(stack, address, s3, moto)

    async def _start_moto(self) -> str:
        port = _free_port(0)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        self._cleanup.push_async_callback(_end, process)
        endpoint = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + MOTO_START_S
        async with httpx.AsyncClient() as client:
            while time.monotonic() < deadline and process.returncode is None:
                try:
                    await client.get(f"{endpoint}/moto-api/data.json", timeout=5)
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                else:
                    return endpoint
        raise StartError("The moto server did not start: try `python -m moto.server` by hand.")

    async def _start_sources(self, stack: Stack, functions: str, moto: str) -> None:
        """What calls functions besides the API: queues and schedules."""
        sqs = _session().client("sqs", endpoint_url=moto)
        for mapping in stack.mappings:
            poller = QueuePoller(
                sqs=sqs,
                queue_url=mapping.queue_url,
                queue_arn=mapping.queue_arn,
                function=mapping.function,
                lambda_endpoint=functions,
                log=lambda text: console.function_line("queue", text),
                batch_size=mapping.batch_size,
                max_concurrency=mapping.max_concurrency,
                report_batch_item_failures=mapping.report_failures,
            )
            await poller.start()
            self._cleanup.push_async_callback(poller.stop)
        for function, expression in stack.schedules:
            scheduler = Scheduler(
                function,
                period_s(expression),
                lambda_endpoint=functions,
                log=lambda text: console.function_line("schedule", text),
            )
            await scheduler.start()
            self._cleanup.push_async_callback(scheduler.stop)


def _spec(function: Function, moto: str, s3: str, tools: Path) -> FunctionSpec:
    """The function as a local process: the template's environment, with local addresses."""
    environment = {
        # What a layer has at /opt lies elsewhere on this machine.
        name: str(tools) if value == "/opt/bin" else value
        for name, value in function.environment.items()
    }
    return FunctionSpec(
        name=function.name,
        handler=function.handler,
        timeout_s=function.timeout_s,
        memory_mb=function.memory_mb,
        environment={
            **environment,
            "AWS_ENDPOINT_URL": moto,
            "AWS_ENDPOINT_URL_S3": s3,
            "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"],
        },
        python_path=(str(ROOT), str(ROOT / "layers" / "core")),
        cwd=str(ROOT),
    )


def _session() -> boto3.Session:
    return boto3.Session(
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["access_key_id"],
        aws_secret_access_key=CREDENTIALS["secret_access_key"],
    )


def _describe(stack: Stack, api: str, s3: str, moto: str) -> dict[str, Any]:
    names = stack.names
    return {
        "api": api,
        "s3": s3,
        "aws": {"endpoint_url": moto, "region": REGION, **CREDENTIALS},
        "bucket": names["Files"],
        "tables": {
            "attachments": names["Attachments"],
            "chat": names["Chat"],
            "activity": names["Activity"],
            "guards": names["Guards"],
        },
        "queues": {"uploads": names["Uploads"], "dead_letters": names["UploadsDeadLetters"]},
        "tokens": _tokens(stack, moto),
        **demo.new_ids(),
    }


def _tokens(stack: Stack, moto: str) -> dict[str, str]:
    """A token for each user of the demo, by the secret that the functions verify with."""
    secrets = _session().client("secretsmanager", endpoint_url=moto)
    secret = secrets.get_secret_value(SecretId=stack.names["TokenSecret"])["SecretString"]
    settings = stack.functions[0].environment
    claims = {
        "iss": settings["TOKEN_ISSUER"],
        "aud": settings["TOKEN_AUDIENCE"],
        "exp": int(time.time()) + TOKEN_LIFE_S,
    }
    roles = {
        "admin": dict([settings["ADMIN_CLAIM"].split("=", 1)]),
        "service": dict([settings["SERVICE_CLAIM"].split("=", 1)]),
    }
    users = ("sender", "participant", "stranger", "admin", "service")
    return {
        user: jwt.encode({**claims, "sub": user, **roles.get(user, {})}, secret, "HS256")
        for user in users
    }


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


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process with all its children."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        os.killpg(process.pid, number)
        try:
            await asyncio.wait_for(process.wait(), timeout=3)
        except TimeoutError:
            continue
