"""Video containers: structure, ffprobe and the first thumbnail at the same time.

A container that holds sound alone is an audio file, or refused on the video route. What cannot
be understood within the byte budget and the deadlines is refused and never half described.
"""

from concurrent.futures import Future
from dataclasses import dataclass

from attachments.model import FileType
from functions.inspect_upload import chunks, isobmff, matroska
from functions.inspect_upload.audio import describe as describe_audio
from functions.inspect_upload.findings import Accepted, Cause, Finding, Refused
from functions.inspect_upload.frame import Source
from functions.inspect_upload.picture import encode
from functions.inspect_upload.probe import Probe, probe, video_media
from functions.inspect_upload.range_server import HEAD_BYTES, TAIL_BYTES, BudgetExceededError
from functions.inspect_upload.sandbox import SandboxFloodError, SandboxTimeoutError
from functions.inspect_upload.sniff import Kind, Sniffed
from functions.inspect_upload.structure import BrokenStructureError, Structure, TruncatedError
from functions.inspect_upload.subject import BEGINNING_BYTES, Subject
from functions.inspect_upload.thumbnail import Ladder

STRUCTURE = {
    "mov": isobmff.read_structure,
    "matroska": matroska.read_structure,
    "ogg": chunks.read_ogg,
    "avi": chunks.read_avi,
}
PLACE_OF_INDEX = {"mov": isobmff.place_of_index, "avi": chunks.place_of_index}
MVEX_WITHIN_BYTES = 512 * 1024
FIRST_SECOND_BYTES = 768 * 1024
STARTING_BYTES = 256 * 1024  # that a decoder has enough of while the rest of the head is on its way
AHEAD_BYTES = HEAD_BYTES  # where the head lacks the first second: with what a decoder reads on
INDEX_AHEAD_BYTES = 8 * 1024 * 1024  # hours of video; of what claims more nothing is read ahead
TOO_SCATTERED = "is laid out so that too much of it must be read to understand it"
TOO_SLOW = "could not be understood in the time that an inspection may take"
UNREADABLE = "is damaged and cannot be read"


@dataclass(frozen=True, slots=True)
class Work:
    """What goes on while the layout is read."""

    probe: Future[Probe]
    first: Future[None]
    ladder: Ladder


class VideoInspector:
    def accepts(self, sniffed: Sniffed) -> bool:
        return sniffed.kind is Kind.MOVIE

    def examine(self, subject: Subject) -> Finding:
        try:
            work = _start(subject)
            structure = STRUCTURE[subject.sniffed.demuxer or ""](subject.bytes())
            found = _whole_truth(work.probe, subject)
        except TruncatedError as error:
            return Refused(subject.sentence(str(error)), Cause.TRUNCATED)
        except BrokenStructureError as error:
            return Refused(subject.sentence(str(error)))
        except BudgetExceededError:
            return Refused(subject.sentence(TOO_SCATTERED), Cause.TOO_COSTLY)
        except SandboxTimeoutError:
            return Refused(subject.sentence(TOO_SLOW), Cause.TOO_COSTLY)
        except SandboxFloodError:
            return Refused(subject.sentence(UNREADABLE))
        return _conclude(subject, structure, found, work)


def _whole_truth(probed: Future[Probe], subject: Subject) -> Probe:
    """What ffprobe found. Raises BudgetExceededError if it may not have seen what there is."""
    try:
        return probed.result()
    finally:
        if subject.server.exhausted:
            raise BudgetExceededError


def _start(subject: Subject) -> Work:
    sniffed, url = subject.sniffed, subject.server.url
    assert sniffed.demuxer
    index = _fetch_index(subject)
    fragmented = sniffed.demuxer == "mov" and _announces_fragments(subject, index)
    ladder = Ladder(Source(url, sniffed.demuxer, subject.sandbox, fragmented))

    options = {"fragmented": fragmented}
    found = subject.pool.submit(probe, url, sniffed, subject.sandbox, **options)
    return Work(found, subject.pool.submit(ladder.first), ladder)


def _fetch_index(subject: Subject) -> range | None:
    """Where the index lies; what head and tail lack of it is fetched at once.

    So is what follows an index that comes first: the beginning of the video. What was begun for an
    index at the other end, or for later, gives way to it.
    """
    place = PLACE_OF_INDEX.get(subject.sniffed.demuxer or "")
    index = place(subject.beginning, subject.size) if place else None
    if index is None or len(index) > INDEX_AHEAD_BYTES:
        return index
    server, size = subject.server, subject.size
    if index.start < BEGINNING_BYTES:
        # An index that is large is whole: the file has no fragments, whose last is in the tail.
        needed = TAIL_BYTES if len(index) <= MVEX_WITHIN_BYTES else 0
        server.give_up(index.stop + AHEAD_BYTES, size - needed)
    elif subject.sniffed.demuxer == "mov" and index.start < size - TAIL_BYTES:
        server.give_up(STARTING_BYTES, index.start)
    lacks = index.stop + FIRST_SECOND_BYTES > HEAD_BYTES
    stop = index.stop + (AHEAD_BYTES if lacks else 0)
    server.prefetch(index.start, min(stop, size))
    server.prefetch(0, min(HEAD_BYTES, size))  # what was given up of it comes behind the index
    return index


def _announces_fragments(subject: Subject, index: range | None) -> bool:
    """`mvex` in a `moov` that comes first; waits for no more of the head than that."""
    if index is None:
        return b"mvex" in subject.head
    length = min(len(index), MVEX_WITHIN_BYTES)
    return index.start < BEGINNING_BYTES and b"mvex" in subject.server.read(index.start, length)


def _conclude(subject: Subject, structure: Structure, found: Probe, work: Work) -> Finding:
    if found.video is None:
        if subject.declared.video_only:
            return Refused(subject.sentence("has no video stream"), Cause.NOT_A_VIDEO)
        return describe_audio(subject, structure, found)
    media = video_media(found, subject.sniffed, structure, subject.size)
    work.first.result()
    shot = work.ladder.finish(media.duration_ms, tagged_rotation=found.tagged_rotation)
    picture = None
    if shot.frame is not None:
        transfer = found.video.get("color_transfer", "")
        picture = encode(shot.frame, transfer=transfer, at_ms=shot.frame.at_ms)
    return Accepted(
        file_type=FileType.VIDEO,
        mime_type=_video_mime_type(subject.sniffed),
        media=media,
        picture=picture,
        note=shot.note,
    )


def _video_mime_type(sniffed: Sniffed) -> str:
    """Some files call themselves sound and hold video all the same."""
    return {"audio/mp4": "video/mp4", "audio/ogg": "video/ogg"}.get(
        sniffed.mime_type, sniffed.mime_type
    )
