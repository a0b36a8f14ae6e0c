"""From bytes to a finding: what a file is decides who looks at it, and the bytes decide what it is.

The declared type never overrules the bytes. Where the bytes are recognised, their type is
recorded; where they are not, the declared type stays if it is harmless and no media type (a
`.dwg` stays a `.dwg`), else the file is `application/octet-stream`. On the video route anything
but a video is refused.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from functions.inspect_upload.audio import AudioInspector
from functions.inspect_upload.findings import Cause, Declared, Finding, Refused
from functions.inspect_upload.image import ImageInspector
from functions.inspect_upload.movie import VideoInspector
from functions.inspect_upload.object_reader import ObjectReader
from functions.inspect_upload.opaque import OpaqueInspector
from functions.inspect_upload.range_server import HEAD_BYTES, KIB, TAIL_BYTES, RangeServer
from functions.inspect_upload.sandbox import Sandbox
from functions.inspect_upload.sniff import Kind, Sniffed, sniff
from functions.inspect_upload.subject import BEGINNING_BYTES, Subject

INDEX_SHARE = 540  # one byte in so many is index, in a MOV of HEVC and AAC (benchmarks/media.py)
# The most of head and of tail, in bytes: the index of an MP4 may lie in either, a camera's MOV has
# it last.
ENDS_MAX = {"video/mp4": (2048 * KIB, 2048 * KIB), "video/quicktime": (HEAD_BYTES, 2048 * KIB)}


class Inspector(Protocol):
    def accepts(self, sniffed: Sniffed, /) -> bool:
        """Whether files like this are this inspector's."""
        ...

    def examine(self, subject: Subject) -> Finding:
        """Accepts or refuses; a failing store may give nonsense, which the caller discards."""
        ...


INSPECTORS: tuple[Inspector, ...] = (
    VideoInspector(),
    ImageInspector(),
    AudioInspector(),
    OpaqueInspector(),
)


def examine(reader: ObjectReader, declared: Declared, *, sandbox: Sandbox) -> Finding:
    """Reads what it must of the object and decides. Raises what the store raised."""
    with (
        ThreadPoolExecutor(2, thread_name_prefix="program") as pool,
        RangeServer(reader, index_bytes=_fetched_ahead(declared, reader.size)) as server,
    ):
        sniffed = sniff(server.read(0, BEGINNING_BYTES))
        if sniffed.kind is not Kind.MOVIE:
            sniffed = sniff(server.head)
        if declared.video_only and sniffed.kind is not Kind.MOVIE:
            return Refused(
                f"This is {sniffed.name}, not a video."
                " Videos can be MP4, WebM, OGG, MOV, AVI or MKV.",
                Cause.NOT_A_VIDEO,
            )
        subject = Subject(server, reader.size, sniffed, declared, sandbox, pool)
        inspector = next(inspector for inspector in INSPECTORS if inspector.accepts(sniffed))
        finding = inspector.examine(subject)
        if server.failure:
            raise server.failure
        return finding


def _fetched_ahead(declared: Declared, size: int) -> tuple[int, int]:
    """What comes with head and with tail, in bytes: the longer a video, the larger is its index."""
    most_of_head, most_of_tail = ENDS_MAX.get(declared.mime_type, (HEAD_BYTES, TAIL_BYTES))
    index = size // INDEX_SHARE
    with_head = max(min(index, most_of_head) - HEAD_BYTES, 0)
    with_tail = max(min(index, most_of_tail) - TAIL_BYTES, 0)
    return with_head, with_tail
