"""The functions of the stack behind the Lambda Invoke API, each in processes of its own.

boto3's `lambda` client with an `endpoint_url` works; how functions are set is `lambda_settings`.
Parallel requests get workers of their own, up to the function's `max_workers`; other than on AWS,
those beyond wait instead of a 429.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from aiohttp import web

from local.lambda_settings import Poller, SettingsApi, refusal
from local.loopback import serving
from local.worker import ARN_PREFIX, MAX_PAYLOAD_BYTES, Answer, Function, Log, Worker


class Runtime:
    def __init__(self, functions: Iterable[Function], *, root: Path, log: Log) -> None:
        """`root` is the folder with the code; `log` gets each line that a function prints, with
        the function's name."""
        self._pools = {function.name: Pool(function, root, log) for function in functions}
        self.pollers: list[Poller] = []  # they come when the functions can be reached

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The endpoint of the Invoke API. In the end no process of any function is left."""
        application = web.Application(client_max_size=MAX_PAYLOAD_BYTES)
        application.router.add_post("/2015-03-31/functions/{name}/invocations", self._invoke)
        application.router.add_routes(SettingsApi(self._pools, self.pollers).routes())
        try:
            async with serving(application) as endpoint:
                yield endpoint
        finally:
            await asyncio.gather(*(pool.stop() for pool in self._pools.values()))

    async def _invoke(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._pools:
            return refusal(
                404, "ResourceNotFoundException", f"Function not found: {ARN_PREFIX}{name}"
            )
        if request.headers.get("X-Amz-Invocation-Type", "RequestResponse") != "RequestResponse":
            message = "The local stack knows only the invocation type RequestResponse"
            return refusal(400, "InvalidParameterValueException", message)
        try:
            payload = await request.read()
        except web.HTTPRequestEntityTooLarge:
            message = f"The payload is larger than {MAX_PAYLOAD_BYTES} bytes"
            return refusal(413, "RequestTooLargeException", message)
        answer = await self._pools[name].invoke(payload or b"{}")
        headers = {"X-Amz-Function-Error": "Unhandled"} if answer.failed else {}
        return web.Response(body=answer.payload, headers=headers, content_type="application/json")


class Pool:
    """The workers of one function: the last one to become idle is the next to work."""

    def __init__(self, function: Function, root: Path, log: Log) -> None:
        self.function = function
        self._new_worker = partial(Worker, root=root, log=log)
        self._slots = asyncio.Semaphore(function.max_workers)
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()

    async def invoke(self, payload: bytes) -> Answer:
        async with self._slots:  # before any other await: there are never more workers than slots
            worker = await self._take()
            try:
                return await worker.invoke(payload)
            finally:
                if self._fit(worker):
                    self._idle.append(worker)
                else:
                    await self._discard(worker)

    def _fit(self, worker: Worker) -> bool:
        """Whether it can go on, and knows how the function is set now."""
        return worker.usable and worker.function is self.function

    async def _take(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if self._fit(worker):
                return worker
            await self._discard(worker)
        worker = self._new_worker(self.function)
        await worker.start()
        self._workers.add(worker)
        return worker

    async def _discard(self, worker: Worker) -> None:
        await worker.stop()
        self._workers.discard(worker)

    async def stop(self) -> None:
        await asyncio.gather(*(self._discard(worker) for worker in list(self._workers)))
