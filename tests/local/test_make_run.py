"""`make run`: what it shows, what it says when it cannot start, and that Ctrl-C ends all of it."""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.stack.client import ROOT, Json, LocalRun, sample

SERVING = "Serving until Ctrl-C."


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[LocalRun]:
    """`make run` from its start until it serves, and to its end."""
    run = LocalRun(folder, "--port", "0", environment=environment)
    try:
        run.until(lambda: SERVING in run.output)
        yield run
    finally:
        left = run.interrupt()
    assert left == []


def refused(run: LocalRun) -> list[str]:
    """The lines that a run says which ends by itself with an error: never a traceback."""
    try:
        assert run.process.wait(timeout=60) not in (0, None)
    finally:
        left = run.interrupt()
    assert left == []
    assert "Traceback" not in run.output
    return run.output.strip().splitlines()


def printed_record(output: str) -> Json:
    found = re.search(r"^The record\n(\{.*?^\})$", output, re.MULTILINE | re.DOTALL)
    assert found, output
    record: Json = json.loads(found[1])
    return record


def test_the_demo_prints_the_record_and_where_the_thumbnail_lies(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        record = printed_record(run.output)
        assert (record["status"], record["file_name"]) == ("ready", "sample.mp4")
        assert (record["duration"], record["width"], record["height"]) == (10, 1280, 720)
        found = re.search(r"^ +thumbnail +(.+)$", run.output, re.MULTILINE)
        assert found, run.output
        with Image.open(found[1]) as thumbnail:
            assert (thumbnail.format, thumbnail.width) == ("JPEG", 320)
        # What the functions log stands there under their names.
        assert re.search(r"^InspectUpload +INFO +inspected", run.output, re.MULTILINE)


def test_the_demo_uploads_a_video_of_the_callers(tmp_path: Path) -> None:
    video = sample("webm", seconds=2)
    with running(tmp_path, FILE=str(video)) as run:
        record = printed_record(run.output)
    assert (record["status"], record["file_name"]) == ("ready", video.name)
    assert (record["codec"], record["duration"]) == ("vp8", 2)


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with running(tmp_path, DEMO="0") as run:
        description = run.ready()
        addresses = [description["api"], description["s3"], description["aws"]["endpoint_url"]]
        for address in addresses:
            assert httpx.get(address).status_code < 500
    assert run.process.returncode == 0
    assert not (tmp_path / "stack.json").exists()
    for address in addresses:
        with pytest.raises(httpx.ConnectError):
            httpx.get(address)


def test_a_port_in_use_is_told_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        [said] = refused(LocalRun(tmp_path, environment={"PORT": str(port), "DEMO": "0"}))
    assert f"Port {port} is in use." in said
    assert f"make run PORT={port + 1}" in said


@pytest.mark.parametrize("port", ["http", "70000", "-1"])
def test_a_port_that_is_none_is_told(tmp_path: Path, port: str) -> None:
    [said] = refused(LocalRun(tmp_path, environment={"PORT": port, "DEMO": "0"}))
    assert said.startswith(f"{port} is not a port")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "missing.mp4"
    [said] = refused(LocalRun(tmp_path, environment={"FILE": str(missing)}))
    assert said == f"There is no file {missing}."


ORIGINS = "Parameters: {AllowedOrigins: {Type: CommaDelimitedList}}"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (None, "template.yaml cannot be read"),
        ("Resources: [", "template.yaml cannot be read"),
        ("Parameters: {}", "template.yaml has no Resources."),
        (f"{ORIGINS}\nResources: {{Clock: {{Type: AWS::Clock::Tower}}}}", "AWS::Clock::Tower"),
        (f"{ORIGINS}\nResources: {{F: {{Type: AWS::Serverless::Function}}}}", "F"),
    ],
    ids=["missing", "broken", "empty", "of an unknown type", "incomplete"],
)
def test_a_template_that_cannot_run_is_told(
    tmp_path: Path, template: str | None, told: str
) -> None:
    shutil.copytree(ROOT / "local", tmp_path / "local")
    (tmp_path / ".build").symlink_to(ROOT / ".build")
    if template is not None:
        (tmp_path / "template.yaml").write_text(template)
    plain = {"PARAMETERS": ""}
    said = refused(LocalRun(tmp_path, "--port", "0", "--no-demo", environment=plain, root=tmp_path))
    assert told in said[0]
    # YAML's own words on the place may follow.
    assert len(said) == 1 or template == "Resources: ["
