"""The function's credentials, against programs that pry."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from functions.inspect_upload.sandbox import ROOT, Sandbox
from tests.media.sandbox.processes import PATIENCE_S, Program

PRY = """
import sys
for name in ("environ", "mem"):
    try:
        held = open(f"/proc/{sys.argv[1]}/{name}", "rb").read(9999)
        print(name, "hush" if b"hush" in held else "")
    except OSError as error: print(name, type(error).__name__)
"""
FUNCTION = """
import os, subprocess, sys
sys.path.append(sys.argv[1])
from functions.inspect_upload.sandbox import hide_credentials
if sys.argv[2] == "hidden": hide_credentials()
command = [sys.executable, "-IS", "-c", sys.argv[3], str(os.getpid())]
print(subprocess.run(command, env={}, capture_output=True, text=True, check=True).stdout)
"""


ANOTHER_USER = 65534 if os.getuid() == 0 else None  # nobody: root could read all the same


def python_for_everybody() -> str:
    for python in (sys.executable, "/usr/bin/python3"):
        folder = Path(python).resolve().parents
        if os.getuid() != 0 or all(path.stat().st_mode & 0o001 for path in folder):
            return python
    pytest.skip("no Python interpreter that another user than root may execute")


@pytest.mark.parametrize(("state", "seen"), [("open", "hush"), ("hidden", "PermissionError")])
def test_hidden_credentials_cannot_be_read_by_a_child_of_the_same_user(
    tmp_path: Path, state: str, seen: str
) -> None:
    answer = subprocess.run(
        [python_for_everybody(), "-IS", "-c", FUNCTION, str(ROOT), state, PRY],
        env={"AWS_SECRET_ACCESS_KEY": "hush"},
        cwd="/",
        text=True,
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
        user=ANOTHER_USER,
        group=ANOTHER_USER,
    )
    assert f"environ {seen}\n" in answer.stdout
    if state == "hidden":
        assert f"mem {seen}\n" in answer.stdout


def test_a_sandboxed_program_cannot_read_hidden_credentials(
    tmp_path: Path, program: Program
) -> None:
    name = program(PRY)
    answer = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys; from pathlib import Path\n"
            "from functions.inspect_upload.sandbox import Sandbox, hide_credentials\n"
            "hide_credentials()\n"
            "sandbox = Sandbox(Path(sys.argv[1]))\n"
            "print(sandbox.run(sys.argv[2], [str(os.getpid())], deadline_s=9).stdout.decode())",
            str(tmp_path),
            name,
        ],
        env={"AWS_SECRET_ACCESS_KEY": "hush"},
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert answer.stdout.split() == ["environ", "PermissionError", "mem", "PermissionError"]


def test_the_deployed_layer_is_one_file_that_runs_as_both_programs(
    tools: Path, tmp_path: Path
) -> None:
    """SAM's zip would hold the symbolic link as a second copy, so there is none."""
    (tmp_path / "ffmpeg").symlink_to((tools / "ffmpeg").resolve())
    with closing(Sandbox(tmp_path)) as sandbox:
        for program in ("ffmpeg", "ffprobe"):
            result = sandbox.run(program, ["-version"], deadline_s=20)
            assert result.stdout.decode().startswith(f"{program} version")
