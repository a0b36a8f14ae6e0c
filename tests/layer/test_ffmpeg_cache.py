"""The layer's cache: a key for all that shapes the layer, and never a half-made entry."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest
from ffmpeg_layer.cache import cached, default_cache, layer_key, publish
from ffmpeg_layer.toolchain import Toolchain

TOOLCHAIN = Toolchain(
    architecture="x86_64",
    zig=Path("/nowhere/zig"),
    meson=("meson",),
    ninja=Path("/nowhere/ninja"),
    make="make",
    nasm="/nowhere/nasm",
    versions=("ziglang 1", "meson 2", "ninja 3"),
)


def makes(text: str) -> Callable[[Path], Path]:
    def make(scratch: Path) -> Path:
        folder = scratch / "layer"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "ffmpeg").write_text(text)
        (folder / "bin" / "ffprobe").symlink_to("ffmpeg")
        return folder

    return make


def makes_half_of_it(scratch: Path) -> Path:
    makes("half")(scratch)
    raise RuntimeError("the compiler stopped")


def must_not_be_called(_scratch: Path) -> Path:
    raise AssertionError("built again")


def test_what_was_built_once_is_not_built_again(tmp_path: Path) -> None:
    entry = cached("key", tmp_path, makes("first"))
    assert cached("key", tmp_path, must_not_be_called) == entry
    assert (entry / "bin" / "ffmpeg").read_text() == "first"


def test_another_key_is_another_build(tmp_path: Path) -> None:
    assert cached("one", tmp_path, makes("1")) != cached("two", tmp_path, makes("2"))


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        cached("key", tmp_path, makes_half_of_it)
    assert list(tmp_path.iterdir()) == []
    assert cached("key", tmp_path, makes("whole")).is_dir()


def test_two_builds_at_once_leave_one_whole_entry(tmp_path: Path) -> None:
    both_are_building = Barrier(2)

    def build(text: str) -> None:
        def make(scratch: Path) -> Path:
            both_are_building.wait(timeout=10)
            return makes(text)(scratch)

        entries.append(cached("key", tmp_path, make))

    entries: list[Path] = []
    threads = [Thread(target=build, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert entries == [tmp_path / "key"] * 2
    assert list(tmp_path.iterdir()) == [tmp_path / "key"]
    assert (tmp_path / "key" / "bin" / "ffmpeg").read_text() in {"one", "two"}


@pytest.mark.parametrize(
    "other",
    [
        replace(TOOLCHAIN, architecture="arm64"),
        replace(TOOLCHAIN, nasm=None),
        replace(TOOLCHAIN, versions=("ziglang 2", "meson 2", "ninja 3")),
    ],
)
def test_the_key_tells_builds_apart(other: Toolchain) -> None:
    assert layer_key(other) != layer_key(TOOLCHAIN)


def test_the_key_does_not_depend_on_where_things_lie() -> None:
    moved = replace(TOOLCHAIN, zig=Path("/elsewhere/zig"), nasm="/elsewhere/nasm")
    assert layer_key(moved) == layer_key(TOOLCHAIN)


def test_nasm_does_not_matter_for_arm64() -> None:
    arm64 = replace(TOOLCHAIN, architecture="arm64")
    assert layer_key(arm64) == layer_key(replace(arm64, nasm=None))


def test_the_key_follows_the_content_of_the_inputs(tmp_path: Path) -> None:
    script = tmp_path / "options.py"
    script.write_text("one")
    before = layer_key(TOOLCHAIN, [script])
    script.write_text("two")
    assert layer_key(TOOLCHAIN, [script]) != before


def test_the_cache_is_shared_by_all_clones_unless_a_variable_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FFMPEG_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "offchat-attachments" / "ffmpeg"
    monkeypatch.setenv("FFMPEG_CACHE", str(tmp_path / "mine"))
    assert default_cache() == tmp_path / "mine"


def test_publishing_twice_leaves_the_same_files(tmp_path: Path) -> None:
    layer, output = makes("binary")(tmp_path), tmp_path / "out"
    output.mkdir()
    for _ in range(2):
        publish(layer, output)
    assert (output / "bin" / "ffprobe").readlink() == Path("ffmpeg")
    assert sorted(path.name for path in (output / "bin").iterdir()) == ["ffmpeg", "ffprobe"]


def test_a_running_binary_is_left_alone_when_it_is_the_right_one(tmp_path: Path) -> None:
    layer, output = makes("binary")(tmp_path), tmp_path / "out"
    output.mkdir()
    publish(layer, output)
    before = (output / "bin" / "ffmpeg").stat().st_ino
    publish(layer, output)
    assert (output / "bin" / "ffmpeg").stat().st_ino == before


def test_the_second_name_can_be_left_out(tmp_path: Path) -> None:
    layer, output = makes("binary")(tmp_path), tmp_path / "out"
    publish(layer, output, symlinks=False)
    assert [path.name for path in (output / "bin").iterdir()] == ["ffmpeg"]
