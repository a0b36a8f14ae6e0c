"""The command line against the local stack, ended at random points of a large upload."""

import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local import demo
from offchat_attachments.cli.exit_codes import INTERRUPTED
from tests.client.conftest import PART_BYTES
from tests.client.proxy import Traffic, counting
from tests.stack.client import Stack, note, sample

SIZE = 100 * 2**20
CONNECTIONS = 4
SEEDS = range(int(os.environ.get("UPLOAD_SEEDS", "1")))  # `make soak` takes more


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A video of 100 MB: a short clip, and a box of noise behind it that players skip."""
    clip = sample("mp4", seconds=2).read_bytes()
    left = SIZE - len(clip)
    noise = random.Random(1).randbytes(left - 8)
    path = tmp_path / "holiday.mp4"
    path.write_bytes(clip + left.to_bytes(4, "big") + b"free" + noise)
    return path


class Shell:
    """Somebody's terminal."""

    def __init__(self, environment: Mapping[str, str], *arguments: str) -> None:
        self._environment = dict(environment)
        self._command = [sys.executable, "-m", "offchat_attachments.cli", *arguments]

    def run(self, traffic: Traffic, *, until: int | None, ended_by: signal.Signals) -> int:
        """Run the command; its exit code. It gets the signal after so many bytes of parts."""
        process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        traffic.interrupt_after(until, lambda: process.send_signal(ended_by))
        self.output, self.errors = (text.decode() for text in process.communicate(timeout=120))
        return process.returncode


@pytest.mark.parametrize("seed", SEEDS)
def test_an_upload_that_is_killed_again_and_again_goes_on_each_time(
    stack: Stack, video: Path, tmp_path: Path, seed: int
) -> None:
    message = stack.message()
    points = random.Random(seed)
    ends = (signal.SIGKILL, signal.SIGINT, signal.SIGKILL)
    traffic = Traffic()
    with counting(traffic) as proxy:
        environment = {
            "HTTP_PROXY": proxy,
            "OFFCHAT_API": stack.api,
            "OFFCHAT_TOKEN": stack.description["tokens"]["sender"],
            "OFFCHAT_STATE_DIR": str(tmp_path / "state"),
        }
        shell = Shell(environment, "upload", str(video), "--message", message, "--video")
        for ended_by in ends:
            until = points.randrange(SIZE // 4)
            code = shell.run(traffic, until=until, ended_by=ended_by)
            expected = INTERRUPTED if ended_by is signal.SIGINT else -ended_by
            assert code == expected, shell.errors
        assert shell.run(traffic, until=None, ended_by=signal.SIGKILL) == 0, shell.errors
    parts = SIZE // PART_BYTES
    assert set(traffic.parts) == set(range(1, parts + 1))
    sent_twice = traffic.parts.total() - parts
    print(f"{parts} parts, {len(ends)} interruptions, {sent_twice} parts sent again")
    assert sent_twice <= len(ends) * CONNECTIONS
    assert max(traffic.parts.values()) <= 1 + len(ends)
    [record] = stack.sender.items(f"/messages/{message}/attachments/")
    assert record["status"] == "ready"
    assert record["id"] in shell.output
    assert digest_of(stack, record["id"]) == hashlib.sha256(video.read_bytes()).hexdigest()


def digest_of(stack: Stack, attachment_id: str) -> str:
    """Of the object in the bucket."""
    found = stack.s3.get_object(Bucket=stack.description["bucket"], Key=f"uploads/{attachment_id}")
    return hashlib.sha256(found["Body"].read()).hexdigest()


def test_the_commands_that_make_run_prints_do_what_they_say(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = stack.message()
    (tmp_path / "holiday.mp4").write_bytes(sample("mp4", seconds=2).read_bytes())
    sent = stack.sender.upload(message, note())
    demo.instructions(stack.description | {"message_id": message}, sent["id"])
    printed = capsys.readouterr().out
    script = printed[printed.index("  export PATH") :]
    environment = {"OFFCHAT_STATE_DIR": str(tmp_path / "state"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    uploaded, *listed = [line for line in done.stdout.splitlines() if "ready" in line]
    assert uploaded in listed
    assert "holiday.mp4" in uploaded
    assert (tmp_path / "note.txt").read_bytes() == note().body
    assert "Usage: attachments" in done.stdout
