"""Kinds of damage: each breaks an intact file in one place or one way, and says what then holds.

All randomness comes from the generator that is passed in, so that a seed and a name make the
same file again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from tests.media.corpus.fields import Field, absurd, checksums_mended, fields
from tests.media.corpus.parts import Part, parts, with_size
from tests.media.corpus.sources import SOURCES, Source


class Holds(StrEnum):
    """What a number must be, if a damaged file is called ready with it."""

    INTACT = "as in the intact file"
    EITHER = "as in the intact file, or as the damaged one states or shows it"
    SHOWN = "as what is left decodes"


@dataclass(frozen=True, slots=True)
class Truth:
    """What holds of the size in pixels, of the codecs, and of the duration."""

    picture: Holds
    codecs: Holds
    duration: Holds


@dataclass(frozen=True, slots=True)
class Broken:
    data: bytes
    what: str
    truth: Truth


LARGE_BYTES = 40
MANY = 12
UNSURE = Truth(Holds.EITHER, Holds.EITHER, Holds.EITHER)


@dataclass(frozen=True, slots=True)
class Piece:
    """A source and its parts, at hand for the damages."""

    source: Source
    data: bytes
    parts: list[Part] = field(default_factory=list)

    def frames_damaged(self) -> Truth:
        """What holds when only sound or pictures are touched, and no description."""
        clear = self.source.self_describing
        described = Holds.EITHER if clear else Holds.INTACT
        duration = Holds.INTACT if self.source.indexed else Holds.EITHER
        return Truth(described, described, duration)


def piece(source: Source) -> Piece:
    return Piece(source, source.data, parts(source.family, source.data))


def cuts(of: Piece) -> list[tuple[int, str]]:
    """Before each part and within it; within the headers and at the ends of the larger ones."""
    found: dict[int, str] = {}
    for part in _told_apart(of.parts):
        found.setdefault(part.start, f"before {part.path}")
        found.setdefault((part.body + part.end) // 2, f"within {part.path}")
        if part.end - part.start >= LARGE_BYTES:
            found.setdefault((part.start + part.body) // 2, f"within the header of {part.path}")
            found.setdefault(part.body, f"behind the header of {part.path}")
            found.setdefault(part.end - 1, f"a byte before the end of {part.path}")
    size = len(of.data)
    found.setdefault(size * 3 // 4, "at three quarters")
    return sorted((at, where) for at, where in found.items() if 0 < at < size)


def _told_apart(found: list[Part]) -> list[Part]:
    """All parts, but of frames that come by the hundred only some."""
    data = [part for part in found if part.is_data]
    if len(data) <= MANY:
        return found
    some = {*data[:2], *data[-2:], *data[:: len(data) // MANY]}
    return [part for part in found if not part.is_data or part in some]


def truncated(of: Piece, number: int, _random: Random) -> Broken:
    choices = cuts(of)
    at, where = choices[number % len(choices)]
    what = f"cut at {at} of {len(of.data)} bytes, {where}"
    return Broken(of.data[:at], what, Truth(Holds.EITHER, Holds.EITHER, Holds.SHOWN))


def header_bits(of: Piece, _number: int, random: Random) -> Broken:
    """One to eight bits of what describes; behind right checksums every other time."""
    places = _header_places(of)
    flipped = [random.choice(places) for _ in range(random.choice((1, 1, 2, 8)))]
    return _flipped(of, flipped, random, UNSURE)


def data_bits(of: Piece, _number: int, random: Random) -> Broken:
    """Of sound or pictures: a few bits, or one in a thousand."""
    ranges = [(part.body, part.end) for part in of.parts if part.is_data and part.end > part.body]
    total = sum(end - start for start, end in ranges)
    count = random.choice((1, 4, 32, max(total // 1000, 1)))
    flipped = []
    for _ in range(count):
        start, end = random.choice(ranges)
        flipped.append(random.randrange(start, end))
    return _flipped(of, flipped, random, of.frames_damaged())


def _flipped(of: Piece, places: list[int], random: Random, truth: Truth) -> Broken:
    data = bytearray(of.data)
    bits = [(at, random.randrange(8)) for at in places]
    for at, bit in bits:
        data[at] ^= 1 << bit
    told = ", ".join(f"{at}.{bit} ({_where(of, at)})" for at, bit in sorted(bits)[:4])
    more = f" and {len(bits) - 4} more" if len(bits) > 4 else ""
    return _mended(of, bytes(data), f"bits flipped at {told}{more}", random, truth)


def _mended(of: Piece, data: bytes, what: str, random: Random, truth: Truth) -> Broken:
    mend = random.random() < 0.5
    mended = checksums_mended(of.source, data, of.parts) if mend else data
    return Broken(mended, f"{what}, checksums mended" if mended != data else what, truth)


def _header_places(of: Piece) -> list[int]:
    """The bytes outside of sound and pictures; of long tables only the beginning."""
    places: set[int] = set()
    for part in of.parts:
        content_end = part.body if part.is_data else min(part.end, part.body + 96)
        places.update(range(part.start, content_end))
    return sorted(places)


def _where(of: Piece, at: int) -> str:
    around = [part for part in of.parts if part.start <= at < part.end]
    return around[-1].path if around else "outside"


SIZES: dict[str, Callable[[Part, Random], int]] = {
    "zero": lambda part, random: 0,
    "one": lambda part, random: 1,
    "one less": lambda part, random: part.size - 1,
    "one more": lambda part, random: part.size + 1,
    "half": lambda part, random: part.size // 2,
    "double": lambda part, random: part.size * 2,
    "huge": lambda part, random: (1 << 8 * part.size_bytes - 1) - 1,
    "negative": lambda part, random: -1,
    "most negative": lambda part, random: 1 << 8 * part.size_bytes - 1,
    "negated": lambda part, random: -part.size,
    "random": lambda part, random: random.getrandbits(8 * part.size_bytes),
}


def resized(of: Piece, _number: int, random: Random) -> Broken:
    part = _any([part for part in of.parts if part.size_bytes], random)
    name = random.choice(list(SIZES))
    data = with_size(of.data, part, SIZES[name](part, random))
    what = f"size of {part.path} at {part.start} ({part.size}) made {name}"
    return _mended(of, data, what, random, UNSURE)


def _any(choices: list[Part], random: Random) -> Part:
    """Any part, but those of which there are hundreds no more often than the others."""
    name = random.choice(sorted({part.name for part in choices}))
    return random.choice([part for part in choices if part.name == name])


def rearranged(of: Piece, _number: int, random: Random) -> Broken:
    return random.choice((_removed, _duplicated, _swapped))(of, random)


def _removed(of: Piece, random: Random) -> Broken:
    part = _any(of.parts, random)
    return _replaced(of, part.start, part.end, b"", part, random, f"{part.path} removed")


def _duplicated(of: Piece, random: Random) -> Broken:
    part = _any(of.parts, random)
    times = random.choice((1, 1, 2, 50))
    copies = of.data[part.start : part.end] * times
    what = f"{part.path} at {part.start} there {times + 1} times"
    return _replaced(of, part.end, part.end, copies, part, random, what)


def _swapped(of: Piece, random: Random) -> Broken:
    """Two parts that do not overlap change places."""
    one = _any(of.parts, random)
    apart = [part for part in of.parts if part.start >= one.end or part.end <= one.start]
    if not apart:
        return _duplicated(of, random)
    other = _any(apart, random)
    first, second = sorted((one, other), key=lambda part: part.start)
    data = b"".join(
        of.data[start:end]
        for start, end in (
            (0, first.start),
            (second.start, second.end),
            (first.end, second.start),
            (first.start, first.end),
            (second.end, len(of.data)),
        )
    )
    what = f"{first.path} at {first.start} and {second.path} at {second.start} swapped"
    return Broken(data, what, UNSURE)


def _replaced(
    of: Piece, start: int, end: int, new: bytes, part: Part, random: Random, what: str
) -> Broken:
    """Bytes exchanged; every other time the parts around them grow or shrink with them."""
    data = of.data
    if neat := bool(part.parents) and random.random() < 0.5:
        for parent in part.parents:
            if parent.size_bytes:
                data = with_size(data, parent, parent.size + len(new) - (end - start))
    what = f"{what}, sizes around mended" if neat else what
    return Broken(data[:start] + new + data[end:], what, UNSURE)


def absurdities(of: Piece, _number: int, random: Random) -> Broken:
    """One number of a header set to what it cannot be, sometimes two."""
    choices = fields(of.source, of.parts)
    chosen = [_any_field(choices, random) for _ in range(random.choice((1, 1, 1, 2)))]
    data, told = of.data, []
    for one in chosen:
        old = data[one.at : one.at + one.length]
        new = absurd(one, random, old)
        data = data[: one.at] + new + data[one.at + one.length :]
        told.append(f"{one.name} at {one.at} from {old.hex()} to {new.hex()}")
    return _mended(of, data, "; ".join(told), random, UNSURE)


def _any_field(choices: list[Field], random: Random) -> Field:
    name = random.choice(sorted({field.name for field in choices}))
    return random.choice([field for field in choices if field.name == name])


def zeroed(of: Piece, _number: int, random: Random) -> Broken:
    """A run of zeros: within one part's content, or anywhere."""
    size = len(of.data)
    if random.random() < 0.5:
        part = _any([part for part in of.parts if part.end > part.body], random)
        start = random.randrange(part.body, part.end)
        end = random.choice((part.end, min(start + random.choice((4, 64)), part.end)))
    else:
        start = random.randrange(size)
        end = min(start + random.choice((16, 512, 4096, size // 3)), size)
    within = any(part.is_data and part.body <= start and end <= part.end for part in of.parts)
    truth = of.frames_damaged() if within else UNSURE
    what = f"zeros from {start} ({_where(of, start)}) to {end}"
    return Broken(of.data[:start] + bytes(end - start) + of.data[end:], what, truth)


HTML = b"<!DOCTYPE html><script>alert(1)</script>"


def junk(of: Piece, _number: int, random: Random) -> Broken:
    return random.choice((_appended, _prepended, _inserted, _inserted, _spliced))(of, random)


def _rubbish(random: Random) -> tuple[bytes, str]:
    length = random.choice((1, 3, 8, 100, 5000, 70_000))
    choices = {
        "random bytes": random.randbytes(length),
        "zeros": bytes(length),
        "ones": b"\xff" * length,
        "HTML": (HTML * (length // len(HTML) + 1))[:length],
    }
    name = random.choice(list(choices))
    return choices[name], f"{length} bytes of {name}"


def _appended(of: Piece, random: Random) -> Broken:
    rubbish, name = _rubbish(random)
    truth = Truth(Holds.INTACT, Holds.INTACT, Holds.INTACT if of.source.indexed else Holds.EITHER)
    return Broken(of.data + rubbish, f"{name} appended", truth)


def _prepended(of: Piece, random: Random) -> Broken:
    rubbish, name = _rubbish(random)
    return Broken(rubbish + of.data, f"{name} prepended", UNSURE)


def _inserted(of: Piece, random: Random) -> Broken:
    rubbish, name = _rubbish(random)
    part = _any(of.parts, random)
    what = f"{name} inserted before {part.path} at {part.start}"
    return _replaced(of, part.start, part.start, rubbish, part, random, what)


def _spliced(of: Piece, random: Random) -> Broken:
    """The beginning of this file and the end of another, or theirs in turns."""
    other = random.choice([source for source in SOURCES if source is not of.source])
    at = _any(of.parts, random).start if random.random() < 0.5 else len(of.data) // 2
    if random.random() < 0.5:
        what = f"from byte {at} on replaced by {other.name} from there"
        return Broken(of.data[:at] + other.data[at:], what, UNSURE)
    step = random.choice((16, 512, 4096))
    data = b"".join(
        (of.data if index // step % 2 == 0 else other.data)[index : index + step]
        for index in range(0, len(of.data), step)
    )
    return Broken(data, f"interleaved with {other.name}, {step} bytes each", UNSURE)


Damage = Callable[[Piece, int, Random], Broken]
DAMAGES: dict[str, Damage] = {
    "truncated": truncated,
    "header-bits": header_bits,
    "data-bits": data_bits,
    "resized": resized,
    "rearranged": rearranged,
    "absurd": absurdities,
    "zeroed": zeroed,
    "junk": junk,
}
