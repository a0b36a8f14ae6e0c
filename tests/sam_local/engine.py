"""A Docker engine for the tests: the one that runs here, or in CI one of their own."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.docker import Docker, NoDockerError

START_S = END_S = 60.0
PACKAGES = ("docker.io", "iptables", "busybox-static")


@contextmanager
def engine(folder: Path) -> Iterator[None]:
    """DOCKER_HOST names an engine while this lasts; skips the tests where there is none."""
    try:
        with Docker():
            yield
            return
    except NoDockerError as error:
        if os.environ.get("CI") != "true" or os.getuid() != 0:
            pytest.skip(f"{error} With CI=true, as root, the tests start one.")
    if shutil.which("dockerd") is None or not Path("/bin/busybox").exists():
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends"]
        subprocess.run([*install, *PACKAGES], check=True)
    with _daemon(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{folder / 'docker.sock'}")
        yield


@contextmanager
def _daemon(folder: Path) -> Iterator[None]:
    log = folder / "dockerd.log"
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            [
                *("dockerd", "--host", f"unix://{folder / 'docker.sock'}"),
                *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
                *("--pidfile", str(folder / "pid")),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + START_S
        while not (folder / "docker.sock").exists():
            if daemon.poll() is not None or time.monotonic() > until:
                pytest.fail(f"dockerd did not start:\n{log.read_text()[-2000:]}", pytrace=False)
            time.sleep(0.1)
        yield
    finally:
        daemon.terminate()
        try:
            daemon.wait(timeout=END_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
