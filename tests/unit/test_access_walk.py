"""Every route, asked by everybody about everything: the access matrix, walked in process."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.access_matrix import CALLERS, Cell, cells
from tests.access_scene import FUNCTIONS, SIGNERS, Walk, logged_override, may_sign, overrides
from tests.conftest import KeyServer
from tests.doors import Answer, Doors, opened
from tests.fakes import World


@pytest.fixture
def doors(world: World, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    with opened(world, key_server, monkeypatch) as doors:
        yield doors


def test_every_route_has_its_rows_in_the_matrix_and_every_row_its_route() -> None:
    rows: dict[tuple[str, str], set[str]] = defaultdict(set)
    for cell in cells():
        rows[cell.method, cell.path].add(cell.about)
    assert set(rows) == set(FUNCTIONS)
    for route, about in rows.items():
        assert about == {"all"} or {"own", "other", "unknown"} <= about, route


def test_everybody_gets_exactly_what_the_matrix_says(doors: Doors) -> None:
    walk, walked = Walk(doors), cells()
    found = [walk.wrong(cell) for cell in walked]
    print(f"access walk: {len(walked)} cells of {len(FUNCTIONS)} routes and {len(CALLERS)} callers")
    assert [what for what in found if what] == []


def test_what_you_may_not_see_answers_byte_for_byte_like_what_does_not_exist(doors: Doors) -> None:
    groups: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells():
        if cell.status == 404:
            groups[cell.method, cell.path, cell.caller].append(cell)
    walk, pairs = Walk(doors), 0
    for route, hidden in groups.items():
        answers = {cell.about: walk.ask(cell) for cell in hidden}
        unknown = _shown(answers.pop("unknown"))
        for about, answer in answers.items():
            assert _shown(answer) == unknown, (route, about)
            pairs += 1
    print(f"access walk: {pairs} answers are those of an id that nothing has")
    assert pairs > 50


def _shown(answer: Answer) -> tuple[int, str, set[str]]:
    """All that a caller could tell apart."""
    return answer.status, answer.body.replace(answer.request_id, ""), set(answer.headers)


def test_an_admin_signs_only_uploads_of_their_own(doors: Doors) -> None:
    assert {admin: may_sign(doors, admin) for admin in SIGNERS} == SIGNERS


def test_the_log_tells_what_only_an_admin_could_do(doors: Doors) -> None:
    for act, admin, override in overrides():
        assert logged_override(doors, act, admin) is override, (act, admin)
