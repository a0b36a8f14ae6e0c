"""Who may do what."""

import itertools

import pytest

from attachments.access import (
    Act,
    Role,
    allows,
    overrides,
    require,
    require_visible,
    roles_in_conversation,
    roles_towards,
    visible,
)
from attachments.errors import ForbiddenError, NotFoundError
from attachments.model import Status
from tests.builders import ADMIN, PARTICIPANT, SENDER, SERVICE, STRANGER, in_state, pending

ALL_ROLES = [
    frozenset(roles)
    for count in range(len(Role) + 1)
    for roles in itertools.combinations(Role, count)
]


def expected(act: Act, roles: frozenset[Role]) -> bool:
    """The rules of the API's table, said in another way than the code says them."""
    if act is Act.SIGN and "uploader" not in roles:
        return False
    if "admin" in roles:
        return True
    if act is Act.SEE_EVERYTHING:
        return False
    if "participant" not in roles:
        return False
    needs = {Act.UPLOAD: "sender", Act.DELETE: "uploader", Act.SEE_UNREADY: "uploader"}
    return act not in needs or needs[act] in roles


@pytest.mark.parametrize("act", list(Act))
def test_each_act_is_allowed_to_the_right_roles_and_no_others(act: Act) -> None:
    for roles in ALL_ROLES:
        assert allows(act, roles) is expected(act, roles), roles


def test_what_is_not_allowed_is_forbidden() -> None:
    with pytest.raises(ForbiddenError):
        require(Act.DELETE, frozenset({Role.PARTICIPANT}))
    require(Act.DELETE, frozenset({Role.PARTICIPANT, Role.UPLOADER}))


@pytest.mark.parametrize(
    ("roles", "override"),
    [
        ({Role.ADMIN}, True),
        ({Role.ADMIN, Role.PARTICIPANT}, True),
        ({Role.ADMIN, Role.UPLOADER}, True),
        ({Role.ADMIN, Role.PARTICIPANT, Role.UPLOADER}, False),
        ({Role.PARTICIPANT, Role.UPLOADER}, False),
        ({Role.PARTICIPANT}, False),
        (set(), False),
    ],
)
def test_an_override_is_what_only_an_admin_could_do(roles: set[Role], override: bool) -> None:
    assert overrides(Act.DELETE, frozenset(roles)) is override


def test_roles_come_from_token_membership_and_upload() -> None:
    attachment = pending()
    assert roles_in_conversation(STRANGER, participant=False) == frozenset()
    assert roles_in_conversation(ADMIN, participant=True) == {Role.ADMIN, Role.PARTICIPANT}
    assert roles_towards(attachment, SENDER, participant=True) == {Role.PARTICIPANT, Role.UPLOADER}
    assert roles_towards(attachment, SENDER, participant=False) == {Role.UPLOADER}
    assert roles_towards(attachment, PARTICIPANT, participant=True) == {Role.PARTICIPANT}
    assert roles_towards(attachment, SERVICE, participant=False) == frozenset()


@pytest.mark.parametrize("status", list(Status))
def test_the_state_says_who_sees_an_attachment(status: Status) -> None:
    attachment = in_state(pending(), status)

    def seen_by(**who: bool) -> bool:
        participant = who.pop("participant", False)
        caller = {"uploader": SENDER, "admin": ADMIN, "other": PARTICIPANT}[who.popitem()[0]]
        return visible(attachment, roles_towards(attachment, caller, participant=participant))

    alive, ready = status is not Status.DELETED, status is Status.READY
    assert seen_by(participant=True, other=True) is ready
    assert seen_by(participant=True, uploader=True) is alive
    assert seen_by(admin=True) is alive
    assert seen_by(uploader=True) is False  # who left sees nothing, not even their own
    assert seen_by(other=True) is False


def test_what_is_not_visible_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        require_visible(pending(), frozenset({Role.PARTICIPANT}))
    require_visible(pending(), frozenset({Role.ADMIN}))
