"""The HTTP API in front of real function processes, once for each file of tests."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.runtime import Runtime
from local.worker import Function
from tests.local.http_front import api_in_front_of
from tests.local.probe_functions.background import Background

PROBES = Path(__file__).parent / "probe_functions"


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    with Background() as background:
        yield background


@pytest.fixture(scope="module")
def lambda_endpoint(background: Background) -> Iterator[str]:
    function = Function(
        name="web", handler="probe.web", timeout_s=20, memory_mb=128, environment={}
    )
    runtime = Runtime([function], root=PROBES, log=lambda _, __: None)
    with background.entered(runtime.serving()) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def api(background: Background, lambda_endpoint: str) -> Iterator[httpx.Client]:
    with api_in_front_of(lambda_endpoint, background) as client:
        yield client
