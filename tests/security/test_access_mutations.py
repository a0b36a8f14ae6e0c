"""Every access check matters: without any one of them, the walk finds a wrong answer."""

from collections.abc import Iterator

import pytest

from tests.access_matrix import cells
from tests.access_mutations import Mutation, mutations
from tests.access_scene import SIGNERS, Walk, interleaved, logged_override, may_sign, overrides
from tests.conftest import KeyServer
from tests.doors import Doors, opened
from tests.fakes import World

# Checks that say again what another has said, each with the other.
SAID_BEFORE = {
    "_as_decided: without `if decided.status is Status.DELETED: raise NotFoundError`": (
        "Of a copy that was deleted while it was made, as unit/test_forward.py holds."
    ),
    "forward needs no admin of admin": "What may be seen and is ready may be forwarded.",
    "forward needs no participant of participant": "The same.",
    "_source: without `require(Act.FORWARD, roles)`": "The same.",
    "sign needs no admin of admin and uploader": "An uploader who may not see it is told 404.",
    "sign needs no participant of participant and uploader": "The same.",
    "Serving._visible_to: `participant=membership.participant` is always so": (
        "`_membership` lets only participants and admins come here, and an admin sees all."
    ),
}


@pytest.fixture
def doors(world: World, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    with opened(world, key_server, monkeypatch) as doors:
        yield doors


def caught_by(doors: Doors, mutation: Mutation) -> str | None:
    """The first wrong answer without this check, None if there is none."""
    with mutation.applied():
        walk = Walk(doors)
        for cell in interleaved(cells()):
            if what := walk.wrong(cell):
                return what
        for act, admin, override in overrides():
            if logged_override(doors, act, admin) is not override:
                return f"{act} by an admin who is {admin}: the log is wrong"
        for admin, may in SIGNERS.items():
            if may_sign(doors, admin) is not may:
                return f"signing by an admin who is {admin}"
    return None


def test_no_access_check_can_be_taken_out_unnoticed(doors: Doors) -> None:
    assert [what for cell in cells() if (what := Walk(doors).wrong(cell))] == []
    found = mutations()
    taken_out = [each for each in found if each.name.partition(" ")[2] not in SAID_BEFORE]
    caught = {mutation.name: caught_by(doors, mutation) for mutation in taken_out}
    print(f"access mutations: {len(taken_out)} checks taken out, one at a time")
    for name, what in caught.items():
        print(f"  {name}\n    -> {what}")
    assert [name for name, what in caught.items() if what is None] == []
    assert len(taken_out) >= 40
    assert len(found) - len(taken_out) == len(SAID_BEFORE)
