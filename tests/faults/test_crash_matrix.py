"""Every act, stopped at its boundaries: what comes after is what would have come without it.

`python -m tests.soak.crashes` runs the whole matrix; here run all kills at requests that change
something, with a real video and the real ffmpeg too, and a fixed share of the rest.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.media.conftest import tools as tools  # the layer's
from tests.stack.client import sample

ROOT = Path(__file__).parents[2]
SHARE = "0/32"
WORKERS = 2


def matrix(*options: str, **environment: str) -> str:
    """What the matrix prints; it must find no difference."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.matrix", *options],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    return ran.stdout


def cases(said: str) -> int:
    found = re.search(r": (\d+) cases in", said)
    assert found, said
    return int(found[1])


@pytest.mark.timeout(2400)  # a minute and a half on an idle machine, long on a busy one
def test_whatever_is_stopped_at_whichever_boundary_comes_right_in_the_end() -> None:
    with ThreadPoolExecutor(WORKERS) as threads:
        said = threads.map(
            lambda worker: matrix("--share", SHARE, "--worker", f"{worker}/{WORKERS}"),
            range(WORKERS),
        )
    assert sum(map(cases, said)) >= 100


@pytest.mark.timeout(900)
def test_the_inspection_of_a_real_video_does_too(tools: Path) -> None:
    clip = str(sample("mp4", seconds=2))
    said = matrix(
        "--only", "inspect a video", "--share", "0/3", TEST_CLIP=clip, TEST_FFMPEG_DIR=str(tools)
    )
    assert cases(said) >= 5
