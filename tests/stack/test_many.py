"""Many videos at once: every one is inspected, right, and once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

from tests.stack.client import Json, Stack
from tests.stack.conftest import MIME_TYPES, Clip

MANY = 50


def test_fifty_videos_at_once_are_all_ready_right_and_once(
    stack: Stack, message: str, clip: Clip
) -> None:
    files = [clip(extension, seconds=2) for extension in islice(cycle(MIME_TYPES), MANY)]

    def upload(number: int) -> Json:
        ticket = stack.sender.send_file(message, files[number])
        return stack.sender.settled(ticket["id"])

    with ThreadPoolExecutor(16) as pool:
        records = list(pool.map(upload, range(MANY)))

    assert [record["status"] for record in records] == ["ready"] * MANY
    for record, file in zip(records, files, strict=True):
        assert (record["mime_type"], record["file_size"]) == (file.mime_type, len(file.body))
        assert (record["width"], record["height"]) == (1280, 720)
        assert abs(record["duration_ms"] - 2000) <= 50
        assert record["thumbnail"]["width"] == 320
    assert len({record["id"] for record in records}) == MANY
    for record in records:
        log = stack.admin.items("/reports/activity/", attachment=record["id"])
        assert [entry["action"] for entry in log] == ["file_uploaded", "upload_requested"]
