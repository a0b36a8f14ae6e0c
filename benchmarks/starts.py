"""One cold start through Lambda's runtime interface, from an artifact."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from artifacts.build import Function as Built
from local.data_plane import DataPlane
from local.worker import Function, Worker

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-lambda" / "bin" / "python"
PATIENCE_S = 120.0  # a busy machine measures badly, but it measures
IMPORT_TIME = re.compile(r"import time: +(\d+) \| +\d+ \| *([\w.]+)")


class FailedStartError(Exception):
    """A function did not start, or answered its first event with an error."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds from the process's start to its first question for an event, and on to the
    answer."""

    init_ms: float
    answer_ms: float

    @property
    def ms(self) -> float:
        return self.init_ms + self.answer_ms


@dataclass(frozen=True, slots=True)
class Imports:
    """What a start imports: how many modules, and the milliseconds of each top-level package."""

    modules: int
    packages: dict[str, float]


@dataclass(frozen=True)
class Starter:
    """Starts the functions of one build folder over a data plane."""

    folder: Path
    data: DataPlane
    events: dict[str, bytes]

    async def start(self, built: Built, *, python: Sequence[str]) -> Timing:
        """Raises FailedStartError."""
        timing, _ = await self._start(built, python=python, environment={})
        return timing

    async def imports(self, built: Built) -> Imports:
        """From a start that is not timed otherwise. Raises FailedStartError."""
        profiled = {"PYTHONPROFILEIMPORTTIME": "1"}
        _, lines = await self._start(built, python=[str(PYTHON)], environment=profiled)
        packages, modules = Counter[str](), 0
        for line in lines:
            found = IMPORT_TIME.match(line)
            if found:
                modules += 1
                packages[found[2].partition(".")[0]] += int(found[1])
        return Imports(modules, {name: us / 1000 for name, us in packages.most_common(8)})

    async def _start(
        self, built: Built, *, python: Sequence[str], environment: dict[str, str]
    ) -> tuple[Timing, list[str]]:
        lines: list[str] = []
        worker = Worker(
            self._function(built, environment),
            self.folder / built.name,
            lambda _, line: lines.append(line),
            python=python,
        )
        began = perf_counter()
        await worker.start()
        try:
            answering = asyncio.create_task(worker.invoke(self.events[built.name]))
            await worker.initialised()
            asked = perf_counter()
            answer = await answering
            answered = perf_counter()
        finally:
            await worker.stop()
        if answer.failed or _is_server_error(answer.payload):
            shown = "\n".join([answer.payload.decode(errors="replace"), *lines[-20:]])
            raise FailedStartError(f"{built.name} of {self.folder} failed: {shown}")
        return Timing((asked - began) * 1000, (answered - asked) * 1000), lines

    def _function(self, built: Built, environment: dict[str, str]) -> Function:
        [declared] = (one for one in self.data.stack.functions if one.name == built.name)
        packages = [str(self.folder / layer / "python") for layer in built.layers]
        here = {
            "FFMPEG_DIR": str(self.folder / "FfmpegLayer" / "bin"),
            "PYTHONPATH": ":".join(packages),
            "PYTHONDONTWRITEBYTECODE": "1",  # on Lambda nothing can be written there
            "WEBHOOKS_TO_LOOPBACK": "yes",
        }
        everything = {**declared.environment, **self.data.addresses, **here, **environment}
        return replace(declared, environment=everything, timeout_s=PATIENCE_S)


def _is_server_error(payload: bytes) -> bool:
    answer: Any = json.loads(payload)
    return isinstance(answer, dict) and int(answer.get("statusCode", 200)) >= 500
