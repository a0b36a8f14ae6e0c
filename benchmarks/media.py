"""The videos that are inspected: short clips, encoded once and repeated to any size.

Each source is a moving test pattern with the grain of a camera in good light, encoded at 1920x1080
with its encoder's default distance between key frames (which is what most uploads have), then
repeated without re-encoding, so that the large files have real indexes. They lie under
`.build/bench-media`, named by a hash of the commands that made them.
"""

import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import imageio_ffmpeg

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".build" / "bench-media"
MB = 1_000_000  # as in 60 MB/s
WIDTH, HEIGHT = 1920, 1080
SOURCE_SECONDS = 10
VIDEO_MBIT_S = 5

PICTURE = f"testsrc2=s={WIDTH}x{HEIGHT}:r=30:d={SOURCE_SECONDS}"
GRAIN, HEAVY_GRAIN = 2, 8  # strength of FFmpeg's noise filter
SOUND = f"sine=f=440:r=48000:d={SOURCE_SECONDS}"


@dataclass(frozen=True, slots=True)
class Source:
    """A short clip to repeat; `suffix` names its container."""

    suffix: str
    codec: str
    encoders: tuple[str, ...]
    grain: int = GRAIN


H264 = Source("mp4", "h264", ("-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"))
HEVC = Source("mp4", "hevc", ("-c:v", "libx265", "-preset", "ultrafast", "-c:a", "aac"))
VP9 = Source(
    "webm",
    "vp9",
    ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
)
GRAINY = replace(VP9, grain=HEAVY_GRAIN)
THEORA = Source("ogg", "theora", ("-c:v", "libtheora", "-c:a", "libvorbis"))
MPEG4 = Source("avi", "mpeg4", ("-c:v", "mpeg4", "-c:a", "libmp3lame"))


@dataclass(frozen=True, slots=True)
class Case:
    """A container and its layout; `muxing` are the options that make it.

    One that is not `ordinary` is measured, but held to no target.
    """

    name: str
    title: str
    source: Source
    suffix: str
    mime_type: str
    muxing: tuple[str, ...] = ()
    ordinary: bool = True


CASES = (
    Case("mp4-moov-first", "MP4, moov first", H264, "mp4", "video/mp4", ("-movflags", "faststart")),
    Case("mp4-moov-last", "MP4, moov last", H264, "mp4", "video/mp4"),
    Case(
        "mp4-fragmented",
        "MP4, fragmented",
        H264,
        "mp4",
        "video/mp4",
        ("-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    ),
    Case("mov", "MOV (HEVC)", HEVC, "mov", "video/quicktime", ("-tag:v", "hvc1")),
    Case("mkv", "MKV", H264, "mkv", "video/x-matroska"),
    Case("webm", "WebM (VP9)", VP9, "webm", "video/webm"),
    Case("ogg", "OGG (Theora)", THEORA, "ogg", "video/ogg", ("-f", "ogg")),
    Case("avi", "AVI (MPEG-4)", MPEG4, "avi", "video/x-msvideo"),
    Case("webm-grainy", "WebM (VP9), heavy grain", GRAINY, "webm", "video/webm", ordinary=False),
)


@dataclass(frozen=True, slots=True)
class Clip:
    """One generated video, and the truth about it that every variant must find."""

    case: Case
    size_mb: int
    path: Path
    duration_ms: int

    @property
    def key(self) -> str:
        """Its key in the simulated bucket."""
        return self.path.name


def cases(names: Iterable[str]) -> tuple[Case, ...]:
    """The cases so named, all if none is named. Raises KeyError."""
    by_name = {case.name: case for case in CASES}
    return tuple(by_name[name] for name in names) or CASES


def clip(case: Case, size_mb: int) -> Clip:
    """The case's video of about this size; made if it is not there yet."""
    source = _made(case.source.suffix, _encoding(case.source))
    seconds = round(size_mb * MB / source.stat().st_size * SOURCE_SECONDS, 1)
    repeats = int(seconds / SOURCE_SECONDS) + 1
    again = ("-stream_loop", str(repeats), "-i", str(source), "-t", str(seconds), "-c", "copy")
    path = _made(case.suffix, (*again, *case.muxing))
    return Clip(case, size_mb, path, round(seconds * 1000))


def _encoding(source: Source) -> tuple[str, ...]:
    picture = f"{PICTURE},noise=alls={source.grain}:allf=t"
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", SOUND)
    rate = ("-b:v", f"{VIDEO_MBIT_S}M", "-maxrate", "6M", "-bufsize", "2M")
    return (*inputs, *source.encoders, *rate, "-pix_fmt", "yuv420p")


def _made(suffix: str, arguments: tuple[str, ...]) -> Path:
    """What ffmpeg makes of the arguments, kept under a hash of them."""
    name = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:24]
    path = CACHE / f"{name}.{suffix}"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = CACHE / f"{name}.part.{suffix}"
        tool = imageio_ffmpeg.get_ffmpeg_exe()
        subprocess.run([tool, "-nostdin", "-v", "error", "-y", *arguments, str(part)], check=True)
        part.replace(path)
    return path
