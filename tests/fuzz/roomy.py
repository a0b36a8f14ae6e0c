"""The local stack with all rates at their largest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.template import load
from tests.stack.client import ROOT, LocalRun, Stack

RATES = (
    "ApiRequestsPerSecond",
    "ApiBurst",
    "CallsPerMinute",
    "SignCallsPerMinute",
    "UploadsPerMinute",
    "AdminCallsPerMinute",
    "MaxPendingUploads",
)


@contextmanager
def roomy_stack(folder: Path) -> Iterator[Stack]:
    """A stack that answers as fast as it can, and ends with the context."""
    declared = load(ROOT / "template.yaml")["Parameters"]
    largest = [f"--parameter={name}={declared[name]['MaxValue']}" for name in RATES]
    run = LocalRun(folder, "--port", "0", "--no-demo", *largest)
    try:
        stack = Stack(run.ready())
        yield stack
        stack.close()
    finally:
        left = run.interrupt()
    assert left == []
