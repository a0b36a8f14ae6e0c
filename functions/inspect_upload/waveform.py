"""The shape of a voice message: 64 peaks, from sound that ffmpeg decodes in the sandbox."""

import sys
from array import array
from dataclasses import dataclass

from functions.inspect_upload.boundaries import input_options
from functions.inspect_upload.sandbox import Sandbox, SandboxFloodError, SandboxTimeoutError

WAVEFORM_MAX_BYTES = 4 * 1024 * 1024
PEAKS = 64
SAMPLE_RATE = 8000  # a second
SECONDS_MAX = 1800
PCM_MAX_BYTES = SAMPLE_RATE * 2 * SECONDS_MAX


@dataclass(frozen=True, slots=True)
class Waveform:
    """Peaks of 0 to 100, the loudest being 100; the duration is that of the decoded sound.

    `duration_ms` is None for sound that is longer than what was decoded, and 0 with no peaks if
    there is none.
    """

    peaks: tuple[int, ...] | None
    duration_ms: int | None


def listen(
    url: str, demuxer: str, sandbox: Sandbox, *, fragmented: bool, deadline_s: float
) -> Waveform | None:
    """None if it cannot be decoded, or not in time: a waveform is an ornament."""
    arguments = [
        *("-nostdin", "-v", "fatal", "-hide_banner"),
        *input_options(demuxer, fragmented=fragmented),
        *("-i", url, "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1"),
        *("-t", str(SECONDS_MAX), "-ac", "1", "-ar", str(SAMPLE_RATE)),
        *("-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"),
    ]
    try:
        result = sandbox.run(
            "ffmpeg", arguments, deadline_s=deadline_s, stdout_max=PCM_MAX_BYTES + 4096
        )
    except (SandboxTimeoutError, SandboxFloodError):
        return None
    return shape(result.stdout) if result.stdout or result.exit_code == 0 else None


def shape(pcm: bytes) -> Waveform:
    """`pcm` is mono, 16 bits, little endian, at SAMPLE_RATE."""
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    if not samples:
        return Waveform(None, 0)
    loudness = [_loudness(samples, index) for index in range(PEAKS)]
    loudest = max(loudness)
    peaks = tuple(round(100 * level / loudest) if loudest else 0 for level in loudness)
    whole = len(samples) < SAMPLE_RATE * SECONDS_MAX
    return Waveform(peaks, round(len(samples) * 1000 / SAMPLE_RATE) if whole else None)


def _loudness(samples: "array[int]", index: int) -> int:
    """The greatest amplitude in one of the 64 equal stretches."""
    start, end = (len(samples) * at // PEAKS for at in (index, index + 1))
    stretch = samples[start : max(end, start + 1)]
    return max(max(stretch), -min(stretch)) if stretch else 0
