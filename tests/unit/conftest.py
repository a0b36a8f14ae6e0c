"""What tests of the functions' doors share."""

from collections.abc import Iterator

import pytest

from tests.conftest import KeyServer
from tests.doors import Doors, opened
from tests.fakes import World


@pytest.fixture
def doors(world: World, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    with opened(world, key_server, monkeypatch) as doors:
        yield doors
