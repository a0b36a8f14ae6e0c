"""The intact files that are broken, and the truth about each: what every claim is held against."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw

from attachments.model import FileType
from tests.media.clips import AAC, H264, MP3, MPEG4, OPUS, THEORA, VORBIS, VP8, clip, picture, sound

WIDTH, HEIGHT, RATE, DURATION_MS = 192, 108, 25, 2000
BOTH = (*picture(2, f"{WIDTH}x{HEIGHT}", str(RATE)), *sound(2))
FAST = ("-movflags", "+faststart")
FRAGMENTED = ("-g", "12", "-movflags", "+frag_keyframe+empty_moov+default_base_moof")


DEMUXERS = {"boxes": "mov", "elements": "matroska", "pages": "ogg", "frames": "mp3"}


@dataclass(frozen=True, slots=True)
class Source:
    """An intact file and what is true of it.

    `family` is the grammar that `parts` takes it apart by, `demuxer` FFmpeg's name of the format.
    `self_describing`: its frames repeat what the header says (size, codec), so that damage to a
    frame may change the answer. `indexed`: its duration does not depend on its frames being whole.
    """

    name: str
    family: str
    file_type: FileType
    make: Callable[[], bytes]
    size: tuple[int, int] | None = None
    codec: str | None = None
    audio_codec: str | None = None
    duration_ms: int | None = None
    self_describing: bool = False
    indexed: bool = True

    @property
    def data(self) -> bytes:
        return _made(self)

    @property
    def demuxer(self) -> str:
        if self.family in DEMUXERS:
            return DEMUXERS[self.family]
        return self.name if self.name in ("avi", "wav", "flac", "gif") else f"{self.name}_pipe"

    @property
    def is_video(self) -> bool:
        return self.file_type is FileType.VIDEO


@cache
def _made(source: Source) -> bytes:
    return source.make()


def _video(
    name: str,
    family: str,
    extension: str,
    codecs: tuple[str, str],
    *arguments: str,
    self_describing: bool = False,
    indexed: bool = True,
) -> Source:
    return Source(
        name,
        family,
        FileType.VIDEO,
        lambda: clip(extension, *BOTH, *arguments),
        (WIDTH, HEIGHT),
        *codecs,
        DURATION_MS,
        self_describing,
        indexed,
    )


def _sound(name: str, family: str, codec: str, *arguments: str, indexed: bool = False) -> Source:
    return Source(
        name,
        family,
        FileType.AUDIO,
        lambda: clip(name, *sound(2), *arguments),
        None,
        None,
        codec,
        DURATION_MS,
        name == "mp3",
        indexed,
    )


def _image(name: str, family: str, **options: object) -> Source:
    def make() -> bytes:
        data = io.BytesIO()
        _drawing(0).save(data, name, **options)
        return data.getvalue()

    return Source(name, family, FileType.IMAGE, make, (WIDTH, HEIGHT))


def _drawing(step: int) -> Image.Image:
    """Something with edges and gradients, so that every format has data worth damaging."""
    image = Image.linear_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for index in range(12):
        at = 7 * index + 3 * step
        draw.ellipse((at, at // 2, at + 40, at // 2 + 30), fill=(20 * index, 255 - at, 90 + step))
    return image


MP4 = ("h264", "aac")

SOURCES = (
    _video("mp4-first", "boxes", "mp4", MP4, *H264, *AAC, *FAST),
    _video("mp4-last", "boxes", "mp4", MP4, *H264, *AAC),
    _video("mp4-fragments", "boxes", "mp4", MP4, *H264, *AAC, *FRAGMENTED),
    _video("mov", "boxes", "mov", MP4, *H264, *AAC),
    _video("mkv", "elements", "mkv", MP4, *H264, *AAC),
    _video("webm", "elements", "webm", ("vp8", "opus"), *VP8, *OPUS, self_describing=True),
    _video(
        "webm-live",
        "elements",
        "webm",
        ("vp8", "opus"),
        *(*VP8, *OPUS, "-live", "1", "-cluster_time_limit", "500"),
        self_describing=True,
        indexed=False,
    ),
    _video("ogg", "pages", "ogv", ("theora", "vorbis"), *THEORA, *VORBIS, indexed=False),
    _video("avi", "chunks", "avi", ("mpeg4", "mp3"), *MPEG4, *MP3, self_describing=True),
    _image("jpeg", "segments", quality=80),
    _image("png", "png"),
    _image("gif", "gif", save_all=True, append_images=[_drawing(1), _drawing(2)], duration=100),
    _image("webp", "chunks", quality=70),
    _image("avif", "boxes", quality=60),
    _sound("mp3", "frames", "mp3", "-c:a", "libmp3lame"),
    _sound("wav", "chunks", "pcm_s16le", "-ar", "16000", "-c:a", "pcm_s16le", indexed=True),
    _sound("flac", "flac", "flac", "-c:a", "flac"),
    _sound("m4a", "boxes", "aac", "-c:a", "aac", indexed=True),
    _sound("opus", "pages", "opus", "-c:a", "libopus"),
)
BY_NAME = {source.name: source for source in SOURCES}
