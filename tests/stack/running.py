"""A local stack while a context lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack.client import LocalRun, Stack


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Stack]:
    """A stack on a free port without the demo; no process of it stays behind."""
    run = LocalRun(folder, "--port", "0", "--no-demo", *options)
    try:
        stack = Stack(run.ready())
        yield stack
        stack.close()
    finally:
        left = run.interrupt()
    assert left == []
