"""Sound files: duration, codec, bitrate, and a waveform for those as short as a voice message."""

from dataclasses import replace

from attachments.model import FileType
from functions.inspect_upload.findings import Accepted, Cause, Finding, Refused
from functions.inspect_upload.probe import Fields, Probe, audio_media, probe
from functions.inspect_upload.sandbox import SandboxFloodError, SandboxTimeoutError
from functions.inspect_upload.sniff import Kind, Sniffed
from functions.inspect_upload.structure import BrokenStructureError, Structure
from functions.inspect_upload.subject import Subject
from functions.inspect_upload.waveform import WAVEFORM_MAX_BYTES, Waveform, listen

TOO_MUCH = "needs too much reading to be understood"
LISTENING_S = 2.5
SAMPLE_RATES = range(4000, 768_001)  # a second; resampling from 2 would fill the memory
AUDIO_MIME_TYPES = {
    "video/mp4": "audio/mp4",
    "video/quicktime": "audio/mp4",
    "video/webm": "audio/webm",
    "video/x-matroska": "audio/x-matroska",
    "video/ogg": "audio/ogg",
    "video/x-msvideo": "audio/x-msvideo",
}


class AudioInspector:
    def accepts(self, sniffed: Sniffed) -> bool:
        return sniffed.kind is Kind.AUDIO

    def examine(self, subject: Subject) -> Finding:
        try:
            found = probe(subject.server.url, subject.sniffed, subject.sandbox)
        except BrokenStructureError as error:
            if subject.server.exhausted:
                return Refused(subject.sentence(TOO_MUCH), Cause.TOO_COSTLY)
            return Refused(subject.sentence(str(error)))
        except SandboxTimeoutError:
            return Refused(subject.sentence("could not be understood in time"), Cause.TOO_COSTLY)
        except SandboxFloodError:
            return Refused(subject.sentence("is damaged and cannot be read"))
        if subject.server.exhausted:
            return Refused(subject.sentence(TOO_MUCH), Cause.TOO_COSTLY)
        return describe(subject, Structure(streamable=True), found)


def describe(subject: Subject, structure: Structure, found: Probe) -> Finding:
    """The finding on a file that holds sound and no video; also for video containers."""
    if found.audio is None:
        return Refused(subject.sentence("holds neither video nor sound"), Cause.NO_STREAMS)
    heard = _listen(subject, structure, found.audio)
    # Where there is no index, what can be heard is the duration; else gaps count as well.
    if heard is not None and subject.sniffed.kind is Kind.AUDIO:
        structure = replace(structure, duration_ms=heard.duration_ms)
    media = audio_media(found, structure, subject.size)
    mime_type = subject.sniffed.mime_type
    return Accepted(
        file_type=FileType.AUDIO,
        mime_type=AUDIO_MIME_TYPES.get(mime_type, mime_type),
        media=replace(media, waveform=heard.peaks if heard else None),
    )


def _listen(subject: Subject, structure: Structure, audio: Fields) -> Waveform | None:
    if subject.size > WAVEFORM_MAX_BYTES or not subject.sniffed.demuxer:
        return None
    rate = str(audio.get("sample_rate"))
    if not rate.isdecimal() or int(rate) not in SAMPLE_RATES:
        return None
    return listen(
        subject.server.url,
        subject.sniffed.demuxer,
        subject.sandbox,
        fragmented=structure.fragmented,
        deadline_s=min(LISTENING_S, subject.left_s),
    )
