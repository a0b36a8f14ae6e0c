"""What a person sees of a build: counts while it runs, the end of the log when it fails."""

import os
import sys
from pathlib import Path

import pytest
from ffmpeg_layer.progress import BuildError, Progress, make_counter, ninja_counter

FORTY_LINES_THEN_FAIL = "for n in range(40): print('line', n)\nraise SystemExit(3)"


def test_a_failed_step_shows_its_last_thirty_lines_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    with pytest.raises(BuildError, match="compile failed with exit code 3") as failure:
        Progress(log).run(
            "compile",
            [sys.executable, "-c", FORTY_LINES_THEN_FAIL],
            folder=tmp_path,
            environment=os.environ,
        )
    shown = str(failure.value).splitlines()
    assert shown[:30] == [f"line {n}" for n in range(10, 40)]
    assert str(log) in shown[-1]
    assert "line 0\n" in log.read_text()


def test_a_step_that_succeeds_says_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Progress(tmp_path / "build.log").run(
        "compile", [sys.executable, "-c", "print(1)"], folder=tmp_path, environment=os.environ
    )
    assert capsys.readouterr().err == "[0:00] compile\n"


def test_ninja_counts_for_itself() -> None:
    assert ninja_counter("[12/345] Compiling C object src/lib.o") == (12, 345)
    assert ninja_counter("ninja: Entering directory") is None


def test_the_commands_that_make_announces_are_counted() -> None:
    count = make_counter(2)
    assert count("CC\tlibavutil/log.o") == (1, 2)
    assert count("In file included from log.c:") is None
    assert count("LD\tffmpeg_g") == (2, 2)
    assert count("AR\tone more than the dry run said") == (2, 2)
