"""The built layer: one static binary, two names, nothing in it that a stranger's file can use."""

import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.ffmpeg import architecture

LAYERS = Path(__file__).resolve().parents[2] / ".build" / "ffmpeg"
MAX_BYTES = 12_000_000

PT_INTERP, PT_DYNAMIC, PT_GNU_STACK = 3, 2, 0x6474E551
MACHINES = {"x86_64": 62, "arm64": 183}  # EM_X86_64, EM_AARCH64
NATIVE = architecture()
OTHER = "arm64" if NATIVE == "x86_64" else "x86_64"

DEMUXERS = {
    "aac",
    "avi",
    "flac",
    "gif",
    "jpeg_pipe",
    "matroska,webm",
    "mov,mp4,m4a,3gp,3g2,mj2",
    "mp3",
    "ogg",
    "png_pipe",
    "wav",
    "webp_anim",
    "webp_pipe",
}
THAT_NAME_OTHER_FILES = {"hls", "dash", "concat", "sdp", "rtsp", "imf", "webvtt", "image2", "lrc"}
PROTOCOLS = {"file", "pipe", "http", "tcp"}
ENCODERS = {"mjpeg", "png", "rawvideo", "wrapped_avframe", "pcm_s16le"}


@dataclass(frozen=True)
class ElfHeaders:
    machine: int
    segments: dict[int, int]
    """Memory size of each kind of segment that the program header names."""


def elf_headers(path: Path) -> ElfHeaders:
    with path.open("rb") as file:
        header = file.read(64)
        assert header[:6] == b"\x7fELF\x02\x01", f"{path} is not a 64-bit little-endian ELF file"
        (machine,) = struct.unpack_from("<H", header, 18)
        (offset,) = struct.unpack_from("<Q", header, 32)
        entry_size, count = struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        table = file.read(entry_size * count)
    entries = (struct.unpack_from("<I36xQ", table, entry_size * index) for index in range(count))
    return ElfHeaders(machine, dict(entries))


def unpacked_bytes(layer: Path) -> int:
    return sum(path.lstat().st_size for path in layer.rglob("*") if not path.is_dir())


def built(architecture: str) -> Path:
    return LAYERS / architecture


@pytest.fixture(scope="module")
def layer() -> Path:
    folder = built(NATIVE)
    if not (folder / "bin" / "ffmpeg").is_file():
        pytest.fail(f"{folder} is not built: run `make layer`")
    return folder


@pytest.fixture(scope="module")
def other_layer() -> Path:
    folder = built(OTHER)
    if not (folder / "bin" / "ffmpeg").is_file():
        missing = f"{folder} is not built: run `make layer ARCH={OTHER}`"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return folder


def ask(layer: Path, *arguments: str, name: str = "ffmpeg") -> str:
    done = subprocess.run(
        [str(layer / "bin" / name), *arguments], capture_output=True, env={}, timeout=20, check=True
    )
    return done.stdout.decode()


def listed(layer: Path, what: str) -> set[str]:
    """The names in a table of ffmpeg's, whose rows are `flags name description`."""
    _, _, rows = ask(layer, "-v", "error", f"-{what}").partition("---\n")
    return {row.split()[1] for row in rows.splitlines()}


def assert_static_and_small(layer: Path, machine: int) -> None:
    headers = elf_headers(layer / "bin" / "ffmpeg")
    assert headers.machine == machine
    assert PT_INTERP not in headers.segments
    assert PT_DYNAMIC not in headers.segments
    assert unpacked_bytes(layer) <= MAX_BYTES


def test_the_binary_is_static_and_the_layer_small(layer: Path) -> None:
    assert_static_and_small(layer, MACHINES[NATIVE])


def test_the_other_architectures_layer_is_static_and_small(other_layer: Path) -> None:
    assert_static_and_small(other_layer, MACHINES[OTHER])


def test_decoder_threads_get_more_stack_than_musl_gives_by_default(layer: Path) -> None:
    assert elf_headers(layer / "bin" / "ffmpeg").segments[PT_GNU_STACK] >= 1 << 20


@pytest.mark.parametrize("name", ["ffmpeg", "ffprobe"])
def test_each_name_starts_in_an_empty_environment_as_itself(layer: Path, name: str) -> None:
    assert ask(layer, "-version", name=name).startswith(f"{name} version 9.0.2 ")


def test_the_binary_is_ffprobe_when_the_caller_says_so(layer: Path) -> None:
    """A zip made by SAM has no symbolic links; the caller names the program by argv[0]."""
    done = subprocess.run(
        ["ffprobe", "-version"],
        executable=layer / "bin" / "ffmpeg",
        capture_output=True,
        env={},
        timeout=20,
        check=True,
    )
    assert done.stdout.startswith(b"ffprobe version 9.0.2 ")


def test_ffprobe_takes_no_space_of_its_own(layer: Path) -> None:
    assert (layer / "bin" / "ffprobe").readlink() == Path("ffmpeg")


def test_it_is_under_the_lgpl(layer: Path) -> None:
    assert "GNU Lesser General Public" in ask(layer, "-v", "error", "-L")
    options = ask(layer, "-v", "error", "-buildconf")
    assert "--enable-gpl" not in options
    assert "--enable-nonfree" not in options


def test_the_licences_lie_beside_it(layer: Path) -> None:
    licences = layer / "LICENSES"
    assert "ffmpeg 9.0.2, LGPL-2.1-or-later" in (layer / "NOTICE").read_text()
    names = {path.name.partition("-")[0].removesuffix(".txt") for path in licences.iterdir()}
    assert names == {"ffmpeg", "dav1d", "zlib", "musl"}


def test_no_demuxer_is_there_that_can_name_another_file(layer: Path) -> None:
    demuxers = listed(layer, "demuxers")
    assert not demuxers & THAT_NAME_OTHER_FILES
    assert demuxers == DEMUXERS


def test_only_the_protocols_that_read_one_object_are_there(layer: Path) -> None:
    sections = ask(layer, "-v", "error", "-protocols").split("Output:")
    inputs = set(sections[0].split("Input:")[1].split())
    assert inputs == PROTOCOLS
    assert set(sections[1].split()) <= PROTOCOLS


def test_no_encoder_of_video_is_there(layer: Path) -> None:
    assert listed(layer, "encoders") == ENCODERS
