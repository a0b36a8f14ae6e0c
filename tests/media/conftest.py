"""The layer's own ffmpeg, and uploads that lie in memory."""

import platform
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from functions.inspect_upload.findings import Accepted, Declared, Finding, Refused
from functions.inspect_upload.inspectors import examine
from functions.inspect_upload.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
PIECE_BYTES = 50_000


@dataclass
class BytesReader:
    """An object in memory; counts what is read of it, and notes what is asked for."""

    data: bytes
    bytes_read: int = 0
    asked: list[range] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.data)

    def stream(self, start: int, length: int) -> Generator[bytes, None, None]:
        self.asked.append(range(start, start + length))
        for at in range(start, min(start + length, self.size), PIECE_BYTES):
            piece = self.data[at : min(at + PIECE_BYTES, start + length)]
            self.bytes_read += len(piece)
            yield piece


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder with the layer's ffmpeg and ffprobe."""
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    tools = ROOT / ".build" / "ffmpeg" / architecture / "bin"
    if not (tools / "ffprobe").exists():
        pytest.fail("There is no ffmpeg layer for this machine: run `make layer`.", pytrace=False)
    return tools


@pytest.fixture(scope="module")
def sandbox(tools: Path) -> Iterator[Sandbox]:
    """Ends with each module: other tests count the processes that are left."""
    with closing(Sandbox(tools)) as sandbox:
        yield sandbox


Inspect = Callable[..., Finding]


@pytest.fixture
def inspect(sandbox: Sandbox) -> Inspect:
    """Examines bytes as an upload by the video route, unless `file` is set."""

    def look(data: bytes, *, file: bool = False, declared: str = "video/mp4") -> Finding:
        upload = Declared("holiday.mp4", declared, video_only=not file)
        return examine(BytesReader(data), upload, sandbox=sandbox)

    return look


@pytest.fixture
def accept(inspect: Inspect) -> Callable[..., Accepted]:
    """The finding on bytes that must be accepted."""

    def look(data: bytes, **options: object) -> Accepted:
        finding = inspect(data, **options)
        assert isinstance(finding, Accepted), finding
        return finding

    return look


@pytest.fixture
def refuse(inspect: Inspect) -> Callable[..., str]:
    """The reason why bytes are refused, which they must be."""

    def look(data: bytes, **options: object) -> str:
        finding = inspect(data, **options)
        assert isinstance(finding, Refused), finding
        return finding.reason

    return look
