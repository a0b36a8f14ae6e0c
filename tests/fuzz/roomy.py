"""The local stack with all rates at their largest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.template import load
from tests.stack.client import ROOT, Stack
from tests.stack.running import running

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
    with running(folder, *largest) as stack:
        yield stack
