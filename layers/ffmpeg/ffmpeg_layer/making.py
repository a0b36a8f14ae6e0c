"""One layer from nothing: sources, binary, what lies beside it."""

from pathlib import Path

from ffmpeg_layer.layer import assemble
from ffmpeg_layer.progress import Progress
from ffmpeg_layer.recipe import build_binary
from ffmpeg_layer.sources import find_source, read_sources
from ffmpeg_layer.toolchain import Toolchain

HERE = Path(__file__).parents[1]

WITHOUT_NASM = (
    "nasm is not installed: building without x86 assembly, so the thumbnail of a 1080p H.264 "
    "clip takes about 1.5 times as long (apt-get install nasm avoids that)"
)


def make_layer(scratch: Path, *, toolchain: Toolchain, cache: Path, log: Path, jobs: int) -> Path:
    """Find the sources and build the layer in an empty folder; return the finished one in it."""
    progress = Progress(log)
    progress.say(f"build ffmpeg for {toolchain.architecture} with {jobs} job(s)")
    if toolchain.architecture == "x86_64" and not toolchain.x86_assembly:
        progress.say(WITHOUT_NASM)
    sources = read_sources(HERE / "sources.json")
    download = scratch / "download"
    download.mkdir()
    tarballs = {source.name: find_source(source, download) for source in sources}
    binary = build_binary(
        tarballs,
        toolchain=toolchain,
        folder=scratch / "work",
        zig_cache=cache / "zig",
        progress=progress,
        jobs=jobs,
    )
    layer = assemble(binary, scratch / "layer", toolchain=toolchain, sources=sources)
    progress.say(f"done: {(layer / 'bin' / 'ffmpeg').stat().st_size / 1e6:.1f} MB")
    return layer
