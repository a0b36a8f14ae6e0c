"""Counting anew for the usage report: true afterwards, however often stopped, whatever changed."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from attachments import wiring
from attachments.counters import Kind
from attachments.model import FileType, Status
from deployment.recount import Recount, main
from functions.announce.changes import Change
from functions.announce.usage import Counting
from tests.builders import NOON
from tests.faults.cloud import Cloud, cloud
from tests.faults.scene import Scene


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def _scene() -> Iterator[Scene]:
    with cloud("recounted") as made:
        yield Scene(made)


@pytest.fixture
def scene(_scene: Scene) -> Scene:
    _scene.begin_anew()
    for number in range(1, 4):
        _scene.ready(number)
    _scene.pending(4)
    return _scene


def recount_of(scene: Scene, told: Any = lambda _: None) -> Recount:
    cloud: Cloud = scene.cloud
    table = cloud.settings.attachments_table
    return Recount(cloud.dynamodb, table, wiring.counters(), told=told, settles_s=0)


def counted() -> dict[Kind, int]:
    total, _ = wiring.counters().tally(date.min, date.min)
    return dict(total.files)


ALL = {Kind(FileType.VIDEO, Status.READY): 3, Kind(FileType.VIDEO, Status.PENDING): 1}


def test_all_records_are_counted_and_what_was_counted_before_is_gone(scene: Scene) -> None:
    stale = wiring.catalog().get(scene.ready(5).id)
    wiring.counters().count(1, stale)
    scene.cloud.dynamodb.delete_item(
        TableName=scene.cloud.settings.attachments_table, Key={"id": stale.id}
    )
    assert recount_of(scene).run() == 4
    assert counted() == ALL
    left = {row["pk"] for row in scene.cloud.rows(scene.cloud.settings.counters_table)}
    assert not [pk for pk in left if pk.startswith(("1#", "marker#1#"))]


def test_it_is_stopped_and_begun_again(scene: Scene) -> None:
    said = Counter[str]()

    def stops(text: str) -> None:
        said[text] += 1
        if "records …" in text:
            raise StoppedError

    with pytest.raises(StoppedError):
        recount_of(scene, stops).run()
    assert counted() == {}, "the report is not of the half that was counted"
    recount_of(scene).run()
    assert counted() == ALL


def test_what_changes_meanwhile_counts_once(scene: Scene) -> None:
    record = next(
        record for record in wiring.catalog().of_uploader("sender") if record.status is Status.READY
    )

    def changes(_: str) -> None:
        """The stream tells of a deletion, before and after the record was read."""
        old = wiring.catalog().get_all([record.id])[0]
        if old.status is Status.READY:
            wiring.catalog().change(old.deleted(now=NOON), None)
        new = wiring.catalog().get_all([record.id])[0]
        change = Change(sequence_number="1", at=NOON, old=record, new=new)
        assert Counting(wiring.counters()).count([change]) == set()

    recount_of(scene, changes).run()
    assert counted() == {
        Kind(FileType.VIDEO, Status.READY): 2,
        Kind(FileType.VIDEO, Status.DELETED): 1,
        Kind(FileType.VIDEO, Status.PENDING): 1,
    }


def test_a_stack_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.json"]) == 1
    assert "nowhere.json" in capsys.readouterr().err
