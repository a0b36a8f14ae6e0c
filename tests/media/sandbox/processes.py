"""The processes that a program has left, and how to wait for their end."""

import os
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 10.0
Program = Callable[[str], str]
Children = Callable[[], list[int]]

HANG = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


def our_children() -> list[int]:
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(pid) for task in children for pid in task.read_text().split()]


def await_condition(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.002)


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()
