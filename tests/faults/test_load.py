"""Twenty users upload while processes are killed, S3 fails and the queue repeats itself.

`python -m tests.soak.load` does the same with five times as many files.
"""

from pathlib import Path

import pytest

from tests.faults.load import run_load

UPLOADS = 60
SEED = 5


@pytest.mark.timeout(400)
def test_what_was_accepted_is_there_once_and_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = run_load(UPLOADS, seed=SEED, folder=tmp_path)
    with capsys.disabled():
        print(f"\n{books}", end="")
    assert books.problems == []
    assert len(books.sent) == UPLOADS
    assert books.statuses["ready"] > UPLOADS / 2
    assert all(books.faults[what] for what in ("kills", "refused", "lost", "redelivered"))
