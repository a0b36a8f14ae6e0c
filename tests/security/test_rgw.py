"""The S3 server that judges our signing starts and ends without a trace, or says why not."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.security import rgw


@pytest.fixture(autouse=True)
def _is_installed(gateway_is_installed: None) -> None:
    pass


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """Tells the processes that this one started, and the folders of its gateways."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return lambda: {*children.read_text().split(), *map(str, tmp_path.iterdir())}


def test_the_gateway_leaves_no_process_and_no_file(ours: Callable[[], set[str]]) -> None:
    before = ours()
    with rgw.running() as gateway:
        assert len(ours() - before) == 4
        assert httpx.get(gateway.endpoint).status_code == 200
    assert ours() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(gateway.endpoint)


def test_a_gateway_that_cannot_start_shows_its_log_and_leaves_nothing(
    ours: Callable[[], set[str]], monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    before = ours()
    [free_port] = rgw._free_ports(1)
    monkeypatch.setattr(rgw, "_free_ports", lambda _: [free_port, taken_port])
    # It says why, or crashes on its way out.
    reason = r"(98: Address already in use|-11: Segmentation fault)"
    reason = rf"(?s)radosgw ended with {reason}\n.*--- client\.admin\.log\n"
    with pytest.raises(rgw.GatewayError, match=reason), rgw.running():
        pass
    assert ours() == before
