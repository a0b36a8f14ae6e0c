"""Whatever stops the announcer: no event is lost, and one that comes twice has the same id."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_event_is_lost_and_one_that_comes_twice_has_the_same_id() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.announcing"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    found = re.search(r"(\d+) cases, (\d+) events told again", ran.stdout)
    assert found
    cases, again = map(int, found.groups())
    assert cases >= 15
    assert again > 0, "a kill after the bus took events brings them twice"
