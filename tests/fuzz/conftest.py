"""A stack of its own: what is fuzzed here is in nobody's way, and no allowance runs out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.roomy import roomy_stack
from tests.stack.client import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with roomy_stack(folder) as stack:
        yield stack
