"""The local stack on a bad day: S3 fails now and then, the queue delivers again what was done.

    python -m tests.faults.faulty_stack --folder FOLDER [--seed N] [--failing SHARE] [--again SHARE]

Writes `stack.json` when it is ready and `faults.json` at its end: how often what went wrong.
"""

import argparse
import asyncio
import json
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from local import demo
from local.data_plane import publish
from local.gate import Gate
from local.queue_poller import QueuePoller
from local.stack import LocalStack
from tests.stack.client import HIGH_LIMITS, ROOT

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

SLOW_DOWN = (
    "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
AGAIN_AFTER_S = 1


class Day:
    """What goes wrong, and how often it did."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.random = Random(options.seed)
        self.options = options
        self.faults = {"refused": 0, "lost": 0, "redelivered": 0}

    def comes(self, fault: str, share: float) -> bool:
        if self.random.random() >= share:
            return False
        self.faults[fault] += 1
        return True


class FailingGate(Gate):
    """Answers 503 to a share of all requests: half of them before anything was done, half after."""

    def __init__(self, day: Day, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._day = day
        self._share = day.options.failing / 2

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._day.comes("refused", self._share):
            await request.read()
            return _slow_down()
        return await super()._handle(request)

    async def _answer(
        self,
        request: web.BaseRequest,
        head: Any,
        answer: aiohttp.ClientResponse,
        added: Any,
    ) -> web.StreamResponse:
        if self._day.comes("lost", self._share):
            return _slow_down()
        return await super()._answer(request, head, answer, added)


def _slow_down() -> web.Response:
    return web.Response(status=503, text=SLOW_DOWN, content_type="application/xml")


class ForgetfulPoller(QueuePoller):
    """Leaves a share of what was done in the queue, so that it comes again."""

    def __init__(self, day: Day, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._day = day

    def _settle(self, messages: "list[MessageTypeDef]", failed: set[str]) -> None:
        if self._day.comes("redelivered", self._day.options.again):
            self._show_again(messages)
        else:
            super()._settle(messages, failed)


async def serve(options: argparse.Namespace) -> None:
    stop, day = asyncio.Event(), Day(options)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stack = LocalStack(
        ROOT / "template.yaml",
        parameters=dict(part.partition("=")[::2] for part in HIGH_LIMITS.split()),
        gate=partial(FailingGate, day),
        poller=partial(ForgetfulPoller, day, retry_after_s=AGAIN_AFTER_S),
    )
    async with stack:
        await asyncio.to_thread(demo.seed, stack.description)
        publish(options.folder / "stack.json", stack.description)
        await stop.wait()
    (options.folder / "faults.json").write_text(json.dumps(day.faults))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failing", type=float, default=0.05)
    parser.add_argument("--again", type=float, default=0.1)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
