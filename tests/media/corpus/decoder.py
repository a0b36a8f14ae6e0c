"""An independent decoder's view of a file: FFmpeg's libraries by PyAV, and Pillow for pictures.

It runs as a process of its own, because what it opens is broken: `Decoder` starts it, gives it
paths line by line, and starts another when it crashes or hangs.
"""

import json
import math
import resource
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 15.0
MEMORY_MAX_BYTES = 2 << 30
PACKETS_MAX = 5000
MS_MAX = 1e12


@dataclass(slots=True)
class View:
    """Everything that a decoder may say, for all streams; sizes with and without pixel aspect.

    `stated_ms` are durations by headers and timestamps, `shown_ms` those of what was decoded.
    """

    sizes: list[tuple[int, int]] = field(default_factory=list)
    video_codecs: list[str] = field(default_factory=list)
    audio_codecs: list[str] = field(default_factory=list)
    stated_ms: list[float] = field(default_factory=list)
    shown_ms: list[float] = field(default_factory=list)
    trouble: str = ""

    def state_ms(self, ms: float) -> None:
        _note_ms(self.stated_ms, ms)

    def show_ms(self, ms: float) -> None:
        _note_ms(self.shown_ms, ms)

    def note_size(self, width: int, height: int, aspect: float = 1) -> None:
        for wide in {width, round(width * aspect)}:
            for size in ((wide, height), (height, wide)):
                if size not in self.sizes:
                    self.sizes.append(size)


def _note_ms(known: list[float], ms: float) -> None:
    if math.isfinite(ms) and 0 < ms < MS_MAX and round(ms) not in known:
        known.append(round(ms))


class Decoder:
    """Asks the other process; use it in a `with` block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def look(self, path: Path, demuxer: str) -> View:
        """What it sees in a file; nothing, with the trouble named, if it crashes or hangs.

        It decides itself what the file is; `demuxer` is tried when it cannot make sense of it.
        """
        process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):
            process.stdin.write(f"{demuxer} {path}\n")
            process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
        line = process.stdout.readline() if ready else ""
        if not line:
            self._end()
            return View(trouble="the decoder crashed" if ready else "the decoder hung")
        told = json.loads(line)
        told["sizes"] = [(width, height) for width, height in told["sizes"]]
        return View(**told)

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.media.corpus.decoder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        return self._process

    def _end(self) -> None:
        if process := self._process:
            process.kill()
            process.communicate()
        self._process = None


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        demuxer, _, path = line.rstrip("\n").partition(" ")
        view = View()
        _try(_by_pillow, view, path)
        _try(_by_pyav, view, path)
        if not view.shown_ms:
            _try(_by_pyav, view, path, demuxer)
        print(json.dumps(asdict(view)), flush=True)


def _try(look: Callable[..., None], view: View, *arguments: str) -> None:
    try:
        look(view, *arguments)
    except Exception as error:  # whatever it is, it says that the file is broken
        view.trouble += f"{type(error).__name__}: {error} "


def _by_pillow(view: View, path: str) -> None:
    from PIL import Image, UnidentifiedImageError

    with suppress(UnidentifiedImageError), Image.open(path) as image:
        view.note_size(*image.size)


def _by_pyav(view: View, path: str, demuxer: str | None = None) -> None:
    import av

    av.logging.set_level(av.logging.PANIC)
    # A damaged fragment keeps the others from being read, unless its index is ignored.
    options = {"fflags": "+ignidx"} if demuxer else {}
    with av.open(path, format=demuxer, options=options, metadata_errors="replace") as container:
        if container.duration:
            view.state_ms(container.duration / 1000)
        ends: dict[int, _Extent] = {}
        for stream in container.streams:
            if stream.type in ("video", "audio"):
                _note_stream(stream, view)
                ends[stream.index] = _Extent()
        for packet in _packets(container):
            extent = ends.get(packet.stream.index)
            if extent is None:
                continue
            if packet.pts is not None and packet.time_base:
                start = float(packet.pts * packet.time_base)
                extent.packet(start, float((packet.duration or 0) * packet.time_base))
            with suppress(Exception):
                for frame in packet.decode():
                    _note_frame(frame, packet.stream, extent, view)
        _conclude(ends, container, view)


def _packets(container: Any) -> Iterator[Any]:
    """As many as can be read; the last ones are empty and flush the decoders."""
    with suppress(Exception):
        for number, packet in enumerate(container.demux()):
            if number >= PACKETS_MAX:
                return
            yield packet


class _Extent:
    """From where to where a stream reaches, in seconds: by its packets and by its frames."""

    def __init__(self) -> None:
        self.first = self.first_packet = math.inf
        self.end = self.packet_end = -math.inf
        self.total = 0.0

    def packet(self, start: float, length: float) -> None:
        self.first_packet = min(self.first_packet, start)
        self.packet_end = max(self.packet_end, start + length)

    def frame(self, start: float, length: float) -> None:
        self.first = min(self.first, start)
        self.end = max(self.end, start + length)
        self.total += length


def _note_stream(stream: Any, view: View) -> None:
    context = stream.codec_context
    codecs = view.video_codecs if stream.type == "video" else view.audio_codecs
    if context is not None:
        codecs.append(context.codec.canonical_name)
    if stream.duration and stream.time_base:
        view.state_ms(float(stream.duration * stream.time_base) * 1000)
    if stream.type == "video" and context is not None and context.width:
        view.note_size(context.width, context.height, float(stream.sample_aspect_ratio or 1))


def _note_frame(frame: Any, stream: Any, extent: _Extent, view: View) -> None:
    if stream.type == "video":
        view.note_size(frame.width, frame.height, float(stream.sample_aspect_ratio or 1))
        length = 1 / float(stream.average_rate or stream.guessed_rate or 25)
    else:
        length = frame.samples / frame.sample_rate
    extent.frame(frame.time if frame.time is not None else max(extent.end, 0.0), length)


def _conclude(ends: dict[int, _Extent], container: Any, view: View) -> None:
    begin = (container.start_time or 0) / 1e6
    for extent in ends.values():
        for origin in (0.0, begin, extent.first_packet):
            view.state_ms((extent.packet_end - origin) * 1000)
        for origin in (0.0, begin, extent.first):
            view.show_ms((extent.end - origin) * 1000)
        view.show_ms(extent.total * 1000)


if __name__ == "__main__":
    _main()
