"""Two at once: one outcome, always one that the state diagram allows, whatever the order.

Each race is run by every schedule that interrupts an operation once, and by a number of drawn
ones; `python -m tests.soak.races` runs many more. A failure prints its schedule.
"""

from collections.abc import Iterator

import pytest

from tests.faults.cloud import cloud
from tests.faults.interleavings import Drawn, Schedule, every_schedule
from tests.faults.races import RACES, Arranged
from tests.faults.scene import Scene

SEEDS = 2


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with cloud("races") as made:
        yield Scene(made)


@pytest.mark.parametrize("name", RACES)
def test_a_race_has_one_outcome_and_leaves_nothing_behind(
    scene: Scene, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    race, schedules = Arranged(scene, name), 0
    for schedule in _schedules():
        race.run(schedule)
        schedules += 1
    with capsys.disabled():
        print(f"\n{name}: {schedules} schedules", end="")
    assert schedules >= SEEDS + 2


def _schedules() -> Iterator[Schedule]:
    yield from every_schedule(interruptions=1)
    yield from map(Drawn, range(SEEDS))
