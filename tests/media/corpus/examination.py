"""One broken file under inspection, watched: time, memory, and what is left behind."""

import os
import platform
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from functions.inspect_upload.findings import Accepted, Declared, Finding
from functions.inspect_upload.inspectors import examine
from functions.inspect_upload.sandbox import Result, Sandbox
from tests.media.conftest import BytesReader
from tests.media.corpus.cases import Case
from tests.media.corpus.decoder import Decoder, View
from tests.media.corpus.rules import broken_rules

ROOT = Path(__file__).resolve().parents[3]
SECONDS_MAX = 5.0
MEMORY_MAX_BYTES = 256 * 1024 * 1024
GRACE_S = 1.0
TOGETHER_MAX = 2  # programs that run at once for one file


def tools() -> Path:
    """Where the layer's programs for this machine lie."""
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return ROOT / ".build" / "ffmpeg" / architecture / "bin"


class WatchedSandbox(Sandbox):
    """Notes the peak memory of the programs that it runs."""

    def __init__(self, tools: Path) -> None:
        super().__init__(tools)
        self.peaks_bytes: list[int] = []

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        deadline_s: float,
        stdout_max: int = 1024 * 1024,
        stderr_max: int = 16 * 1024,
        stdin: bytes | None = None,
        niceness: int = 0,
    ) -> Result:
        result = super().run(
            program,
            arguments,
            deadline_s=deadline_s,
            stdout_max=stdout_max,
            stderr_max=stderr_max,
            stdin=stdin,
            niceness=niceness,
        )
        self.peaks_bytes.append(result.peak_rss_bytes)
        return result


@dataclass(slots=True)
class Outcome:
    """What was found, and every rule that was broken; `finding` is None after a crash."""

    finding: Finding | None
    seconds: float
    peak_bytes: int
    violations: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        if self.violations:
            return "violated"
        return "accepted" if isinstance(self.finding, Accepted) else "refused"


class Examiner:
    """Examines cases one after another, in a temporary folder of their own."""

    def __init__(self, sandbox: WatchedSandbox, decoder: Decoder, folder: Path) -> None:
        self._sandbox, self._decoder = sandbox, decoder
        self._scratch, self._temporary = folder / "scratch", folder / "tmp"
        for made in (self._scratch, self._temporary):
            made.mkdir(parents=True, exist_ok=True)

    def examine(self, case: Case) -> Outcome:
        outcome = self._once(case)
        if outcome.seconds > SECONDS_MAX:  # another try, lest a busy machine is blamed on us
            outcome = self._once(case)
        if outcome.seconds > SECONDS_MAX:
            outcome.violations.append(f"it takes {outcome.seconds:.1f} s")
        return outcome

    def _once(self, case: Case) -> Outcome:
        self._sandbox.peaks_bytes.clear()
        declared = Declared("holiday.mp4", "video/mp4", video_only=case.video_only)
        finding: Finding | None = None
        violations: list[str] = []
        with _temporary_folder(self._temporary), _peak() as peak:
            before = _held(self._temporary)
            began = time.monotonic()
            try:
                finding = examine(BytesReader(case.data), declared, sandbox=self._sandbox)
            except Exception:
                violations.append(f"it crashes: {traceback.format_exc()}")
            seconds = time.monotonic() - began
            violations += self._left_behind(before)
        programs = sum(sorted(self._sandbox.peaks_bytes)[-TOGETHER_MAX:])
        outcome = Outcome(finding, seconds, programs + peak.grown_bytes, violations)
        if outcome.peak_bytes > MEMORY_MAX_BYTES:
            violations.append(f"it takes {outcome.peak_bytes / 1e6:.0f} MB")
        if finding is not None:
            violations += broken_rules(case, finding, cache(lambda: self._look(case)))
        return outcome

    def _left_behind(self, before: dict[str, set[str]]) -> list[str]:
        """What is still there after a moment: a read that nobody waits for may be ending."""
        until = time.monotonic() + GRACE_S
        while (left := _left(before, _held(self._temporary))) and time.monotonic() < until:
            time.sleep(0.01)
        return [f"it leaves a {kind} behind: {sorted(names)}" for kind, names in left.items()]

    def _look(self, case: Case) -> View:
        path = self._scratch / "broken"
        path.write_bytes(case.data)
        try:
            return self._decoder.look(path, case.source.demuxer)
        finally:
            path.unlink()


@dataclass(slots=True)
class _Peak:
    grown_bytes: int = 0


@contextmanager
def _peak() -> Iterator[_Peak]:
    """By how much this process's memory grows; see proc(5), clear_refs and VmHWM."""
    peak = _Peak()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes("VmHWM")
    yield peak
    peak.grown_bytes = _status_bytes("VmHWM") - before


def _status_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[None]:
    """The folder for temporary files of this process, by the environment too."""
    old, old_variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = old
        os.environ.pop("TMPDIR")
        if old_variable is not None:
            os.environ["TMPDIR"] = old_variable


def _held(temporary: Path) -> dict[str, set[str]]:
    """What one inspection might leave: processes, threads, descriptors, files."""
    return {
        "process": {f"{pid} {_name(pid)}" for pid in _descendants(os.getpid())},
        "thread": {f"{thread.ident} {thread.name}" for thread in threading.enumerate()},
        "descriptor": {name for name in os.listdir("/proc/self/fd") if _is_open(name)},
        "file": {str(path) for path in temporary.rglob("*")},
    }


def _left(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    return {kind: after[kind] - before[kind] for kind in before if after[kind] - before[kind]}


def _is_open(descriptor: str) -> bool:
    """The one that lists the folder is closed again by now."""
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except FileNotFoundError:
            continue
        for child in children:
            yield child
            yield from _descendants(child)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return "gone"
