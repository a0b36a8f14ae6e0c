"""Sound files: what is known of them, and the waveform of a voice message."""

from collections.abc import Callable

import pytest

from attachments.model import FileType
from functions.inspect_upload.findings import Accepted
from tests.media.clips import clip, sound

Accept = Callable[..., Accepted]
Refuse = Callable[..., str]

# extension, codec, MIME type, name of the codec
SOUNDS = {
    "MP3": ("mp3", "libmp3lame", "audio/mpeg", "mp3"),
    "M4A": ("m4a", "aac", "audio/mp4", "aac"),
    "OGG": ("ogg", "libvorbis", "audio/ogg", "vorbis"),
    "Opus": ("opus", "libopus", "audio/ogg", "opus"),
    "WAV": ("wav", "pcm_s16le", "audio/wav", "pcm_s16le"),
    "FLAC": ("flac", "flac", "audio/flac", "flac"),
    "AAC": ("aac", "aac", "audio/aac", "aac"),
    "WebM": ("webm", "libopus", "audio/webm", "opus"),
    "MKV": ("mka", "aac", "audio/x-matroska", "aac"),
    "ALAC": ("m4a", "alac", "audio/mp4", "alac"),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_file_is_described(name: str, accept: Accept) -> None:
    extension, encoder, mime_type, codec = SOUNDS[name]
    data = clip(extension, *sound(3), "-c:a", encoder)
    finding = accept(data, file=True, declared="text/html")
    media = finding.media
    assert (finding.file_type, finding.mime_type) == (FileType.AUDIO, mime_type)
    assert (media.codec, media.audio_codec, media.has_audio) == (codec, codec, True)
    assert media.duration_ms == pytest.approx(3000, abs=75)
    assert media.bitrate_kbps == pytest.approx(len(data) * 8 / 3000, rel=0.35)
    assert media.waveform is not None
    assert len(media.waveform) == 64
    assert finding.picture is None


def test_a_waveform_follows_the_loudness(accept: Accept) -> None:
    """Silence, then half as loud, then loud."""
    steps = "aevalsrc='sin(2*PI*440*t)*(gt(t,2)*0.4+gt(t,4)*0.4)':d=6:s=48000"
    waveform = accept(clip("wav", "-f", "lavfi", "-i", steps), file=True).media.waveform
    assert waveform is not None
    assert set(waveform[:20]) == {0}
    assert all(value == pytest.approx(50, abs=4) for value in waveform[23:41])
    assert all(value == pytest.approx(100, abs=4) for value in waveform[44:])


def test_a_silent_file_has_a_flat_waveform(accept: Accept) -> None:
    silence = ("-f", "lavfi", "-i", "anullsrc=d=2")
    assert accept(clip("wav", *silence), file=True).media.waveform == (0,) * 64


def test_a_long_recording_has_no_waveform(accept: Accept) -> None:
    finding = accept(clip("wav", *sound(50)), file=True)
    assert finding.media.waveform is None
    assert finding.media.duration_ms == pytest.approx(50_000, abs=50)


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_file_is_refused_on_the_video_route(name: str, refuse: Refuse) -> None:
    extension, encoder, *_ = SOUNDS[name]
    reason = refuse(clip(extension, *sound(3), "-c:a", encoder))
    assert "no video stream" in reason or "not a video" in reason


def test_an_mp3_with_a_cover_is_sound(accept: Accept) -> None:
    cover = ("-f", "lavfi", "-i", "testsrc2=s=300x300:r=1/4:d=4", "-map", "0", "-map", "1")
    shape = ("-c:a", "libmp3lame", "-c:v", "mjpeg", "-frames:v", "1", "-id3v2_version", "3")
    data = clip("mp3", *sound(3), *cover, *shape, "-disposition:v", "attached_pic")
    finding = accept(data, file=True)
    assert finding.file_type is FileType.AUDIO
    assert finding.media.duration_ms == pytest.approx(3000, abs=75)


@pytest.mark.parametrize("name", ["MP3", "AAC", "FLAC", "Opus"])
def test_a_sound_file_cut_short_is_as_long_as_what_is_left(
    name: str, accept: Accept, inspect: Callable[..., object]
) -> None:
    extension, encoder, *_ = SOUNDS[name]
    data = clip(extension, *sound(3), "-c:a", encoder)
    finding = inspect(data[: len(data) // 2], file=True)
    if isinstance(finding, Accepted):
        assert finding.media.duration_ms is not None
        assert finding.media.duration_ms < 2000
