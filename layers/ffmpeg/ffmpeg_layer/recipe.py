"""From checked tarballs to one static binary: zlib, dav1d, then FFmpeg linked against both."""

import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ffmpeg_layer.configuration import configure_arguments
from ffmpeg_layer.progress import BuildError, Progress, make_counter, ninja_counter
from ffmpeg_layer.toolchain import Toolchain

DAV1D_OPTIONS = (
    "--buildtype=release",
    "--default-library=static",
    "--libdir=lib",
    "-Denable_tools=false",
    "-Denable_tests=false",
    "-Dxxhash_muxer=disabled",
)


@dataclass(frozen=True)
class Workshop:
    """Where one build happens, and with what."""

    folder: Path
    toolchain: Toolchain
    environment: Mapping[str, str]
    progress: Progress
    jobs: int

    @property
    def prefix(self) -> Path:
        return self.folder / "prefix"


def build_binary(
    tarballs: Mapping[str, Path],
    *,
    toolchain: Toolchain,
    folder: Path,
    zig_cache: Path,
    progress: Progress,
    jobs: int,
) -> Path:
    """Build FFmpeg in an empty folder; the result is the stripped multi-call binary.

    `tarballs` maps "ffmpeg", "dav1d" and "zlib" to checked files.
    """
    commands = folder / "commands"
    environment = toolchain.environment(commands, zig_cache)
    workshop = Workshop(folder, toolchain, environment, progress, jobs)
    toolchain.write_commands(commands, workshop.prefix)
    (workshop.prefix / "include").mkdir(parents=True)
    (workshop.prefix / "lib").mkdir()
    progress.say("unpack the sources")
    _build_zlib(_unpack(tarballs["zlib"], folder / "zlib"), workshop)
    _build_dav1d(_unpack(tarballs["dav1d"], folder / "dav1d"), workshop)
    return _build_ffmpeg(_unpack(tarballs["ffmpeg"], folder / "ffmpeg"), workshop)


def _unpack(tarball: Path, folder: Path) -> Path:
    """The single top folder of a tarball."""
    with tarfile.open(tarball) as archive:
        archive.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    return top


def _build_zlib(source: Path, workshop: Workshop) -> None:
    run = workshop.progress.run
    tools = {"CC": "layer-cc", "AR": "layer-ar", "RANLIB": "layer-ranlib", "CFLAGS": "-O3"}
    environment = {**workshop.environment, **tools}
    run(
        "configure zlib",
        ["sh", "configure", "--static", "--uname=Linux"],
        folder=source,
        environment=environment,
    )
    run(
        "compile zlib",
        [workshop.toolchain.make, f"-j{workshop.jobs}", "libz.a"],
        folder=source,
        environment=environment,
    )
    for name, kind in {"zlib.h": "include", "zconf.h": "include", "libz.a": "lib"}.items():
        shutil.copy(source / name, workshop.prefix / kind / name)


def _build_dav1d(source: Path, workshop: Workshop) -> None:
    toolchain, run, environment = workshop.toolchain, workshop.progress.run, workshop.environment
    cross_file = workshop.folder / "meson-cross.ini"
    cross_file.write_text(toolchain.meson_cross_file())
    assembly = toolchain.x86_assembly or toolchain.architecture != "x86_64"
    run(
        "configure dav1d",
        [
            *(*toolchain.meson, "setup", "build", f"--cross-file={cross_file}"),
            *(f"--prefix={workshop.prefix}", *DAV1D_OPTIONS),
            f"-Denable_asm={str(assembly).lower()}",
        ],
        folder=source,
        environment=environment,
    )
    run(
        "compile dav1d",
        [str(toolchain.ninja), "-C", "build", f"-j{workshop.jobs}", "install"],
        folder=source,
        environment=environment,
        counter=ninja_counter,
    )


def _build_ffmpeg(source: Path, workshop: Workshop) -> Path:
    toolchain, run, environment = workshop.toolchain, workshop.progress.run, workshop.environment
    build = workshop.folder / "ffmpeg-build"
    build.mkdir()
    run(
        "configure FFmpeg",
        [
            str(source / "configure"),
            *configure_arguments(toolchain.architecture, x86_assembly=toolchain.x86_assembly),
        ],
        folder=build,
        environment=environment,
    )
    for name in ("multicall.c", "multicall.mak"):
        (build / name).write_bytes((Path(__file__).parents[1] / name).read_bytes())
    make = [toolchain.make, "-f", "multicall.mak", f"-j{workshop.jobs}", "ffmpeg_g"]
    run(
        "compile FFmpeg",
        make,
        folder=build,
        environment=environment,
        counter=make_counter(_count_commands(make, build, environment)),
    )
    binary = build / "ffmpeg_g"
    if not binary.is_file():
        raise BuildError(f"make succeeded without making {binary}")
    return binary


def _count_commands(make: list[str], build: Path, environment: Mapping[str, str]) -> int:
    """How many commands the build will announce, from a dry run."""
    dry = subprocess.run(
        [*make, "--dry-run"],
        cwd=build,
        env=dict(environment),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return len(re.findall(r"^printf ", dry.stdout, re.MULTILINE))
