"""A sandbox whose programs are short Python scripts."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from functions.inspect_upload import sandbox as sandbox_module
from functions.inspect_upload.sandbox import Sandbox
from tests.media.sandbox.processes import Children, Program, our_children


@pytest.fixture
def children() -> Children:
    """Our child processes of this test: other tests may have left theirs running."""
    others = set(our_children())
    return lambda: [pid for pid in our_children() if pid not in others]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Make a program of Python source in the tools folder, and give its name."""

    def make(source: str) -> str:
        name = f"p{os.getpid()}_{len(list(tmp_path.iterdir()))}"
        (tmp_path / name).write_text(f"#!{sys.executable} -IS\n{source}\n")
        (tmp_path / name).chmod(0o755)
        return name

    return make


@pytest.fixture
def sandbox(tmp_path: Path, children: Children) -> Iterator[Sandbox]:
    with closing(Sandbox(tmp_path)) as sandbox:
        yield sandbox


@pytest.fixture
def unfiltered(
    tmp_path: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """A sandbox where the kernel has no seccomp: what the rest of it does alone."""
    absent = "from functions.inspect_upload import syscall_filter as f; f.install = lambda _: False"
    start = sandbox_module.LAUNCHER.removesuffix("main()")
    monkeypatch.setattr(sandbox_module, "LAUNCHER", f"{start}{absent}; main()")
    with closing(Sandbox(tmp_path)) as sandbox:
        yield sandbox
