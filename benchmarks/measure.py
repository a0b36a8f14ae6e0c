"""One measurement: a variant inspects a video some times over, in a fresh process of its own."""

import base64
import io
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image

from benchmarks.cpu_quota import CpuQuota
from benchmarks.media import CASES, HEIGHT, ROOT, WIDTH, Clip, clip
from benchmarks.memory import MemoryWatch
from benchmarks.simulated_s3 import SimulatedS3

DURATION_TOLERANCE_MS = 300
THUMBNAIL = (320, 180)


class WrongAnswerError(Exception):
    """A variant failed, or found something else than what is true of the video."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A variant by its name, with the folder of the ffmpeg and ffprobe that it runs."""

    name: str
    tools: Path


@dataclass(frozen=True, slots=True)
class Row:
    """A result. The figures are medians, `peak_mb` of function and children together."""

    case: str
    size_mb: int
    variant: str
    ms: float
    requests: int
    bytes: int
    peak_mb: float


class Worker:
    """The process in which a contender inspects; see `worker`."""

    def __init__(self, contender: Contender, s3: SimulatedS3, quota: CpuQuota | None) -> None:
        self._contender, self._s3, self._quota = contender, s3, quota

    def __enter__(self) -> Self:
        contender = self._contender
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.worker"),
                *(contender.name, self._s3.url, str(contender.tools)),
            ],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._quota:
            self._quota.take_in(self._process.pid)
        self._hear()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()  # closes its stdin, which ends it

    @property
    def pid(self) -> int:
        return self._process.pid

    def inspect(self, video: Clip) -> float:
        """How many milliseconds it took. Raises WrongAnswerError."""
        assert self._process.stdin
        wanted = {
            "key": video.key,
            "mime_type": video.case.mime_type,
            "size": video.path.stat().st_size,  # as S3's event tells it
        }
        print(json.dumps(wanted), file=self._process.stdin, flush=True)
        heard = self._hear()
        complaint = heard.get("error") or disagreement(video, heard["answer"])
        if complaint:
            raise WrongAnswerError(
                f"{self._contender.name}, {video.case.name}, {video.size_mb} MB: {complaint}"
            )
        return float(heard["ms"])

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise WrongAnswerError(f"{self._contender.name}: the process ended.")
        heard: dict[str, Any] = json.loads(line)
        return heard


def measure(video: Clip, contender: Contender, s3: SimulatedS3, *, repeat: int) -> Row:
    """Raises WrongAnswerError. Memory is taken in a run of its own, which is not timed."""
    _read_into_cache(video.path)
    with Worker(contender, s3, None) as worker:
        _warm(worker)
        with MemoryWatch(worker.pid) as watch:
            worker.inspect(video)
        before = s3.counters()
        times = [worker.inspect(video) for _ in range(repeat)]
        after = s3.counters()
    return Row(
        case=video.case.name,
        size_mb=video.size_mb,
        variant=contender.name,
        ms=round(statistics.median(times), 1),
        requests=round((after.requests - before.requests) / repeat),
        bytes=round((after.bytes - before.bytes) / repeat),
        peak_mb=round(watch.peak_mb, 1),
    )


def median_ms(
    video: Clip, contender: Contender, s3: SimulatedS3, *, quota: CpuQuota, repeat: int
) -> float:
    """The time alone, on a part of the processors."""
    with Worker(contender, s3, quota) as worker:
        _warm(worker)
        return round(statistics.median(worker.inspect(video) for _ in range(repeat)), 1)


def disagreement(video: Clip, answer: dict[str, Any]) -> str | None:
    """What a variant got wrong about a video, if anything."""
    found = (answer["codec"], answer["width"], answer["height"])
    true = (video.case.source.codec, WIDTH, HEIGHT)
    if found != true:
        return f"found {found} instead of {true}"
    duration_ms = answer["duration_ms"]
    if duration_ms is None or abs(duration_ms - video.duration_ms) > DURATION_TOLERANCE_MS:
        return f"found a duration of {duration_ms} ms instead of {video.duration_ms}"
    try:
        thumbnail = Image.open(io.BytesIO(base64.b64decode(answer["jpeg"])))
    except OSError:
        return "made no JPEG"
    extrema = thumbnail.convert("L").getextrema()
    if thumbnail.size != THUMBNAIL or extrema[0] == extrema[1]:
        return f"made a thumbnail of {thumbnail.size} that is not the video's"
    return None


def _warm(worker: Worker) -> None:
    """The first inspection of a process pays for what later ones find done."""
    worker.inspect(clip(CASES[0], 1))


def _read_into_cache(path: Path) -> None:
    """So that the simulated S3 never waits for this machine's disk."""
    with path.open("rb") as file:
        while file.read(1 << 22):
            pass


def _environment() -> dict[str, str]:
    """No proxy, no profile and no credentials but these."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
