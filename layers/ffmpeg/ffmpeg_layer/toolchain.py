"""The compiler and the small programs around it: all from PyPI, but for make and nasm."""

import importlib.util
import os
import platform
import shlex
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ffmpeg_layer.configuration import FFMPEG_ARCHITECTURE, Architecture
from ffmpeg_layer.progress import BuildError

PACKAGES = ("ziglang", "meson", "ninja")

# FFmpeg asks pkg-config for dav1d. This answers for the one library that it may find, so that
# nothing of the building machine is ever linked.
PKG_CONFIG = """#!/bin/sh
case "$*" in
*--version*) echo 1.0 ;;
*dav1d*--libs* | *--libs*dav1d*) echo -ldav1d ;;
*dav1d*) ;;
*) exit 1 ;;
esac
"""


@dataclass(frozen=True)
class Toolchain:
    """Compiles for one architecture's Linux with musl, on any machine."""

    architecture: Architecture
    zig: Path
    meson: tuple[str, ...]
    ninja: Path
    make: str
    nasm: str | None
    versions: tuple[str, ...]

    @property
    def x86_assembly(self) -> bool:
        return self.architecture == "x86_64" and self.nasm is not None

    @property
    def compiler(self) -> list[str]:
        # zig checks undefined behaviour by default, which FFmpeg's own tricks would trip.
        target = f"{FFMPEG_ARCHITECTURE[self.architecture]}-linux-musl"
        return [str(self.zig), "cc", "-target", target, "-fno-sanitize=undefined"]

    @property
    def archiver(self) -> list[str]:
        return [str(self.zig), "ar"]

    def write_commands(self, folder: Path, prefix: Path) -> None:
        """Write the layer-* commands that FFmpeg's configure is given.

        `prefix` is where the headers and libraries of dav1d and zlib lie.
        """
        folder.mkdir(parents=True)
        include, lib = f"-I{prefix / 'include'}", f"-L{prefix / 'lib'}"
        host = ["-target", f"{platform.machine()}-linux-musl"] if sys.platform == "linux" else []
        commands = {
            "layer-cc": [*self.compiler, include, lib],
            "layer-host-cc": [str(self.zig), "cc", *host],
            "layer-ar": self.archiver,
            "layer-ranlib": [str(self.zig), "ranlib"],
        }
        scripts = {
            name: f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'
            for name, command in commands.items()
        }
        for name, text in (scripts | {"layer-pkg-config": PKG_CONFIG}).items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def environment(self, commands: Path, zig_cache: Path) -> dict[str, str]:
        """The environment of every build step: nothing of the caller's but PATH and HOME."""
        search = [str(commands), str(self.ninja.parent), os.environ.get("PATH", os.defpath)]
        return {
            "PATH": os.pathsep.join(search),
            "HOME": os.environ.get("HOME", str(commands)),
            "LC_ALL": "C",
            "ZIG_GLOBAL_CACHE_DIR": str(zig_cache),
            "ZIG_LOCAL_CACHE_DIR": str(zig_cache),
        }

    def meson_cross_file(self) -> str:
        """What meson needs to know about the machine that the library is for."""
        cpu = FFMPEG_ARCHITECTURE[self.architecture]
        return (
            f"[binaries]\nc = {self.compiler!r}\nar = {self.archiver!r}\nstrip = 'true'\n"
            f"[host_machine]\nsystem = 'linux'\ncpu_family = '{cpu}'\ncpu = '{cpu}'\n"
            "endian = 'little'\n"
        )


def find_toolchain(architecture: Architecture) -> Toolchain:
    """The tools of the environment that runs this. Raises BuildError with what to install."""
    spec = importlib.util.find_spec("ziglang")
    ninja = shutil.which("ninja", path=str(Path(sys.executable).parent)) or shutil.which("ninja")
    try:
        versions = tuple(f"{package} {version(package)}" for package in PACKAGES)
    except PackageNotFoundError as error:
        raise BuildError(_missing(str(error.name))) from error
    if spec is None or spec.origin is None or ninja is None:
        raise BuildError(_missing("ziglang" if ninja else "ninja"))
    make = shutil.which("gmake") or shutil.which("make")
    if make is None:
        raise BuildError("The ffmpeg layer needs GNU make: install it and try again.")
    return Toolchain(
        architecture=architecture,
        zig=Path(spec.origin).parent / "zig",
        meson=(sys.executable, "-m", "mesonbuild.mesonmain"),
        ninja=Path(ninja),
        make=make,
        nasm=shutil.which("nasm"),
        versions=versions,
    )


def _missing(package: str) -> str:
    return (
        f"The ffmpeg layer needs {package} from PyPI, which {sys.executable} does not have: "
        f"run this with an environment that has {', '.join(PACKAGES)}."
    )
