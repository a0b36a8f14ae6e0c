"""Where the time of one inspection goes: `python -m benchmarks.timeline [CASE …] [--size 100]`.

Store requests, programs and the encoding of the thumbnail are noted as they begin and end, in
milliseconds after the event. What overlaps runs at the same time.
"""

import argparse
import os
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import boto3

from benchmarks.media import CACHE, CASES, ROOT, Clip, cases, clip
from benchmarks.simulated_s3 import BUCKET, SimulatedS3, add_flags, simulation_of
from benchmarks.tools import layer_tools

sys.path.append(str(ROOT / "layers" / "core"))

from attachments.model import ObjectVersion
from attachments.storage import Storage
from attachments.wiring import PATIENT, SIGV4
from functions.inspect_upload import movie
from functions.inspect_upload.findings import Declared, Picture
from functions.inspect_upload.frame import Frame
from functions.inspect_upload.inspectors import examine
from functions.inspect_upload.object_reader import StoredObjectReader
from functions.inspect_upload.picture import encode
from functions.inspect_upload.sandbox import Result, Sandbox

WARM_UP = 3
SCALE_MS = 5  # a character of the bars


@dataclass(frozen=True, slots=True)
class Span:
    name: str
    began_ms: float
    ended_ms: float
    note: str = ""


@dataclass
class Timeline:
    """What went on in one inspection."""

    began: float = 0
    spans: list[Span] = field(default_factory=list)

    def start(self) -> None:
        self.began = time.perf_counter()
        self.spans.clear()

    @contextmanager
    def span(self, name: str) -> Iterator[list[str]]:
        """Notes the block as a span; what it appends to the list is said beside it."""
        began, notes = self._now(), list[str]()
        yield notes
        self.spans.append(Span(name, began, self._now(), " ".join(notes)))

    def _now(self) -> float:
        return (time.perf_counter() - self.began) * 1000


class WatchedStorage(Storage):
    timeline: Timeline

    def head(self, key: str, version_id: str | None = None) -> ObjectVersion:
        with self.timeline.span("HEAD"):
            return super().head(key, version_id)

    def stream(
        self, key: str, version: ObjectVersion, start: int, length: int
    ) -> Generator[bytes, None, None]:
        with self.timeline.span("GET") as notes:
            notes.append(f"{length / 1024:.0f} KiB at {start / 1024:.0f}")
            yield from super().stream(key, version, start, length)


class WatchedSandbox(Sandbox):
    timeline: Timeline

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        deadline_s: float,
        stdout_max: int = 1 << 20,
        stderr_max: int = 1 << 14,
        stdin: bytes | None = None,
        niceness: int = 0,
    ) -> Result:
        with self.timeline.span(program) as notes:
            result = super().run(
                program,
                arguments,
                deadline_s=deadline_s,
                stdout_max=stdout_max,
                stderr_max=stderr_max,
                stdin=stdin,
                niceness=niceness,
            )
            notes.append(f"{result.cpu_s * 1000:.0f} ms of CPU")
        return result


def main() -> None:
    arguments = _arguments()
    _pretend_credentials()
    timeline = Timeline()
    sandbox = WatchedSandbox(layer_tools())
    sandbox.timeline = timeline
    with _watched_encoding(timeline), SimulatedS3(CACHE, simulation_of(arguments)) as s3:
        client = boto3.client("s3", endpoint_url=s3.url, config=PATIENT.merge(SIGV4))
        storage = WatchedStorage(client, bucket=BUCKET)
        storage.timeline = timeline
        for case in cases(arguments.case):
            video = clip(case, arguments.size)
            for _ in range(WARM_UP):
                total_ms = _inspect(video, storage, sandbox, timeline)
            _print(video, timeline, total_ms)
    sandbox.close()


def _inspect(video: Clip, storage: Storage, sandbox: Sandbox, timeline: Timeline) -> float:
    timeline.start()
    reader = StoredObjectReader(storage, video.key, storage.head(video.key))
    examine(reader, Declared(video.key, video.case.mime_type, video_only=True), sandbox=sandbox)
    return (time.perf_counter() - timeline.began) * 1000


@contextmanager
def _watched_encoding(timeline: Timeline) -> Iterator[None]:
    def watched(frame: Frame, *, transfer: str = "", at_ms: int | None = None) -> Picture:
        with timeline.span("encode") as notes:
            picture = encode(frame, transfer=transfer, at_ms=at_ms)
            notes.append(f"{len(picture.jpeg) / 1024:.0f} KiB")
        return picture

    with patch.object(movie, "encode", watched):
        yield


def _print(video: Clip, timeline: Timeline, total_ms: float) -> None:
    print(f"\n{video.case.title}, {video.size_mb} MB: {total_ms:.0f} ms")
    for span in sorted(timeline.spans, key=lambda span: span.began_ms):
        lead, length = round(span.began_ms / SCALE_MS), span.ended_ms - span.began_ms
        bar = " " * lead + "█" * max(round(length / SCALE_MS), 1)
        print(f"  {span.name:8} {span.began_ms:5.0f} {length:5.0f} ms  {bar}  {span.note}")


def _pretend_credentials() -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "benchmark"
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timeline", description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("case", nargs="*", help=f"some of {', '.join(names)}; usually all")
    parser.add_argument("--size", type=int, default=100, help="MB of the video")
    add_flags(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
