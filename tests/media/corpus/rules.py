"""What must not be said of a broken file, whatever else is: the rules that a finding is held to."""

import io
from collections.abc import Callable, Iterator

from PIL import Image

from attachments.model import FileType, Media
from functions.inspect_upload.findings import Accepted, Finding, Picture
from tests.media.corpus.cases import Case
from tests.media.corpus.damage import Holds
from tests.media.corpus.decoder import View
from tests.media.corpus.sources import RATE

TOLERANCE_MS, TOLERANCE = 100, 0.02
REASON_MAX = 200
THUMBNAIL_MAX_BYTES = 50_000
FRAME_RATE_MAX = 1000
UNSAID = (None, "unknown")

Look = Callable[[], View]


def broken_rules(case: Case, finding: Finding, look: Look) -> list[str]:
    """The rules that a finding breaks, each in a sentence; `look` asks the independent decoder."""
    if not isinstance(finding, Accepted):
        return list(_reason(finding.reason))
    rules = [*_numbers(case, finding, look), *_sane(case, finding.media)]
    return rules + (list(_picture(finding.picture)) if finding.picture else [])


def _reason(reason: str) -> Iterator[str]:
    if not (reason.endswith(".") and reason.isprintable() and len(reason) <= REASON_MAX):
        yield f"the reason is no sentence: {reason[:300]!r}"


def _numbers(case: Case, finding: Accepted, look: Look) -> Iterator[str]:
    media = finding.media
    if finding.file_type not in (FileType.VIDEO, FileType.IMAGE, FileType.AUDIO):
        if media != Media():
            yield f"of a file that is {finding.file_type} it knows {media}"
        return
    if case.video_only and finding.file_type is not FileType.VIDEO:
        yield f"by the video route it accepts {finding.file_type}"
    yield from _file_type(case, finding, look)
    yield from _size(case, finding, look)
    yield from _codecs(case, finding, look)
    yield from _duration(case, media.duration_ms, look)


def _file_type(case: Case, finding: Accepted, look: Look) -> Iterator[str]:
    found, intact = finding.file_type, case.source.file_type
    if found is intact:
        return
    if case.truth.picture is Holds.INTACT:
        yield f"it is {found} instead of {intact}"
    elif found is FileType.AUDIO and look().video_codecs and look().sizes and not look().trouble:
        yield f"it is called sound, and there is video of {look().sizes}"


def _size(case: Case, finding: Accepted, look: Look) -> Iterator[str]:
    size = (finding.media.width, finding.media.height)
    right = case.source.size if case.source.size else (None, None)
    if finding.file_type is FileType.AUDIO:
        right = (None, None)
    if size == right or size == case.stated_size:
        return
    if case.truth.picture is Holds.INTACT:
        yield f"its size is {size} instead of {right}"
    elif size != (None, None) and not _may_be(case, finding, size, look().sizes):
        yield f"its size is {size}; intact it was {right}, and a decoder sees {look().sizes}"


def _may_be(
    case: Case, finding: Accepted, size: tuple[int | None, int | None], seen: list[tuple[int, int]]
) -> bool:
    """By the decoder or the generator; of an unknown codec the decoder says nothing."""
    unknown = finding.file_type is FileType.VIDEO and finding.media.codec is None and not seen
    return _seen(size, [*_sizes(case), *seen]) or (unknown and _half_stated(case, size))


def _half_stated(case: Case, size: tuple[int | None, int | None]) -> bool:
    """One side may be changed by a pixel aspect."""
    return any(size[0] == width or size[1] == height for width, height in _sizes(case))


def _sizes(case: Case) -> list[tuple[int, int]]:
    """By the generator: intact, and as the damaged header claims."""
    return [size for size in (case.source.size, case.stated_size) if size]


def _seen(size: tuple[int | None, int | None], sizes: list[tuple[int, int]]) -> bool:
    """Give or take one pixel of rounding a pixel aspect."""
    width, height = size
    if width is None or height is None:
        return False
    return any(abs(width - w) <= 1 and abs(height - h) <= 1 for w, h in sizes)


def _codecs(case: Case, finding: Accepted, look: Look) -> Iterator[str]:
    media, source = finding.media, case.source
    claims = [("audio codec", media.audio_codec, source.audio_codec)]
    if finding.file_type is FileType.VIDEO:
        claims.append(("codec", media.codec, source.codec))
    for name, claimed, right in claims:
        if claimed == right:
            continue
        if case.truth.codecs is Holds.INTACT:
            yield f"its {name} is {claimed} instead of {right}"
        elif claimed not in UNSAID:
            seen = look().audio_codecs if name == "audio codec" else look().video_codecs
            if claimed not in seen:
                yield f"its {name} is {claimed}; intact it was {right}, and a decoder sees {seen}"


def _duration(case: Case, claimed: int | None, look: Look) -> Iterator[str]:
    right, holds = case.source.duration_ms, case.truth.duration
    if claimed is None:
        return
    if holds is not Holds.SHOWN and right is not None and near(claimed, right):
        return
    if holds is Holds.INTACT:
        yield f"it lasts {claimed} ms instead of {right}"
        return
    view = look()
    seen = list(view.shown_ms)
    if holds is not Holds.SHOWN:
        seen += [*view.stated_ms, *case.stated_ends_ms]
        # A part of what is played without an index, where the decoder gives up.
        if view.trouble and not seen and not case.source.indexed and claimed < (right or 0):
            return
    if not any(near(claimed, ms) for ms in (0, *seen)):
        yield f"it lasts {claimed} ms; intact it was {right}, and a decoder sees {seen or view}"


def near(claimed: float, right: float) -> bool:
    return abs(claimed - right) <= max(TOLERANCE_MS, TOLERANCE * right)


def _sane(case: Case, media: Media) -> Iterator[str]:
    """What no file can make true."""
    rate, kbps, duration_ms = media.frame_rate, media.bitrate_kbps, media.duration_ms
    if rate is not None and not 0 < rate <= FRAME_RATE_MAX:
        yield f"it has {rate} frames a second"
    if duration_ms is not None and duration_ms <= 0:
        yield f"it lasts {duration_ms} ms"
    if kbps is not None and kbps <= 0:
        yield f"it has {kbps} kbit/s"
    if kbps is not None and duration_ms and kbps > len(case.data) * 8 / duration_ms * 1.05 + 2:
        yield f"it has {kbps} kbit/s for {duration_ms} ms in {len(case.data)} bytes"
    intact = case.truth.picture is case.truth.duration is Holds.INTACT and case.source.is_video
    if intact and rate is not None and abs(rate - RATE) > 0.02 * RATE:
        yield f"it has {rate} frames a second instead of {RATE}"


def _picture(picture: Picture) -> Iterator[str]:
    with Image.open(io.BytesIO(picture.jpeg)) as image:
        image.load()
        told = (picture.width, picture.height)
        if image.format != "JPEG" or image.size != told or image.width > 320:
            yield f"its thumbnail is {image.format} of {image.size}, told as {told}"
    if len(picture.jpeg) > THUMBNAIL_MAX_BYTES:
        yield f"its thumbnail has {len(picture.jpeg)} bytes"
