"""`make sam-local`: the API in sam's containers, over the data plane of the local stack.

The containers hold the artifacts that are deployed. What they reach of this machine is moto and the
S3 gate, on the address of Docker's bridge; clients use the loopback.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from local import console, demo, sample_upload
from local.bridge import bridged
from local.data_plane import DataPlane, StartError, data_plane, describe, publish
from local.docker import Docker, NoDockerError
from local.ffmpeg import architecture
from local.lambda_client import LambdaClient
from local.sam_files import ENVIRONMENT, TEMPLATE, write_sam_files
from local.stack import PortInUseError, cancel, free_port, pollers
from local.template import REGION, TemplateError

ROOT = Path(__file__).parents[1]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
START_S = 120.0
RETRY_S = 0.5
# How long sam waits for a container to listen: it gives up after 20 s, which a busy machine needs.
CONTAINER_START_S = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sam-local", description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))
    parser.add_argument("--folder", type=Path, default=ROOT / ".local", help="for stack.json")
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve(arguments.folder, arguments.port))
    except (TemplateError, NoDockerError, PortInUseError, StartError, demo.DemoError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except httpx.HTTPError as error:
        print(f"\nThe API did not answer: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(folder: Path, port: int) -> None:
    serving = asyncio.current_task()
    assert serving
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with suppress(asyncio.CancelledError):
        async with sam_local(folder, port) as description:
            publish(folder / "stack.json", description)
            _instructions(description)
            await asyncio.Event().wait()
    console.note("\nStopped.")
    (folder / "stack.json").unlink(missing_ok=True)


@asynccontextmanager
async def sam_local(folder: Path, port: int) -> AsyncIterator[dict[str, Any]]:
    """What `stack.json` holds, while everything runs. In the end no container is left.

    Raises NoDockerError, PortInUseError, TemplateError, and StartError.
    """
    port = free_port(port)
    api, lambdas = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port(0)}"
    async with AsyncExitStack() as cleanup:
        docker = cleanup.enter_context(Docker())
        others = docker.sam_containers()
        cleanup.callback(lambda: docker.remove(docker.sam_containers() - others))
        data = await cleanup.enter_async_context(
            data_plane(ROOT / "template.yaml", {"AllowedOrigins": api})
        )
        addresses = await _bridge(data, docker.gateway(), cleanup)
        artifacts = ROOT / ".aws-sam" / architecture()
        # Where sam keeps locks: it leaves them there when it ends while it builds an image.
        scratch = TemporaryDirectory(prefix="sam-", ignore_cleanup_errors=True)
        environment = {**addresses, "TMPDIR": cleanup.enter_context(scratch)}
        write_sam_files(artifacts, folder / "sam", data.stack.functions, addresses)
        for command, address in (("start-lambda", lambdas), ("start-api", api)):
            process = _sam(command, address, folder / "sam", environment)
            await cleanup.enter_async_context(process)
        await asyncio.gather(_listening(lambdas), _listening(api))
        description = describe(data, api)
        await asyncio.to_thread(demo.seed, description)
        await asyncio.to_thread(sample_upload.place, data, description, folder / "sample.mp4")
        await _answering(description)
        functions = await cleanup.enter_async_context(LambdaClient.connected(lambdas))
        for poller in pollers(data, functions):
            cleanup.push_async_callback(cancel, asyncio.create_task(poller.run()))
        yield description


async def _bridge(data: DataPlane, gateway: str, cleanup: AsyncExitStack) -> dict[str, str]:
    """The variables by which containers find the data plane, and sign for who is outside."""
    try:
        moto = await cleanup.enter_async_context(bridged(data.moto, gateway))
        s3 = await cleanup.enter_async_context(bridged(data.s3, gateway))
    except OSError as error:
        raise StartError(f"Docker's bridge ({gateway}) is not of this machine: {error}") from error
    return {
        **data.addresses,
        "AWS_ENDPOINT_URL": moto,
        "AWS_ENDPOINT_URL_S3": s3,
        "S3_PUBLIC_ENDPOINT": data.s3,
    }


@asynccontextmanager
async def _sam(
    command: str, address: str, folder: Path, environment: dict[str, str]
) -> AsyncIterator[None]:
    """A server of sam, which will listen in a while."""
    port = address.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(SAM, "local", command, "--port", port, "--warm-containers", "LAZY"),
        *("--template", folder / TEMPLATE, "--env-vars", folder / ENVIRONMENT),
        "--skip-pull-image",
        cwd=ROOT,
        # An address for sam itself: it asks AWS who we are, and waits for an answer.
        env={
            **os.environ,
            **environment,
            "AWS_DEFAULT_REGION": REGION,
            "SAM_CLI_CONTAINER_CONNECTION_TIMEOUT": str(CONTAINER_START_S),
            "SAM_CLI_TELEMETRY": "0",
        },
        stdout=PIPE,
        stderr=STDOUT,
        limit=console.MAX_LINE_BYTES,
        start_new_session=True,  # Ctrl-C in a terminal is for us
    )
    lines = asyncio.create_task(_show(process, command))
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await asyncio.wait({lines})


async def _show(process: Process, command: str) -> None:
    assert process.stdout
    async for line in console.lines_of(process.stdout):
        console.function_line(command, line)


async def _listening(address: str) -> None:
    """Returns when something listens there. Raises StartError."""
    try:
        async with asyncio.timeout(START_S):
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0:
                        return
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise StartError("sam does not listen; see what it says above.") from error


async def _answering(description: Mapping[str, Any]) -> None:
    """Returns when each function behind the API has answered a user: its container is there.

    Raises StartError.
    """
    sample = sample_upload.attachment_id()
    calls = (
        ("sender", "POST", "upload/", 422),  # of an empty body
        ("sender", "GET", f"attachments/{sample}/", 200),
        ("admin", "GET", "reports/activity/", 200),
    )
    async with httpx.AsyncClient(base_url=description["api"], timeout=START_S) as http:
        for user, method, path, status in calls:
            headers = {"Authorization": f"Bearer {description['tokens'][user]}"}
            until = time.monotonic() + START_S
            while True:
                answer = await http.request(method, f"/api/chat/{path}", headers=headers)
                if answer.status_code == status:
                    break
                if time.monotonic() > until:
                    said = f"{method} /api/chat/{path}: {answer.status_code} {answer.text}"
                    raise StartError(f"{said}\nsam's containers do not answer; see above.")
                await asyncio.sleep(RETRY_S)


def _instructions(description: dict[str, Any]) -> None:
    demo.instructions(description, sample_upload.attachment_id())
    console.heading("Or call one function alone")
    console.note("  .venv-sam/bin/sam local invoke InspectUpload -e events/inspect_upload.json")
    console.heading("Serving from containers until Ctrl-C.")


if __name__ == "__main__":
    sys.exit(main())
