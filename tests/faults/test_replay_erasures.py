"""A backup that holds what a user was erased from, restored: the erasure is played again."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from attachments import wiring
from attachments.erasure import SETTLES
from deployment.replay_erasures import UnreadableListError, listed, main, replay
from tests.builders import SENDER, SERVICE
from tests.faults import calls
from tests.faults.cloud import cloud
from tests.faults.scene import Scene


@pytest.fixture(scope="module")
def _scene() -> Iterator[Scene]:
    with cloud("replayed") as made:
        yield Scene(made)


@pytest.fixture
def scene(_scene: Scene) -> Scene:
    _scene.begin_anew()
    return _scene


def records(scene: Scene) -> str:
    return json.dumps(scene.cloud.rows(scene.cloud.settings.attachments_table), default=str)


def sweep_to_the_end(scene: Scene) -> None:
    for _ in range(3):
        scene.cloud.clock.pass_time(SETTLES + timedelta(minutes=1))
        calls.sweep()


def erased_and_restored(scene: Scene) -> None:
    """The sender's file, their erasure to its end, and the table's old item back again."""
    scene.ready()
    table = scene.cloud.settings.attachments_table
    backup = scene.cloud.rows(table)
    wiring.erasure().begin(SENDER.user_id, by=SERVICE.user_id)
    sweep_to_the_end(scene)
    assert SENDER.user_id not in records(scene)
    for item in backup:
        scene.cloud.dynamodb.put_item(TableName=table, Item=item)
    sweep_to_the_end(scene)
    assert SENDER.user_id in records(scene), "without a replay the user stays"


def test_who_is_marked_is_erased_from_what_a_backup_brought_back(scene: Scene) -> None:
    erased_and_restored(scene)
    assert replay(wiring.users()) == [SENDER.user_id]
    sweep_to_the_end(scene)
    assert SENDER.user_id not in records(scene)
    assert scene.cloud.versions("uploads/") == []


def test_whose_mark_has_expired_is_erased_by_the_chats_own_list(scene: Scene) -> None:
    erased_and_restored(scene)
    scene.cloud.dynamodb.delete_item(
        TableName=scene.cloud.settings.chat_table,
        Key={"pk": f"user#{SENDER.user_id}", "sk": "meta"},
    )
    assert replay(wiring.users(), [SENDER.user_id]) == [SENDER.user_id]
    sweep_to_the_end(scene)
    assert SENDER.user_id not in records(scene)


def test_a_replay_of_nobody_changes_nothing(scene: Scene) -> None:
    scene.ready()
    before = records(scene)
    assert replay(wiring.users()) == []
    assert records(scene) == before


def test_a_list_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("anna\n\n ben \n")
    assert listed(path) == ["anna", "ben"]


@pytest.mark.parametrize("content", [b"anna\nb\x00en", b"a" * 500, b"\xff\xfe"])
def test_what_is_no_list_of_users_marks_nobody(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "users"
    path.write_bytes(content)
    with pytest.raises(UnreadableListError):
        listed(path)
    assert main(["a-stack-that-is-never-asked", "--users", str(path)]) == 1
    assert str(path) in capsys.readouterr().err
