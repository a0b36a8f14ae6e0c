"""Finds the ffmpeg of the local functions: the built layer, else this machine's, else a build.

The layer is what is deployed, so it is preferred; a distribution's ffmpeg is good enough for
development and saves the minutes of the build.
"""

import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
OLDEST = 7


class NoFfmpegError(Exception):
    """There is no ffmpeg and none could be built; the message says what to do."""


def architecture() -> str:
    """This machine's architecture in Lambda's words. Raises NoFfmpegError."""
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        raise NoFfmpegError(f"The ffmpeg layer cannot be built for {machine}.")
    return ARCHITECTURES[machine]


def built_layer() -> Path:
    """Where `make layer` puts this machine's layer."""
    return ROOT / ".build" / "ffmpeg" / architecture() / "bin"


def find(say: Callable[[str], None]) -> Path:
    """The folder with ffmpeg and ffprobe. Raises NoFfmpegError."""
    layer = built_layer()
    if (layer / "ffmpeg").exists():
        return layer
    ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")
    if ffmpeg and ffprobe and Path(ffmpeg).parent == Path(ffprobe).parent:
        if _major_version(ffmpeg) >= OLDEST:
            say(f"Using {ffmpeg} of this machine, not the layer that is deployed (`make layer`).")
            return Path(ffmpeg).parent
        say(f"{ffmpeg} is older than {OLDEST}.0, which the inspection needs.")
    say("Building the ffmpeg layer, once: this takes some minutes.")
    built = subprocess.run(["make", "--no-print-directory", "layer"], cwd=ROOT, check=False)
    if built.returncode != 0 or not (layer / "ffmpeg").exists():
        raise NoFfmpegError(
            "The ffmpeg layer could not be built (see above). Install ffmpeg with your package "
            "manager and run this again, or mend the build with `make layer`."
        )
    return layer


def _major_version(ffmpeg: str) -> int:
    """0 where it does not say: a build of one's own between two releases."""
    said = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"ffmpeg version n?(\d+)\.", said)
    return int(found[1]) if found else 0
