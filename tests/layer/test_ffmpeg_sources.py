"""Where the layer's sources come from: the chosen folder first, and the checksum decides."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from ffmpeg_layer.cache import cached
from ffmpeg_layer.making import make_layer
from ffmpeg_layer.progress import BuildError
from ffmpeg_layer.sources import (
    FINDERS,
    ChecksumError,
    Source,
    SourceUnavailableError,
    find_source,
    from_distribution,
    from_folder,
    from_upstream,
    read_sources,
)
from ffmpeg_layer.toolchain import Toolchain

LAYER = Path(__file__).resolve().parents[2] / "layers" / "ffmpeg"
CONTENT = b"the release as its makers signed it"


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    folder.mkdir()
    (folder / "paint-1.2.tar.xz").write_bytes(CONTENT)
    return folder


@pytest.fixture
def source(upstream: Path) -> Source:
    return Source(
        name="paint",
        version="1.2",
        sha256=(hashlib.sha256(CONTENT).hexdigest(),),
        url=(upstream / "paint-1.2.tar.xz").as_uri(),
        debian_file="no-such-paint_1.2.orig.tar.xz",
    )


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "chosen"
    folder.mkdir()
    monkeypatch.setenv("FFMPEG_SOURCES", str(folder))
    return folder


@pytest.fixture
def download(tmp_path: Path) -> Path:
    folder = tmp_path / "download"
    folder.mkdir()
    return folder


def finds(tarball: Path) -> Callable[[Source, Path], Path]:
    return lambda _source, _download: tarball


def finds_nothing(_source: Source, _download: Path) -> Path:
    raise SourceUnavailableError("nothing here")


def test_the_places_are_asked_in_order() -> None:
    assert list(FINDERS) == [from_folder, from_upstream, from_distribution]


@pytest.mark.parametrize(
    "name", ["paint-1.2.tar.xz", "paint-1.2.dfsg.tar.gz", "paint_1.2.orig.tar.xz"]
)
def test_the_chosen_folder_comes_first(
    source: Source, chosen: Path, download: Path, name: str
) -> None:
    (chosen / name).write_bytes(CONTENT)
    assert find_source(source, download) == chosen / name


def test_upstream_is_asked_when_the_chosen_folder_has_no_tarball(
    source: Source, chosen: Path, download: Path
) -> None:
    assert find_source(source, download) == download / "paint-1.2.tar.xz"


def test_the_next_place_is_asked_when_upstream_serves_other_bytes(
    source: Source, upstream: Path, download: Path, tmp_path: Path
) -> None:
    mirrored = tmp_path / "mirrored.tar.xz"
    mirrored.write_bytes(CONTENT)
    (upstream / "paint-1.2.tar.xz").write_bytes(b"<html>Sign in to this network</html>")
    assert find_source(source, download, (from_upstream, finds(mirrored))) == mirrored


def test_a_tampered_tarball_in_the_chosen_folder_is_refused(
    source: Source, chosen: Path, download: Path
) -> None:
    (chosen / "paint-1.2.tar.xz").write_bytes(CONTENT + b"!")
    with pytest.raises(ChecksumError, match=r"paint-1\.2\.tar\.xz is not the pinned paint 1\.2"):
        find_source(source, download)


def test_no_place_is_trusted_without_a_checksum(
    source: Source, download: Path, tmp_path: Path
) -> None:
    tampered = tmp_path / "tampered.tar.xz"
    tampered.write_bytes(b"something else")
    with pytest.raises(ChecksumError, match="not the pinned paint"):
        find_source(source, download, (finds(tampered),))


def test_one_sentence_says_what_to_set_when_no_place_has_it(source: Source, download: Path) -> None:
    with pytest.raises(BuildError, match=r"paint 1\.2 was not found .*: set FFMPEG_SOURCES"):
        find_source(source, download, (finds_nothing, finds_nothing))


def test_the_distribution_is_passed_over_where_it_has_no_such_package(
    source: Source, download: Path
) -> None:
    with pytest.raises(SourceUnavailableError):
        from_distribution(source, download)


def test_every_pinned_source_has_a_checksum_and_an_address() -> None:
    sources = read_sources(LAYER / "sources.json")
    assert [source.name for source in sources] == ["ffmpeg", "dav1d", "zlib"]
    for source in sources:
        assert source.sha256
        assert all(len(checksum) == 64 for checksum in source.sha256)
        assert source.url.startswith("https://")
        assert source.version in source.url


def test_a_tampered_tarball_stops_the_build_before_any_tool_runs(
    chosen: Path, tmp_path: Path
) -> None:
    (chosen / "ffmpeg-9.0.2.tar.xz").write_bytes(b"tampered with")
    no_tools = Toolchain("arm64", Path("/nowhere/zig"), (), Path("/nowhere/ninja"), "", None, ())
    cache = tmp_path / "cache"
    log = tmp_path / "log"
    make = partial(make_layer, toolchain=no_tools, cache=cache, log=log, jobs=1)
    with pytest.raises(ChecksumError, match="is not the pinned ffmpeg 9"):
        cached("key", cache, make)
    assert list(cache.iterdir()) == []
