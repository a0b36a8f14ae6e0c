"""Whether browsers play a video, judged as of 2026 from container, codec, profile and pixels.

`yes`: Chrome, Edge, Firefox and Safari do. `some`: at least one does. `no`: none does.
Sources: MDN's "Web video codec guide" and "Media container formats", caniuse.com.
"""

from dataclasses import dataclass

from attachments.model import WebPlayable

YES = WebPlayable("yes")
PLAIN_PIXELS = {"yuv420p", "yuvj420p"}
NAMES = {
    "video/quicktime": "MOV",
    "video/x-matroska": "Matroska",
    "hevc": "HEVC (H.265)",
    "av1": "AV1",
    "h264": "H.264",
    "vp8": "VP8",
    "vp9": "VP9",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
    "alac": "ALAC",
    "prores": "ProRes",
    "theora": "Theora",
    "mpeg4": "MPEG-4 Part 2",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "mjpeg": "Motion JPEG",
}

# Which codecs a container may bring to a browser at all.
VIDEO_CODECS = {
    "video/mp4": {"h264", "hevc", "av1", "vp9"},
    "video/quicktime": {"h264", "hevc", "av1"},
    "video/webm": {"vp8", "vp9", "av1"},
    "video/x-matroska": {"h264", "hevc", "vp8", "vp9", "av1"},
    "video/ogg": {"vp8", "vp9"},
}
AUDIO_EVERYWHERE = {"aac", "mp3", "opus", "vorbis", "flac", None}
AUDIO_SOMEWHERE = {"ac3", "eac3", "alac"}


@dataclass(frozen=True, slots=True)
class Stream:
    """FFmpeg's names; None where the file does not say. Profiles as ffprobe prints them."""

    codec: str | None
    profile: str | None
    pixel_format: str | None


def judge(container: str, video: Stream, audio_codec: str | None) -> WebPlayable:
    """The verdict; `container` is a MIME type, and the reason is a sentence for the uploader."""
    if container == "video/x-msvideo":
        return WebPlayable("no", "Browsers do not play AVI files.")
    if video.codec not in VIDEO_CODECS.get(container, set()):
        return WebPlayable(
            "no", f"Browsers do not play {_name(video.codec)} video in this kind of file."
        )
    limits = (
        _codec_limit(video),
        _pixel_limit(video),
        _audio_limit(audio_codec),
        _container_limit(container),
    )
    reason = next((limit for limit in limits if limit), None)
    return WebPlayable("some", reason) if reason else YES


def _codec_limit(video: Stream) -> str | None:
    if video.codec == "hevc":
        return "HEVC (H.265) video plays in Safari, elsewhere only on devices that decode it."
    if video.codec == "av1":
        return "AV1 video does not play on older Apple devices."
    return None


def _pixel_limit(video: Stream) -> str | None:
    if video.pixel_format in PLAIN_PIXELS:
        return None
    name = _name(video.codec)
    profile = f" ({video.profile})" if video.profile and not video.profile.isdigit() else ""
    pixels = video.pixel_format or "unknown"
    return f"{name}{profile} with {pixels} pixels plays in some browsers only."


def _audio_limit(codec: str | None) -> str | None:
    if codec in AUDIO_EVERYWHERE:
        return None
    if codec in AUDIO_SOMEWHERE:
        return f"{_name(codec)} sound plays in some browsers only."
    return f"{_name(codec)} sound plays in few browsers; the picture may play without it."


def _container_limit(container: str) -> str | None:
    if container in ("video/quicktime", "video/x-matroska"):
        return f"{_name(container)} files play in some browsers only; MP4 or WebM plays in all."
    if container == "video/ogg":
        return "OGG video plays in some browsers only; MP4 or WebM plays in all."
    return None


def _name(codec: str | None) -> str:
    return NAMES.get(codec, codec) if codec else "unknown"
