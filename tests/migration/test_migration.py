"""The move from the Django app: every row comes or is told why not, however often it is begun."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from attachments.ids import rfc3339
from deployment import stacks
from migration.__main__ import main
from migration.old_app import OldApp, OldAppError, Queries
from tests.migration import old_world
from tests.migration.old_world import OldWorld
from tests.migration.postgres import postgres
from tests.stack.client import ROOT, Stack, eventually
from tests.stack.running import running

pytestmark = pytest.mark.timeout(600)
STOPPED_AT = 70  # records, of 200 rows


class Move:
    """An old world, and the stack that takes it."""

    def __init__(self, stack: Stack, description: Path, old: OldWorld, folder: Path) -> None:
        self.stack, self.old = stack, old
        self.described = stacks.of(str(description))
        self.report = folder / "report.csv"
        self.arguments = [
            str(description),
            *("--database", old.url, "--media", str(old.media), "--report", str(self.report)),
        ]

    def records(self) -> dict[str, Any]:
        """All items of the table by id."""
        pages = self.described.dynamodb().get_paginator("scan")
        table = self.described.resource("Attachments")
        found = pages.paginate(TableName=table, ConsistentRead=True)
        return {item["id"]: item for page in found for item in page["Items"]}

    def reported(self) -> dict[str, str]:
        """Reasons by id."""
        with self.report.open(encoding="utf-8", newline="") as file:
            return {row["id"]: row["reason"] for row in csv.DictReader(file)}

    def killed_midway(self) -> None:
        """An import that ends by SIGKILL."""
        command = [sys.executable, "-m", "migration", *self.arguments, "--go"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "layers" / "core")}
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
            eventually(lambda: len(self.records()) >= STOPPED_AT or process.poll() is not None)
            assert process.poll() is None, "it ended before it could be killed"
            process.send_signal(signal.SIGKILL)

    def source(self) -> str:
        """A digest of what must not change."""
        digest = hashlib.sha256()
        for path in sorted(self.old.media.rglob("*")):
            if path.is_file() and path.stat().st_size < 2**20:
                digest.update(str(path).encode() + path.read_bytes())
        with OldApp(self.old.url, Queries()) as old:
            rows = [row.values for batch in old.batches() for row in batch]
        digest.update(repr(rows).encode())
        return digest.hexdigest()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def move(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Move]:
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as cleanup:
        url = f"sqlite:///{folder}/db.sqlite3"
        if request.param == "postgresql":
            url = cleanup.enter_context(postgres())
        stack = cleanup.enter_context(running(folder))
        old = old_world.make(url, folder, seed=len(request.param), sender=stack.sender.id)
        description = folder / "described.json"
        description.write_text(json.dumps(stack.description))
        yield Move(stack, description, old, folder)


def test_it_comes_whole_though_it_was_killed_and_is_repeated(
    move: Move, capsys: pytest.CaptureFixture[str]
) -> None:
    before = move.source()

    assert main(move.arguments) == 1  # a dry run
    said = capsys.readouterr().out
    assert "nothing is changed" in said
    assert move.records() == {}
    known_before = {
        key: reason
        for key, reason in move.old.broken.items()
        if key not in move.old.seen_by_inspection
    }
    assert move.reported() == known_before
    assert f"200 of 200 rows: {200 - len(known_before)} would come" in said

    move.killed_midway()
    begun = move.records()
    assert STOPPED_AT <= len(begun) < len(move.old.good)

    assert main([*move.arguments, "--go"]) == 1
    assert "200 of 200 rows: " in capsys.readouterr().out
    assert move.reported() == move.old.broken
    records = move.records()
    ready = {key for key, item in records.items() if item["status"] == "ready"}
    assert ready == {each.id for each in move.old.good}
    assert {key for key in begun if begun[key]["status"] == "ready"} <= ready
    for each in move.old.good:
        item = records[each.id]
        assert item["message_id"] == each.message_id
        assert item["file_name"] == each.file_name
        assert item["file_type"] == each.file_type
        assert item["file_size"] == len(each.body)
        assert item["created_at"] == rfc3339(each.uploaded_at)
        assert item["uploaded_by"] == move.stack.sender.id
        assert move.stack.stored(each.id).count(f"uploads/{each.id}") == 1

    assert main([*move.arguments, "--go"]) == 1
    assert f"{len(ready)} were there" in capsys.readouterr().out
    assert move.reported() == move.old.broken
    assert move.records() == records
    assert move.source() == before


def test_who_could_read_a_file_can_read_it_here_by_its_old_id(move: Move) -> None:
    main([*move.arguments, "--go"])
    wanted = [each for each in move.old.good if each.file_type != "document"]
    for each in wanted:
        answer = move.stack.sender.get(f"/attachments/{each.id}/download/")
        assert answer.status_code == 200, answer.text
        assert httpx.get(answer.json()["url"]).content == each.body
        assert move.stack.stranger.get(f"/attachments/{each.id}/").status_code == 404
    clips = [each for each in wanted if each.file_type == "video"]
    for each in clips:
        seen = move.stack.sender.get(f"/videos/{each.id}/download/").json()
        assert seen["thumbnail_url"]
    assert len(clips) == len(old_world.VIDEOS)


def test_what_was_deleted_since_does_not_come_back(
    move: Move, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*move.arguments, "--go"])
    each = move.old.good[-1]
    assert move.stack.sender.delete(f"/attachments/{each.id}/").status_code == 200
    main([*move.arguments, "--go"])
    assert "1 were deleted since" in capsys.readouterr().out
    assert move.stack.sender.get(f"/attachments/{each.id}/").status_code == 404


def test_a_file_of_another_row_is_never_taken_for_its_own(move: Move) -> None:
    main([*move.arguments, "--go"])
    each = move.old.good[-2]
    table, client = move.described.resource("Attachments"), move.described.dynamodb()
    item = client.get_item(TableName=table, Key={"id": each.id})["Item"]
    client.put_item(TableName=table, Item={**item, "file_name": "another.txt"})
    main([*move.arguments, "--go"])
    client.put_item(TableName=table, Item=item)
    stored = each.id if each.id in move.reported() else each.id.replace("-", "")
    assert move.reported()[stored] == "Another file has its id here."


@pytest.mark.parametrize(
    ("database", "says"),
    [
        ("nowhere.sqlite3", "There is no SQLite database"),
        ("mysql://host/name", "SQLite and PostgreSQL can be read, mysql cannot."),
        ("://", "neither a database URL nor an SQLite file"),
    ],
)
def test_a_database_that_cannot_be_read_is_said(database: str, says: str) -> None:
    with pytest.raises(OldAppError, match=says):
        OldApp(database, Queries())


def test_a_table_that_is_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite3"
    path.touch()
    with OldApp(str(path), Queries()) as old, pytest.raises(OldAppError, match="no such table"):
        old.count()


def test_without_a_media_folder_nothing_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "media"
    assert main(["stack.json", "--database", "x.sqlite3", "--media", str(missing)]) == 2
    assert f"There is no media folder {missing}" in capsys.readouterr().err
