"""The promises of `make sam-local`, kept by real containers."""

import json
import os
import subprocess

import httpx
import pytest

from local.docker import Docker
from tests.artifacts.conftest import ROOT
from tests.stack.client import File, LocalRun, Stack, User, problem, sample

SAM = ROOT / ".venv-sam" / "bin" / "sam"
pytestmark = pytest.mark.timeout(400)

# In a container of the API: the handler imports while nothing may be compiled.
IMPORT = """
import importlib
from importlib.machinery import SourceFileLoader
def compiles(self, data, path, **options):
    raise AssertionError(f"{path} has no byte code that is valid")
SourceFileLoader.source_to_code = compiles
import sys
sys.path[:0] = ["/var/task", "/opt/python"]
print(importlib.import_module("attachments.http_edge").__cached__)
"""


def holiday() -> File:
    return File("holiday.mp4", "video/mp4", sample("mp4", seconds=2).read_bytes())


def test_a_video_is_uploaded_inspected_downloaded_and_deleted(stack: Stack) -> None:
    video = holiday()
    record = stack.sender.upload(stack.message(), video)
    assert (record["width"], record["height"], record["duration"]) == (1280, 720, 2)
    assert httpx.get(record["thumbnail_url"]).headers["content-type"] == "image/jpeg"
    download = stack.participant.get(f"/videos/{record['id']}/download/").json()
    assert httpx.get(download["url"]).content == video.body
    assert stack.sender.delete(f"/attachments/{record['id']}/").status_code == 200
    problem(stack.participant.get(f"/attachments/{record['id']}/"), 404)
    assert httpx.get(download["url"]).status_code in (403, 404)


def test_urls_are_for_clients_outside_of_the_containers(stack: Stack) -> None:
    ticket = stack.sender.ask(stack.message(), holiday())
    assert ticket["upload"]["url"].startswith(stack.description["s3"])
    assert "127.0.0.1" in ticket["upload"]["url"]


def test_a_token_that_does_not_hold_is_refused(stack: Stack) -> None:
    token = stack.description["tokens"]["sender"]
    with User(stack.api, token[:-2] + ("AA" if token[-2:] != "AA" else "BB")) as forger:
        problem(forger.get(f"/attachments/{stack.description['message_id']}/"), 401)


def test_sam_local_invoke_inspects_the_sample(run: LocalRun, stack: Stack) -> None:
    event = ROOT / "events" / "inspect_upload.json"
    [record] = json.loads(event.read_text())["Records"]
    [stored] = json.loads(record["body"])["Records"]
    attachment_id = stored["s3"]["object"]["key"].removeprefix("uploads%2F")
    assert stack.sender.attachment(attachment_id)["status"] == "pending"
    files = run.folder / "sam"
    invoked = subprocess.run(
        [
            *(SAM, "local", "invoke", "InspectUpload", "--event", event, "--skip-pull-image"),
            *("--template", files / "template.yaml", "--env-vars", files / "env.json"),
        ],
        cwd=ROOT,
        env={**os.environ, "AWS_ENDPOINT_URL": stack.description["aws"]["endpoint_url"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert '"outcome":"ready"' in invoked.stdout + invoked.stderr, invoked.stderr
    ready = stack.sender.attachment(attachment_id)
    assert (ready["status"], ready["width"]) == ("ready", 1280)


def test_the_containers_hold_what_is_deployed_and_use_its_byte_code(
    docker: Docker, stack: Stack
) -> None:
    stack.sender.upload(stack.message(), holiday())  # both kinds of containers are there
    running = docker.sam_containers(running=True)
    said = [docker.run_in(one, ["python3.13", "-I", "-S", "-c", IMPORT]) for one in running]
    assert said
    for text in said:
        assert "/opt/python/attachments/__pycache__/http_edge.cpython-313.pyc" in text
    programs = [docker.run_in(one, ["/opt/bin/ffmpeg", "-version"]) for one in running]
    assert any(text.startswith("ffmpeg version") for text in programs)
