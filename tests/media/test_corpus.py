"""A slice of the corpus of broken files: none is called ready with wrong numbers.

All of it is `python -m tests.soak.corpus`, which also takes one file by its name.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.inspect_upload.findings import Accepted, Declared, Refused
from functions.inspect_upload.inspectors import examine
from functions.inspect_upload.sandbox import Result
from tests.media.conftest import BytesReader
from tests.media.corpus.cases import SEED, corpus, fixed_slice, make
from tests.media.corpus.damage import DAMAGES
from tests.media.corpus.decoder import Decoder, View
from tests.media.corpus.examination import Examiner, WatchedSandbox, tools
from tests.media.corpus.rules import broken_rules, near
from tests.media.corpus.sources import BY_NAME, SOURCES


@pytest.fixture(scope="module")
def watched() -> Iterator[WatchedSandbox]:
    if not (tools() / "ffprobe").exists():
        pytest.fail("There is no ffmpeg layer for this machine: run `make layer`.", pytrace=False)
    with closing(WatchedSandbox(tools())) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


@pytest.mark.parametrize("name", fixed_slice())
def test_a_broken_file_is_refused_or_described_rightly(
    name: str, watched: WatchedSandbox, decoder: Decoder, tmp_path: Path
) -> None:
    case = make(name)
    outcome = Examiner(watched, decoder, tmp_path).examine(case)
    if outcome.violations:
        told = "\n".join(outcome.violations)
        pytest.fail(
            f"{name} of seed {SEED}, {case.what}:\n{told}\nAgain: {case.command}", pytrace=False
        )


@pytest.mark.parametrize("name", BY_NAME)
def test_the_intact_file_is_as_its_manifest_says(
    name: str, watched: WatchedSandbox, decoder: Decoder, tmp_path: Path
) -> None:
    """By the inspection, and by the decoder that is asked about the broken ones."""
    source = BY_NAME[name]
    upload = Declared("a", "video/mp4", video_only=source.is_video)
    finding = examine(BytesReader(source.data), upload, sandbox=watched)
    assert isinstance(finding, Accepted), finding
    media = finding.media
    assert finding.file_type is source.file_type
    assert (media.width, media.height) == (source.size or (None, None))
    assert media.audio_codec == source.audio_codec
    path = tmp_path / "intact"
    path.write_bytes(source.data)
    view = decoder.look(path, source.demuxer)
    assert source.size is None or source.size in view.sizes
    if source.duration_ms:
        assert media.duration_ms == pytest.approx(source.duration_ms, abs=75)
        assert any(near(ms, source.duration_ms) for ms in view.shown_ms)
        assert source.audio_codec in view.audio_codecs
    if source.codec:
        assert media.codec == source.codec
        assert source.codec in view.video_codecs


def test_a_seed_makes_the_same_files_again_and_another_seed_others() -> None:
    names = [name for name in fixed_slice() if "/truncated/" not in name]
    assert all(make(name).data == make(name).data for name in names)
    assert sum(make(name).data != make(name, SEED + 1).data for name in names) > len(names) * 0.9
    assert all(make(name).data != make(name).source.data for name in names)


def test_the_corpus_has_every_damage_of_every_format() -> None:
    names = corpus()
    assert len(set(names)) == len(names) >= 500
    kinds = {name.rpartition("/")[0] for name in names}
    assert kinds == {f"{source.name}/{damage}" for source in SOURCES for damage in DAMAGES}


FALSEHOODS: dict[str, dict[str, Any]] = {
    "longer": {"duration_ms": 2500},
    "wider": {"width": 193},
    "without a size": {"width": None, "height": None},
    "of another codec": {"codec": "hevc"},
    "of another sound": {"audio_codec": "mp3"},
    "faster": {"frame_rate": 50.0},
    "of more bits than there are": {"bitrate_kbps": 9000},
}


@pytest.mark.parametrize("falsehood", FALSEHOODS)
def test_a_wrong_number_does_break_the_rules(falsehood: str, watched: WatchedSandbox) -> None:
    case = make("mp4-first/data-bits/0")
    upload = Declared("a", "video/mp4", video_only=True)
    finding = examine(BytesReader(case.data), upload, sandbox=watched)
    assert isinstance(finding, Accepted)
    false = replace(finding, media=replace(finding.media, **FALSEHOODS[falsehood]))
    assert broken_rules(case, finding, View) == []
    assert broken_rules(case, false, View) != []


def test_a_number_of_a_damaged_header_is_held_against_the_decoder(watched: WatchedSandbox) -> None:
    case = make("mp4-first/header-bits/0")
    upload = Declared("a", "video/mp4", video_only=True)
    finding = examine(BytesReader(case.data), upload, sandbox=watched)
    assert isinstance(finding, Accepted)
    false = replace(finding, media=replace(finding.media, duration_ms=7000, bitrate_kbps=None))
    assert broken_rules(case, false, lambda: View(shown_ms=[2000]))
    assert not broken_rules(case, false, lambda: View(stated_ms=[7000]))


def test_a_reason_that_is_no_sentence_does_break_the_rules() -> None:
    case = make("mp4-first/truncated/0")
    assert broken_rules(case, Refused("moov atom not found\n"), View)
    assert not broken_rules(case, Refused("This file is damaged."), View)


def _crash() -> None:
    raise RuntimeError


def _leave_a_file() -> None:
    Path(tempfile.gettempdir(), "left").touch()


def _leave_a_process() -> None:
    LEFT.append(subprocess.Popen(["sleep", "60"]))


LEFT: list[subprocess.Popen[bytes]] = []
MISDEEDS: dict[str, Callable[[], None]] = {
    "crashes": _crash,
    "leaves a file": _leave_a_file,
    "leaves a process": _leave_a_process,
}


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_what_is_left_behind_is_noticed(misdeed: str, decoder: Decoder, tmp_path: Path) -> None:
    class Misbehaving(WatchedSandbox):
        def run(self, *_: object, **__: object) -> Result:
            MISDEEDS[misdeed]()
            return Result(b"", "", 1, 0, 0)

    with closing(Misbehaving(tools())) as sandbox:
        outcome = Examiner(sandbox, decoder, tmp_path).examine(make("mp3/data-bits/0"))
    for process in LEFT:
        process.kill()
        process.wait()
    LEFT.clear()
    assert any(f"it {misdeed}" in violation for violation in outcome.violations)
