"""The processes of a local stack, seen from outside; see proc(5)."""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import family

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
HANDLER = "awslambdaric"


@dataclass(frozen=True)
class Process:
    """`name` is the function's folder, `moto`, or `stack` for what serves them."""

    pid: int
    name: str


def of_stack(pid: int) -> list[Process]:
    """The stack's own process, moto's, and one for each worker of a function."""
    found = [Process(pid, "stack")]
    for member in family(pid):
        command = _command(member)
        if HANDLER in command:
            # functions.<folder>.app.handler
            found.append(Process(member, command[-1].split(".")[1]))
        elif "local.moto_server" in command:
            found.append(Process(member, "moto"))
    return found


def functions_of(pid: int) -> list[Process]:
    """Only the workers of functions."""
    return [process for process in of_stack(pid) if process.name not in {"stack", "moto"}]


def resident_bytes(process: Process) -> int:
    """The resident set, for a function with the programs that it has started."""
    alone = process.name in {"stack", "moto"}
    return sum(map(_resident, [process.pid] if alone else family(process.pid)))


def cpu_ticks(pid: int) -> int:
    """What it has worked so far; 0 for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):  # gone meanwhile
        return 0


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().strip("\0").split("\0")
    except OSError:
        return []
