"""What ffprobe says of a file, and what of it can be believed.

Numbers in a header are claims. Zero, absurd and contradicted ones become None, or are computed
from what cannot lie: the object's size and the layout of the file.
"""

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from attachments.model import Media
from functions.inspect_upload import playability
from functions.inspect_upload.boundaries import PIXELS_MAX, input_options
from functions.inspect_upload.sandbox import Sandbox
from functions.inspect_upload.sniff import Sniffed
from functions.inspect_upload.structure import BrokenStructureError, Structure

PROBE_DEADLINE_S = 4.5
NICENESS = 10  # the thumbnail takes longer, and both run at once
DURATION_MAX_MS = 30 * 24 * 3600 * 1000
FRAME_RATE_MAX = 1000
SIDE_MAX = 65535
HDR_TRANSFERS = {"smpte2084", "arib-std-b67"}  # PQ and HLG, ITU-R BT.2100

ENTRIES = (
    "format=duration,bit_rate"
    ":stream=index,codec_type,codec_name,profile,pix_fmt,width,height,sample_aspect_ratio,"
    "avg_frame_rate,r_frame_rate,duration,bit_rate,color_transfer,channels,sample_rate"
    ":stream_disposition=attached_pic,default:stream_tags=rotate,ROTATE"
    ":stream_side_data=side_data_type,rotation"
)

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Probe:
    """ffprobe's own words: the container, and the streams that count (None: there is none)."""

    container: Fields
    video: Fields | None
    audio: Fields | None

    @property
    def tagged_rotation(self) -> int:
        """Clockwise degrees by a `rotate` tag alone, which ffmpeg does not apply by itself."""
        if self.video is None or _matrix_rotation(self.video) is not None:
            return 0
        tags = self.video.get("tags", {})  # Matroska writes its tags in capitals
        return _quarter(_number(tags.get("rotate") or tags.get("ROTATE")) or 0)


def probe(url: str, sniffed: Sniffed, sandbox: Sandbox, *, fragmented: bool = False) -> Probe:
    """Raises BrokenStructureError for what ffprobe cannot read, SandboxError if it is stopped."""
    assert sniffed.demuxer
    arguments = [
        *("-v", "fatal", "-hide_banner"),
        *input_options(sniffed.demuxer, fragmented=fragmented),
        *("-print_format", "json=compact=1", "-show_entries", ENTRIES, url),
    ]
    result = sandbox.run("ffprobe", arguments, deadline_s=PROBE_DEADLINE_S, niceness=NICENESS)
    return parse(result.stdout)


def parse(stdout: bytes) -> Probe:
    """Picks the streams out of ffprobe's JSON; raises BrokenStructureError if there are none."""
    try:
        answer = json.loads(stdout)
    except ValueError as error:
        raise BrokenStructureError("is damaged and cannot be read") from error
    streams = answer.get("streams") or []
    if not streams:
        raise BrokenStructureError("is damaged: it holds neither video nor sound")
    return Probe(answer.get("format", {}), _pick(streams, "video"), _pick(streams, "audio"))


def _pick(streams: list[Fields], kind: str) -> Fields | None:
    """The first stream of a kind, as players choose it. Cover art is not video."""
    found = [s for s in streams if s.get("codec_type") == kind and not _is_cover(s)]
    return next((s for s in found if s.get("codec_name")), found[0] if found else None)


def _is_cover(stream: Fields) -> bool:
    return bool(stream.get("disposition", {}).get("attached_pic"))


def video_media(found: Probe, sniffed: Sniffed, structure: Structure, size: int) -> Media:
    """The record of a video; `size` is the object's, in bytes."""
    assert found.video is not None
    video, audio = found.video, found.audio
    width, height = shown_size(video, found.tagged_rotation)
    duration_ms = _duration_ms(found, structure)
    audio_codec = audio.get("codec_name", "unknown") if audio else None
    stream = playability.Stream(video.get("codec_name"), video.get("profile"), video.get("pix_fmt"))
    return Media(
        duration_ms=duration_ms,
        width=width,
        height=height,
        rotation=_rotation(video, found.tagged_rotation),
        bitrate_kbps=_bitrate_kbps(found, video, duration_ms, size),
        frame_rate=_frame_rate(video, structure),
        codec=video.get("codec_name"),
        audio_codec=audio_codec,
        has_audio=audio is not None,
        hdr=_is_hdr(video),
        streamable=structure.streamable,
        web_playable=playability.judge(sniffed.mime_type, stream, audio_codec),
    )


