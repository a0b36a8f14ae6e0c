"""The ffmpeg and ffprobe that the variants run, and what they call themselves."""

import platform
import shutil
import subprocess
from pathlib import Path

from benchmarks.media import ROOT


class NoLayerError(Exception):
    """The layer's ffmpeg is not built for this machine."""


def layer_tools() -> Path:
    """The folder with the layer's programs. Raises NoLayerError."""
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    tools = ROOT / ".build" / "ffmpeg" / architecture / "bin"
    if not (tools / "ffprobe").exists():
        raise NoLayerError("There is no ffmpeg layer for this machine: run `make layer`.")
    return tools


def distribution_tools() -> Path | None:
    """The folder with both programs of the distribution, if they are installed."""
    found = [shutil.which(name, path="/usr/bin:/bin") for name in ("ffmpeg", "ffprobe")]
    return Path(found[0]).parent if found[0] and found[1] else None


def version(tools: Path) -> str:
    run = subprocess.run([tools / "ffmpeg", "-version"], capture_output=True, text=True, check=True)
    return run.stdout.split()[2]
