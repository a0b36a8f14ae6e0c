"""Pictures: their size as shown, a thumbnail, a placeholder; floods of pixels are refused.

The size is read from the header first, so that a picture that would fill the memory is never
given to a decoder; ffmpeg, which then decodes in the sandbox, has the same limit.
"""

from attachments.model import FileType, Media
from functions.inspect_upload.findings import Accepted, Cause, Finding, Picture, Refused
from functions.inspect_upload.frame import Source, draw
from functions.inspect_upload.image_header import ImageHeader, read_header
from functions.inspect_upload.picture import encode
from functions.inspect_upload.range_server import BudgetExceededError
from functions.inspect_upload.sandbox import SandboxFloodError, SandboxTimeoutError
from functions.inspect_upload.sniff import WEBP, Kind, Sniffed
from functions.inspect_upload.subject import Subject

SIDE_MAX = 16384
PIXELS_MAX = 50_000_000
HEADER_MAX_BYTES = 32 * 1024 * 1024
DEADLINE_S = 4.5
NO_PICTURE = "No thumbnail of this picture could be drawn."
NO_DECODER = "No thumbnails are drawn of pictures of this type."

# EXIF orientations as ffmpeg filters: what undoes how the camera was held.
TURNS = {
    1: "",
    2: "hflip,",
    3: "hflip,vflip,",
    4: "vflip,",
    5: "transpose=cclock_flip,",
    6: "transpose=clock,",
    7: "transpose=clock_flip,",
    8: "transpose=cclock,",
}


class ImageInspector:
    def accepts(self, sniffed: Sniffed) -> bool:
        return sniffed.kind is Kind.IMAGE

    def examine(self, subject: Subject) -> Finding:
        header = _header(subject)
        if header is None:
            return self._without_header(subject)
        width, height = header.shown_size
        if width > SIDE_MAX or height > SIDE_MAX or width * height > PIXELS_MAX:
            limit = f"{SIDE_MAX} pixels a side and {PIXELS_MAX // 1_000_000} megapixels"
            what = f"has {width} by {height} pixels; the limit is {limit}"
            return Refused(subject.sentence(what), Cause.TOO_LARGE)
        picture = _draw(subject, header)
        note = None if picture else NO_PICTURE if subject.sniffed.demuxer else NO_DECODER
        return Accepted(
            file_type=FileType.IMAGE,
            mime_type=subject.sniffed.mime_type,
            media=Media(width=width, height=height),
            picture=picture,
            note=note,
        )

    def _without_header(self, subject: Subject) -> Finding:
        if subject.sniffed.demuxer:
            return Refused(subject.sentence("is damaged: its header cannot be read"))
        return Accepted(
            file_type=FileType.IMAGE, mime_type=subject.sniffed.mime_type, note=NO_DECODER
        )


def _header(subject: Subject) -> ImageHeader | None:
    """From the head if that is enough, else from more: a JPEG may carry large previews ahead."""
    header = read_header(subject.sniffed, subject.head)
    if header is None and len(subject.head) < subject.size:
        try:
            data = subject.server.read(0, min(subject.size, HEADER_MAX_BYTES))
        except BudgetExceededError:
            return None
        header = read_header(subject.sniffed, data)
    return header


def _draw(subject: Subject, header: ImageHeader) -> Picture | None:
    demuxer = subject.sniffed.demuxer
    if demuxer is None:
        return None
    if subject.sniffed == WEBP and not header.animated:
        demuxer = "webp_pipe"
    source = Source(
        subject.server.url, demuxer, subject.sandbox, turn=TURNS[header.orientation], still=True
    )
    try:
        frame = draw(source, 0, deadline_s=DEADLINE_S)
    except (SandboxTimeoutError, SandboxFloodError):
        return None
    return encode(frame) if frame is not None and not subject.server.exhausted else None