def audio_media(found: Probe, structure: Structure, size: int) -> Media:
    """The record of a sound file."""
    assert found.audio is not None
    duration_ms = _duration_ms(found, structure)
    return Media(
        duration_ms=duration_ms,
        bitrate_kbps=_bitrate_kbps(found, found.audio, duration_ms, size),
        codec=found.audio.get("codec_name"),
        audio_codec=found.audio.get("codec_name"),
        has_audio=True,
    )


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e18 else None  # False for NaN and infinity too


def _ratio(value: object, separator: str) -> Fraction | None:
    """A ratio such as 30000/1001 or 4:3; None where it is zero or undefined (0:1)."""
    try:
        above, below = (int(part) for part in str(value).split(separator))
        ratio = Fraction(above, below)
    except (ValueError, ZeroDivisionError):
        return None
    return ratio if ratio > 0 else None


def shown_size(video: Fields, tagged_rotation: int) -> tuple[int | None, int | None]:
    """Width and height after pixel aspect (which widens or narrows) and rotation.

    None for more pixels than would ever be decoded: they may come from anywhere.
    """
    width, height = video.get("width") or 0, video.get("height") or 0
    if width * height > PIXELS_MAX:
        return None, None
    aspect = _ratio(video.get("sample_aspect_ratio"), ":") or Fraction(1)
    if not Fraction(1, 16) <= aspect <= 16:
        aspect = Fraction(1)
    width = round(width * aspect)
    if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX):
        return None, None
    return (height, width) if _rotation(video, tagged_rotation) % 180 else (width, height)


def _rotation(video: Fields, tagged: int) -> int:
    matrix = _matrix_rotation(video)
    return tagged if matrix is None else matrix


def _matrix_rotation(video: Fields) -> int | None:
    """Clockwise; ffprobe counts the display matrix's rotation the other way round."""
    for side in video.get("side_data_list", []):
        if (angle := _number(side.get("rotation"))) is not None:
            return _quarter(-angle)
    return None


def _quarter(angle: float) -> int:
    return round(angle / 90) * 90 % 360


def _duration_ms(found: Probe, structure: Structure) -> int | None:
    """The layout's, else the longest of the streams', else the container's claim."""
    if structure.duration_ms is not None:
        return _sane_ms(structure.duration_ms / 1000)
    if structure.fragmented:
        return None
    streams = [_number(s.get("duration")) for s in (found.video, found.audio) if s]
    longest = max((seconds for seconds in streams if seconds), default=None)
    return _sane_ms(longest if longest is not None else _number(found.container.get("duration")))


def _sane_ms(seconds: float | None) -> int | None:
    ms = round(seconds * 1000) if seconds is not None else 0
    return ms if 0 < ms <= DURATION_MAX_MS else None


def _bitrate_kbps(found: Probe, stream: Fields, duration_ms: int | None, size: int) -> int | None:
    """The stream's, else the container's, but never more than the file's bytes allow."""
    average = size * 8 / duration_ms if duration_ms else None
    for claim in (stream.get("bit_rate"), found.container.get("bit_rate")):
        bits = _number(claim)
        if bits and bits >= 500 and (average is None or bits / 1000 <= average * 1.02 + 1):
            return round(bits / 1000)
    return round(average) if average and average >= 0.5 else None


def _frame_rate(video: Fields, structure: Structure) -> float | None:
    """The layout's, else the average, else the nominal one, in frames a second.

    An average far above the nominal rate counts frames that are empty, as AVI has them.
    """
    average, nominal = (_ratio(video.get(f"{name}_frame_rate"), "/") for name in ("avg", "r"))
    if average and nominal and average > nominal * 3 / 2:
        average = nominal
    rates = (structure.frame_rate, average, nominal)
    sane = (float(rate) for rate in rates if rate and 0.001 <= rate <= FRAME_RATE_MAX)
    return next((round(rate, 3) for rate in sane), None)


def _is_hdr(video: Fields) -> bool:
    kinds = {side.get("side_data_type") for side in video.get("side_data_list", [])}
    return video.get("color_transfer") in HDR_TRANSFERS or "DOVI configuration record" in kinds
