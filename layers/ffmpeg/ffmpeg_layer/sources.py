"""Pinned source tarballs: found in several places, accepted by checksum alone."""

import hashlib
import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ffmpeg_layer.progress import BuildError

DOWNLOAD_TIMEOUT_SECONDS = 30
SOURCES_VARIABLE = "FFMPEG_SOURCES"


@dataclass(frozen=True)
class Source:
    """One pinned release. `sha256` lists every tarball known to hold it unmodified."""

    name: str
    version: str
    sha256: tuple[str, ...]
    url: str
    debian_file: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def accepts(self, tarball: Path) -> bool:
        with tarball.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() in self.sha256


class SourceUnavailableError(Exception):
    """This place does not have the tarball; the next one may."""


class ChecksumError(BuildError):
    """A tarball has the right name and other bytes than the pinned ones."""


# A finder gets a source and an empty folder to download to, and returns the tarball's path.
Finder = Callable[[Source, Path], Path]


def read_sources(path: Path) -> tuple[Source, ...]:
    return tuple(
        Source(**{**entry, "sha256": tuple(entry["sha256"])})
        for entry in json.loads(path.read_text())
    )


def from_folder(source: Source, _download: Path) -> Path:
    """A tarball in the folder that FFMPEG_SOURCES names.

    Upstream's naming (`zlib-1.3.1.tar.gz`) and the distribution's (`zlib_1.3.1.orig.tar.gz`)
    are both looked for. Raises ChecksumError if there are such files and none is the pinned one.
    """
    folder = os.environ.get(SOURCES_VARIABLE)
    if not folder:
        raise SourceUnavailableError(f"{SOURCES_VARIABLE} is not set")
    candidates = sorted(
        path
        for separator in "-_"
        for path in Path(folder).glob(f"{source.name}{separator}{source.version}*.tar.?z")
    )
    if not candidates:
        raise SourceUnavailableError(f"{folder} has no tarball of it")
    for candidate in candidates:
        if source.accepts(candidate):
            return candidate
    raise ChecksumError(
        f"{candidates[0]} is not the pinned {source}: its SHA-256 is not in sources.json. "
        "Remove it, or put the right one in its place."
    )


def from_upstream(source: Source, download: Path) -> Path:
    """Upstream's release address."""
    return _fetched(source, source.url, download)


def from_distribution(source: Source, download: Path) -> Path:
    """The tarball in the pool of the mirrors that apt is set up with (Debian policy, "orig").

    Needs no `deb-src` entry and no release's index: the checksum says all that they would.
    """
    if not shutil.which("apt-get"):
        raise SourceUnavailableError("apt-get is not here")
    targets = _output(["apt-get", "indextargets", "--format", "$(REPO_URI)"])
    package = source.debian_file.partition("_")[0]
    path = f"pool/main/{package[0]}/{package}/{quote(source.debian_file)}"
    mirrors = sorted({line for line in targets.splitlines() if line.startswith("http")}, key=len)
    for mirror in mirrors:
        try:
            return _fetched(source, f"{mirror.rstrip('/')}/{path}", download)
        except SourceUnavailableError:
            continue
    raise SourceUnavailableError(f"no mirror of apt has {source.debian_file}")


# In this order: what the person chose, the origin, a mirror that most machines can reach.
FINDERS: tuple[Finder, ...] = (from_folder, from_upstream, from_distribution)


def find_source(source: Source, download: Path, finders: Sequence[Finder] = FINDERS) -> Path:
    """The first tarball that a finder has, its checksum verified.

    Raises ChecksumError for a tampered tarball in the chosen folder, BuildError if no place
    has the release.
    """
    reasons = []
    for finder in finders:
        try:
            tarball = finder(source, download)
        except SourceUnavailableError as error:
            reasons.append(str(error))
            continue
        if not source.accepts(tarball):
            raise ChecksumError(f"{tarball} is not the pinned {source}: another SHA-256.")
        return tarball
    raise BuildError(
        f"The source of {source} was not found ({'; '.join(reasons)}): set {SOURCES_VARIABLE} "
        f"to a folder that holds its tarball."
    )


def _fetched(source: Source, address: str, download: Path) -> Path:
    """A download with other bytes is as good as none: a proxy's page, a repacked mirror."""
    tarball = download / address.rpartition("/")[2]
    try:
        with (
            urllib.request.urlopen(  # noqa: S310 - the bytes are checked
                address, timeout=DOWNLOAD_TIMEOUT_SECONDS
            ) as response,
            tarball.open("wb") as file,
        ):
            shutil.copyfileobj(response, file)
    except (OSError, ValueError) as error:
        raise SourceUnavailableError(f"{address}: {error}") from error
    if not source.accepts(tarball):
        raise SourceUnavailableError(f"{address} came with a checksum that is not pinned")
    return tarball


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise SourceUnavailableError(f"{command[0]}: {lines[-1] if lines else 'failed'}")
    return done.stdout
