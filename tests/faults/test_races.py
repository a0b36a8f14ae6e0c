"""Two at once: one outcome, always one that the state diagram allows, whatever the order.

Each race is run by every schedule that interrupts an operation once (those with a sweep by each
fourth), and by some drawn ones; `python -m tests.soak.races` runs many more. A failure prints its
schedule.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from attachments.chat import Chat
from attachments.dynamo import Write
from attachments.guards import Guards, IdempotencyKey
from functions.inspect_upload.inspect import Inspection
from tests.faults.cloud import cloud
from tests.faults.interleavings import Drawn, every_schedule
from tests.faults.races import RACES, Arranged, RaceLostError
from tests.faults.scene import Scene

SEEDS = 2
SWEEP_STRIDE = 4  # a sweep has more calls than all else together: each fourth schedule
pytestmark = pytest.mark.timeout(600)  # on a machine with ten times as much to do


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with cloud("races") as made:
        yield Scene(made)


@pytest.mark.parametrize("name", RACES)
def test_a_race_has_one_outcome_and_leaves_nothing_behind(
    scene: Scene, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    schedules = _run_all(Arranged(scene, name))
    with capsys.disabled():
        print(f"\n{name}: {schedules} schedules", end="")
    assert schedules >= SEEDS + 2


def _run_all(race: Arranged) -> int:
    """By how many schedules."""
    drawn = [Drawn(seed) for seed in range(SEEDS)]
    for schedule in drawn:
        race.run(schedule)
    count = len(drawn)
    for number, planned in enumerate(every_schedule(interruptions=1)):
        if number % (SWEEP_STRIDE if race.sweeps else 1) == 0:
            race.run(planned)
            count += 1
    return count


# ---------------------------------------------------------------- what would be found


def _lives_anyway(chat: Chat, message_id: str) -> Write:
    write = REAL_MUST_LIVE(chat, message_id)
    write["ConditionCheck"]["ConditionExpression"] = "attribute_exists(pk)"
    return write


def _whatever_version(chat: Chat, pk: str, version: int, digest: str) -> bool:
    values = {":version": version, ":digest": digest}
    return chat._update(
        pk, "SET version = :version, digest = :digest", "attribute_not_exists(deleted)", values
    )


def _key_anyway(guards: Guards, key: IdempotencyKey, now: datetime) -> Write:
    write = REAL_WRITE_OF(guards, key, now)
    write["Put"]["ConditionExpression"] += " OR attribute_exists(pk)"
    return write


REAL_MUST_LIVE, REAL_WRITE_OF = Chat.must_live, Guards.write_of
BROKEN: dict[str, tuple[type, str, Callable[..., object]]] = {
    "message deletion against upload": (Chat, "must_live", _lives_anyway),
    "participants against newer participants": (Chat, "_raise_version", _whatever_version),
    "one idempotency key twice": (Guards, "write_of", _key_anyway),
    "delete against inspection": (Inspection, "_settled", lambda *_: "removed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_race_is_lost_without_the_condition_that_wins_it(
    scene: Scene, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*BROKEN[name])
    race = Arranged(scene, name)
    with pytest.raises(RaceLostError, match=r"Planned|Drawn"):
        _run_all(race)
