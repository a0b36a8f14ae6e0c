"""A part of the processors, as a Lambda function gets by its memory size.

By a control group of the kernel: version 2's `cpu.max`, or version 1's `cpu.cfs_quota_us`.
"""

import os
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

CGROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 20_000  # short, so that being held back is spread out evenly
MEMORY_MB_PER_CPU = 1769  # Lambda developer guide, "Configure Lambda function memory"
PATIENCE = 100
_NUMBERS = count()


class NoQuotaError(Exception):
    """This machine cannot hold a process back; the message says what is missing."""


def cpus_of(memory_mb: int) -> float:
    """The processors that Lambda gives a memory size."""
    return memory_mb / MEMORY_MB_PER_CPU


class CpuQuota:
    """A control group with the processor time of one Lambda memory size, while `with` lasts."""

    def __init__(self, memory_mb: int) -> None:
        self.cpus = cpus_of(memory_mb)
        self._unified = (CGROUPS / "cgroup.controllers").exists()
        parent = CGROUPS if self._unified else CGROUPS / "cpu"
        self._group = parent / f"benchmark-{os.getpid()}-{next(_NUMBERS)}"

    def __enter__(self) -> Self:
        """Raises NoQuotaError."""
        quota_us = round(self.cpus * PERIOD_US)
        try:
            if self._unified:
                (CGROUPS / "cgroup.subtree_control").write_text("+cpu")
            self._group.mkdir()
            if self._unified:
                (self._group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
            else:
                (self._group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (self._group / "cpu.cfs_quota_us").write_text(str(quota_us))
        except OSError as error:
            self._remove()
            raise NoQuotaError(f"CPU quotas need root and control groups ({error}).") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._remove()

    def take_in(self, pid: int) -> None:
        """Hold back this process, and all that it starts from now on."""
        (self._group / "cgroup.procs").write_text(str(pid))

    def held_back(self, command: Sequence[str]) -> list[str]:
        """The command, to be held back from its first instruction on."""
        enter = f'echo $$ > "{self._group / "cgroup.procs"}" && exec "$@"'
        return ["sh", "-c", enter, "sh", *command]

    def _remove(self) -> None:
        """When its last process is gone: until then the kernel refuses."""
        patience = PATIENCE
        while self._group.exists():
            try:
                self._group.rmdir()
            except OSError:
                if not patience:
                    raise
                patience -= 1
                time.sleep(0.05)
