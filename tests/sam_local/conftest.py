"""`make sam-local`, running: real containers with the artifacts that are deployed."""

import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from local.docker import Docker
from local.ffmpeg import architecture
from tests.artifacts.conftest import PYTHON, Artifacts, require_built
from tests.sam_local.engine import engine
from tests.sam_local.image import CHANGES, write_image
from tests.stack.client import LocalRun, Stack

START_S = 300.0  # images are built on a busy machine
SHOWN = 12_000  # characters of what sam said
REPOSITORY = "public.ecr.aws/lambda/python"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what sam and the functions said."""
    report = yield
    run = getattr(item, "funcargs", {}).get("run")
    if report.failed and isinstance(run, LocalRun):
        report.sections.append(("make sam-local", run.output[-SHOWN:]))
    return report


@pytest.fixture(scope="session")
def native() -> Artifacts:
    return require_built(Artifacts(architecture()))


@pytest.fixture(scope="session")
def docker(native: Artifacts) -> Iterator[Docker]:
    """An engine that has the runtime's image: AWS's own, or where it cannot be had a stand-in."""
    # A short path, for it holds a socket; outside pytest's, which keeps what it makes.
    with (
        tempfile.TemporaryDirectory(prefix="docker-", ignore_cleanup_errors=True) as folder,
        engine(Path(folder)),
        Docker() as docker,
    ):
        runtime = native.template["Globals"]["Function"]["Runtime"].removeprefix("python")
        tag = f"{runtime}-{native.architecture}"
        if not docker.pull(REPOSITORY, tag):
            image = Path(folder) / "image.tar"
            write_image(image, PYTHON)
            docker.import_image(image, REPOSITORY, tag, CHANGES)
        yield docker


@pytest.fixture(scope="session")
def run(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """`python -m local.sam_local`; in the end nothing of it is left, no container either."""
    before = docker.sam_containers()
    folder = tmp_path_factory.mktemp("sam")
    run = LocalRun(folder, "--port", "0", module="local.sam_local", environment=dict(os.environ))
    try:
        run.ready(within_s=START_S)
        yield run
    finally:
        left = run.interrupt()
    assert left == []
    assert docker.sam_containers() == before


@pytest.fixture(scope="session")
def stack(run: LocalRun) -> Iterator[Stack]:
    stack = Stack(run.ready())
    yield stack
    stack.close()
