"""Sample clips, made by the ffmpeg inside PyPI's imageio-ffmpeg (which has all encoders)."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30"]
SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
CODECS = {
    "mp4": ["-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", "-movflags", "+faststart"],
    "mov": ["-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"],
    "mkv": ["-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"],
    "webm": ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"],
    "ogg": ["-c:v", "libtheora", "-q:v", "6", "-c:a", "libvorbis", "-f", "ogg"],
    "avi": ["-c:v", "mpeg4", "-q:v", "5", "-c:a", "mp3"],
}


def make_clip(path: Path, *, seconds: int = 10) -> Path:
    """A clip of 1280x720 pixels at 30 frames a second; the suffix picks container and codecs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = ["-y", "-v", "error", *PICTURE, *SOUND, "-t", str(seconds), "-pix_fmt", "yuv420p"]
    codecs = CODECS[path.suffix.removeprefix(".")]
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), *arguments, *codecs, str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path
