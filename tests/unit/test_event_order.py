"""An older event after a newer one, and two versions of one object: one outcome, nothing left."""

from dataclasses import replace

import pytest

from attachments.errors import ObjectMissingError
from attachments.model import Action, Status
from functions.inspect_upload.events import ObjectCreated
from tests.fakes import World
from tests.unit.test_inspect_upload import AT, StoreError, arrived, run, uploaded


def test_an_older_event_after_a_newer_one_that_failed_is_not_what_was_uploaded(
    world: World,
) -> None:
    attachment, first = uploaded(world)
    second = arrived(world, attachment)
    older, newer = replace(first, sequencer="00A"), replace(second, sequencer="00B")
    with pytest.raises(StoreError):
        run(world, newer, StoreError(), last_try=True)
    assert run(world, older) == "superseded"
    assert world.catalog.get(attachment.id).status is Status.FAILED
    assert run(world, newer) == "ready"
    assert world.catalog.get(attachment.id).version == second.version
    assert first.version is not None
    with pytest.raises(ObjectMissingError):
        world.storage.head(attachment.upload_key, first.version.version_id)


def test_an_older_event_that_names_no_version_removes_nothing(world: World) -> None:
    attachment, created = uploaded(world)
    with pytest.raises(StoreError):
        run(world, replace(created, sequencer="00B"), StoreError(), last_try=True)
    untold = ObjectCreated(attachment.id, None, AT, "00A")
    assert run(world, untold) == "superseded"
    assert world.storage.keys() == {attachment.upload_key}


@pytest.mark.parametrize("sequencer", [None, "00B", "00C"])
def test_an_event_that_may_not_be_older_completes_what_failed(
    world: World, sequencer: str | None
) -> None:
    attachment, created = uploaded(world)
    with pytest.raises(StoreError):
        run(world, replace(created, sequencer="00B"), StoreError(), last_try=True)
    assert run(world, replace(created, sequencer=sequencer)) == "ready"
    assert world.catalog.get(attachment.id).sequencer == (sequencer or "00B")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_versions_one_is_served_and_the_other_removed_in_whichever_order_they_are_told(
    world: World, order: tuple[int, int]
) -> None:
    attachment, first = uploaded(world)
    told = (replace(first, sequencer="00A"), replace(arrived(world, attachment), sequencer="00B"))
    assert [run(world, told[number]) for number in order] == ["ready", "removed"]
    served = told[order[0]]
    assert world.catalog.get(attachment.id).version == served.version
    assert world.storage.head(attachment.upload_key) == served.version
    assert world.activity.actions() == [Action.FILE_UPLOADED]
