"""Finished layers, kept by a hash of all that shapes them and shared by all clones."""

import filecmp
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ffmpeg_layer.toolchain import Toolchain

HERE = Path(__file__).parents[1]

# The files whose content shapes the binary or what lies beside it.
INPUTS = (
    "ffmpeg_layer/configuration.py",
    "ffmpeg_layer/layer.py",
    "ffmpeg_layer/recipe.py",
    "ffmpeg_layer/toolchain.py",
    "LICENSES/*",
    "multicall.c",
    "multicall.mak",
    "sources.json",
)


def default_cache() -> Path:
    """FFMPEG_CACHE, or a folder of the user's cache that all clones of the project share."""
    override = os.environ.get("FFMPEG_CACHE")
    if override:
        return Path(override).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "offchat-attachments" / "ffmpeg"


def layer_key(toolchain: Toolchain, inputs: Sequence[Path] | None = None) -> str:
    """A hash of all that shapes the layer: two builds with one key are interchangeable."""
    paths = inputs or [path for pattern in INPUTS for path in sorted(HERE.glob(pattern))]
    facts = {
        "architecture": toolchain.architecture,
        "x86_assembly": toolchain.x86_assembly,
        "tools": toolchain.versions,
        "files": [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in paths],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def cached(key: str, cache: Path, make: Callable[[Path], Path]) -> Path:
    """The cache's folder for this key, made first if it is not there.

    `make` gets an empty scratch folder and returns the finished folder in it. That folder is
    renamed into the cache in one step, so a half-made one is never seen; of two that are made
    at once the first to finish stays.
    """
    entry = cache / key
    if entry.is_dir():
        return entry
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{key}.building-", dir=cache) as scratch:
        finished = make(Path(scratch))
        try:
            finished.rename(entry)
        except OSError:
            if not entry.is_dir():
                raise
    return entry


def publish(layer: Path, output: Path, *, symlinks: bool = True) -> Path:
    """Copy a layer's files to a folder, each in one step; what is already right stays."""
    for path in sorted(layer.rglob("*")):
        target = output / path.relative_to(layer)
        new = target.with_name(f".{target.name}.{os.getpid()}")
        if path.is_symlink():
            if symlinks and not target.is_symlink():
                new.symlink_to(path.readlink())
                new.replace(target)
        elif path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.is_file() or not filecmp.cmp(path, target, shallow=False):
            shutil.copy(path, new)
            new.replace(target)
    return output
