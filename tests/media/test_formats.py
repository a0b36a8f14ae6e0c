"""The six formats, and every codec in the containers that carry it."""

from collections.abc import Callable

import pytest

from attachments.model import FileType
from functions.inspect_upload.findings import Accepted
from tests.media.clips import (
    AAC,
    H264,
    MP3,
    MPEG4,
    OPUS,
    THEORA,
    VORBIS,
    VP8,
    VP9,
    clip,
    picture,
    sound,
)

Accept = Callable[..., Accepted]
BOTH = (*picture(), *sound())
FAST = ("-movflags", "+faststart")
TEN_BIT = ("-pix_fmt", "yuv420p10le")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0", "-tag:v", "hvc1")
AV1 = ("-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p")

# extension, arguments, MIME type, codec, audio codec, streamable, verdict
FORMATS = {
    "MP4": ("mp4", (*H264, *AAC, *FAST), "video/mp4", "h264", "aac", True, "yes"),
    "WebM": ("webm", (*VP9, *OPUS), "video/webm", "vp9", "opus", True, "yes"),
    "OGG": ("ogv", (*THEORA, *VORBIS), "video/ogg", "theora", "vorbis", True, "no"),
    "MOV": ("mov", (*H264, *AAC), "video/quicktime", "h264", "aac", False, "some"),
    "AVI": ("avi", (*MPEG4, *MP3), "video/x-msvideo", "mpeg4", "mp3", True, "no"),
    "MKV": ("mkv", (*H264, *AAC), "video/x-matroska", "h264", "aac", True, "some"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_of_the_six_formats_is_right_in_every_field(name: str, accept: Accept) -> None:
    extension, arguments, mime_type, codec, audio_codec, streamable, verdict = FORMATS[name]
    data = clip(extension, *BOTH, *arguments)
    finding = accept(data)
    media, thumbnail = finding.media, finding.picture
    assert (finding.file_type, finding.mime_type) == (FileType.VIDEO, mime_type)
    assert media.duration_ms == pytest.approx(2000, abs=60)
    assert (media.width, media.height, media.rotation) == (640, 360, 0)
    assert media.frame_rate == 30
    assert (media.codec, media.audio_codec, media.has_audio) == (codec, audio_codec, True)
    assert media.bitrate_kbps is not None
    assert 20 < media.bitrate_kbps <= len(data) * 8 / 2000 * 1.05
    assert (media.hdr, media.streamable) == (False, streamable)
    assert media.web_playable is not None
    assert media.web_playable.verdict == verdict
    assert (media.web_playable.reason is None) == (verdict == "yes")
    assert media.waveform is None
    assert thumbnail is not None
    assert (thumbnail.width, thumbnail.height) == (320, 180)
    assert thumbnail.at_ms == pytest.approx(1000, abs=40)
    assert thumbnail.placeholder
    assert finding.note is None


VIDEO_CODECS = {
    "h264": (H264, ("mp4", "mov", "mkv", "avi")),
    "hevc": ((*X265, "-pix_fmt", "yuv420p"), ("mp4", "mov", "mkv")),
    "hevc 10 bit": ((*X265, *TEN_BIT), ("mp4", "mov", "mkv")),
    "vp8": (VP8, ("webm", "mkv", "avi", "ogv")),
    "vp9": (VP9, ("webm", "mkv", "mp4")),
    "av1": (AV1, ("mp4", "webm", "mkv")),
    "theora": (THEORA, ("ogv", "mkv")),
    "mpeg4": (MPEG4, ("mp4", "mov", "mkv", "avi")),
    "mjpeg": (("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), ("mov", "mkv", "avi", "mp4")),
    "mpeg1video": (("-c:v", "mpeg1video"), ("mkv", "avi", "mp4")),
    "mpeg2video": (("-c:v", "mpeg2video"), ("mkv", "avi", "mp4", "mov")),
    "prores": (("-c:v", "prores_ks", "-profile:v", "0"), ("mov", "mkv")),
}
IN_CONTAINERS = [(name, where) for name, (_, places) in VIDEO_CODECS.items() for where in places]


@pytest.mark.parametrize(("name", "extension"), IN_CONTAINERS)
def test_a_video_codec_is_named_and_drawn(name: str, extension: str, accept: Accept) -> None:
    arguments, _ = VIDEO_CODECS[name]
    finding = accept(clip(extension, *picture(1.5, "320x240", "25"), *arguments))
    media = finding.media
    assert media.codec == name.split()[0]
    assert (media.width, media.height, media.frame_rate) == (320, 240, 25)
    assert media.duration_ms == pytest.approx(1500, abs=50)
    assert media.has_audio is False
    assert finding.picture is not None
    assert (finding.picture.width, finding.picture.height) == (320, 240)
    assert finding.picture.at_ms == pytest.approx(1000, abs=45)


AUDIO_CODECS = {
    "aac": (AAC, ("mp4", "mov", "mkv", "avi")),
    "mp3": (MP3, ("mp4", "mov", "mkv", "avi")),
    "opus": (OPUS, ("webm", "mkv", "mp4", "ogv")),
    "vorbis": (VORBIS, ("webm", "mkv", "ogv")),
    "flac": (("-c:a", "flac"), ("mkv", "mp4", "ogv")),
    "pcm_s16le": (("-c:a", "pcm_s16le"), ("mov", "mkv", "avi")),
    "ac3": (("-c:a", "ac3"), ("mp4", "mov", "mkv", "avi")),
}
SOUNDS = [(name, where) for name, (_, places) in AUDIO_CODECS.items() for where in places]
VIDEO_FOR = {"webm": VP8, "ogv": THEORA}


@pytest.mark.parametrize(("name", "extension"), SOUNDS)
def test_an_audio_codec_is_named(name: str, extension: str, accept: Accept) -> None:
    video = VIDEO_FOR.get(extension, H264)
    inputs = (*picture(1.2, "160x120", "25"), *sound(1.2))
    media = accept(clip(extension, *inputs, *video, *AUDIO_CODECS[name][0])).media
    assert (media.audio_codec, media.has_audio) == (name, True)


@pytest.mark.parametrize(
    ("extension", "arguments", "verdict", "word"),
    [
        ("mp4", X265, "some", "HEVC"),
        ("mp4", (*H264, *TEN_BIT, "-profile:v", "high10"), "some", "High 10"),
        ("mp4", AV1, "some", "AV1"),
        ("mkv", (*H264, *AAC), "some", "Matroska"),
        ("mp4", (*H264, "-c:a", "ac3"), "some", "AC-3"),
        ("mov", ("-c:v", "prores_ks"), "no", "ProRes"),
        ("mp4", MPEG4, "no", "MPEG-4 Part 2"),
    ],
)
def test_a_video_that_browsers_may_not_play_says_why(
    extension: str, arguments: tuple[str, ...], verdict: str, word: str, accept: Accept
) -> None:
    inputs = (*picture(1.2, "160x120", "25"), *sound(1.2))
    playable = accept(clip(extension, *inputs, *arguments)).media.web_playable
    assert playable is not None
    assert playable.verdict == verdict
    assert word in (playable.reason or "")
