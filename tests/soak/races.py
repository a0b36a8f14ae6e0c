"""The races by many more schedules: all with two interruptions, and hundreds that are drawn.

    python -m tests.soak.races [--interruptions N] [--seeds N] [--race NAME] [--one SEED]

Exits with 1 if a race is lost; the schedule that lost it is printed.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "layers" / "core"))
os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")  # refusals are part of it

from tests.faults.cloud import cloud  # noqa: E402
from tests.faults.interleavings import Drawn, Schedule, every_schedule  # noqa: E402
from tests.faults.races import RACES, Arranged, RaceLostError  # noqa: E402
from tests.faults.scene import Scene  # noqa: E402


def main() -> int:
    options = _options()
    lost = total = 0
    with cloud("races") as made:
        scene = Scene(made)
        for name in [options.race] if options.race else RACES:
            race, began, schedules = Arranged(scene, name), time.monotonic(), 0
            for schedule in _schedules(options):
                schedules += 1
                try:
                    race.run(schedule)
                except RaceLostError as error:
                    lost += 1
                    print(error)
                    break
            total += schedules
            spent = time.monotonic() - began
            print(f"{name:<48} {schedules:>6} schedules {spent:>6.0f} s", flush=True)
    print(f"{total} schedules, {lost} races lost.")
    return 1 if lost else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.races", description=__doc__)
    parser.add_argument("--interruptions", type=int, default=2)
    parser.add_argument("--most", type=int, default=300, help="most of these, in each race")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--race", choices=RACES)
    parser.add_argument("--one", metavar="SEED", type=int, help="this drawn schedule alone")
    return parser.parse_args()


def _schedules(options: argparse.Namespace) -> Iterator[Schedule]:
    if options.one is not None:
        yield Drawn(options.one)
        return
    yield from islice(every_schedule(options.interruptions), options.most)
    yield from map(Drawn, range(options.seeds))


if __name__ == "__main__":
    sys.exit(main())
