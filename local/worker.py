"""One process of a function, run as Lambda's Python image runs it.

It is `python -m awslambdaric <handler>` against a Runtime API of its own, with the function's
environment and no other: the port on which it asks for work tells who asks, and so whom to kill.
Other than on AWS, memory is not limited, and only TMPDIR is its own.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from aiohttp import web

from local.console import MAX_LINE_BYTES, lines_of
from local.loopback import serving
from local.template import ACCOUNT, REGION

Log = Callable[[str, str], None]

ARN_PREFIX = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
MAX_PAYLOAD_BYTES = 6 * 2**20  # AWS page "Lambda quotas"


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function of the template; `max_workers` limits its parallel requests."""

    name: str
    handler: str
    timeout_s: float
    memory_mb: int
    environment: Mapping[str, str]
    max_workers: int = 8


@dataclass(frozen=True)
class Answer:
    payload: bytes
    failed: bool = False


class Worker:
    def __init__(
        self,
        function: Function,
        root: Path,
        log: Log,
        *,
        python: Sequence[str] = (sys.executable,),
    ) -> None:
        """`root` is the folder that the process runs in; `log` gets each line that it prints.

        `python` is the command of an interpreter that has awslambdaric.
        """
        self.function, self._root, self._log, self._python = function, root, log, python
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._initialised = asyncio.Event()  # or never will be
        self._spent = False

    @property
    def usable(self) -> bool:
        return not self._spent and self._process.returncode is None

    async def start(self) -> None:
        application = web.Application(client_max_size=MAX_PAYLOAD_BYTES)
        api = "/2018-06-01/runtime"
        application.router.add_get(f"{api}/invocation/next", self._next)
        for report in ("invocation/{id}/response", "invocation/{id}/error", "init/error"):
            application.router.add_post(f"{api}/{report}", self._finish)
        temporary = TemporaryDirectory(prefix="function-", ignore_cleanup_errors=True)
        async with AsyncExitStack() as cleanup:
            directory = cleanup.enter_context(temporary)
            endpoint = await cleanup.enter_async_context(
                serving(application, handler_cancellation=True)
            )
            self._process = await asyncio.create_subprocess_exec(
                *(*self._python, "-m", "awslambdaric", self.function.handler),
                cwd=self._root,
                env=self._environment(endpoint.removeprefix("http://"), directory),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=MAX_LINE_BYTES,
                start_new_session=True,
            )
            self._cleanup = cleanup.pop_all()
        self._watching = asyncio.create_task(self._watch())

    async def initialised(self) -> None:
        """Returns when the process asks for its first event, or has ended."""
        await self._initialised.wait()

    async def invoke(self, payload: bytes) -> Answer:
        """The function's answer, or Lambda's own for a process that timed out or ended."""
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._request_id = str(uuid4())
        self._inbox.put_nowait(payload)
        try:
            async with asyncio.timeout(self.function.timeout_s):
                await self._initialised.wait()
            async with asyncio.timeout(self.function.timeout_s):
                return await self._answer
        except TimeoutError:
            self.kill()
            message = f"Task timed out after {self.function.timeout_s:.2f} seconds"
            self._log(self.function.name, message)
            return self._failure("Sandbox.Timedout", message)

    def kill(self) -> None:
        """End the process with all that it started."""
        self._spent = True
        if not self._watching.done():
            for group in _groups_below(self._process.pid):
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)

    async def stop(self) -> None:
        self.kill()
        await asyncio.wait({self._watching}, timeout=1)  # what escaped may still hold stdout
        self._watching.cancel()
        await self._cleanup.aclose()

    def _environment(self, runtime_api: str, directory: str) -> dict[str, str]:
        function = self.function
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            **function.environment,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_REGION": REGION,
            "LAMBDA_TASK_ROOT": str(self._root),
            "TMPDIR": directory,
            "_HANDLER": function.handler,
        }

    async def _next(self, _: web.Request) -> web.Response:
        self._initialised.set()
        payload = await self._inbox.get()
        deadline_ms = int((time.time() + self.function.timeout_s) * 1000)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": self._request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": ARN_PREFIX + self.function.name,
        }
        return web.Response(body=payload, headers=headers, content_type="application/json")

    async def _finish(self, request: web.Request) -> web.Response:
        """An answer, an exception of the handler, or (without an id) of the module itself."""
        self._spent = "id" not in request.match_info
        try:
            answer = Answer(await request.read(), failed=request.path.endswith("/error"))
        except web.HTTPRequestEntityTooLarge:
            limit = f"maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)"
            message = f"Response payload size ({request.content_length} bytes) exceeded {limit}."
            answer = self._failure("Function.ResponseSizeTooLarge", message)
        self._settle(answer)
        return web.json_response({"status": "OK"}, status=202)

    def _settle(self, answer: Answer) -> None:
        self._initialised.set()
        if not self._answer.done():
            self._answer.set_result(answer)

    def _failure(self, error_type: str, message: str) -> Answer:
        message = f"RequestId: {self._request_id} Error: {message}"
        payload = json.dumps({"errorType": error_type, "errorMessage": message})
        return Answer(payload.encode(), failed=True)

    async def _watch(self) -> None:
        """Hand on each line, and tell when there will be no more."""
        lines = self._process.stdout
        assert lines
        async for line in lines_of(lines):
            # awslambdaric joins the lines of a traceback with carriage returns
            for part in line.split("\r"):
                self._log(self.function.name, part)
        code = await self._process.wait()
        status = f"exit status {code}" if code >= 0 else f"signal: {signal.strsignal(-code)}"
        message = f"Runtime exited with error: {status}"
        if not self._spent:
            self._log(self.function.name, message)
        self._settle(self._failure("Runtime.ExitError", message))


def _groups_below(root: int) -> set[int]:
    """The process groups of `root` and of its descendants: a child may lead a group of its own."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    groups, waiting = {root}, [root]
    while waiting:
        for child in children.get(waiting.pop(), []):
            waiting.append(child)
            with suppress(ProcessLookupError):
                groups.add(os.getpgid(child))
    return groups
