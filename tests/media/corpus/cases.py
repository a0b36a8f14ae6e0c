"""The corpus: which broken files there are, and each of them by its name and a seed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from random import Random

from attachments.model import FileType
from tests.media.corpus.damage import DAMAGES, Piece, Truth, cuts, piece
from tests.media.corpus.fields import stated_ends_ms, stated_size
from tests.media.corpus.sources import BY_NAME, SOURCES, Source

SEED = 1
ROUNDS = 20  # of each source and damage but truncation, which has as many as there are places


@dataclass(frozen=True, slots=True)
class Case:
    """A broken file and what must hold if it is called ready: the manifest's entry.

    `name` is `source/damage/number`. `stated_size` and `stated_ends_ms` are what it
    claims now, where the generator knows. `video_only`: it comes by the video route.
    """

    name: str
    seed: int
    source: Source
    data: bytes
    what: str
    truth: Truth
    stated_size: tuple[int, int] | None
    stated_ends_ms: list[int]
    video_only: bool

    @property
    def command(self) -> str:
        """What examines this one file again."""
        return f"python -m tests.soak.corpus --seed {self.seed} --one {self.name}"

    @property
    def manifest(self) -> dict[str, object]:
        source, truth = self.source, self.truth
        return {
            "name": self.name,
            "seed": self.seed,
            "damage": self.what,
            "route": "video" if self.video_only else "file",
            "bytes": len(self.data),
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "intact": {
                "file_type": source.file_type,
                "size": source.size,
                "codec": source.codec,
                "audio_codec": source.audio_codec,
                "duration_ms": source.duration_ms,
            },
            "must_hold": {
                "size": truth.picture,
                "codecs": truth.codecs,
                "duration": truth.duration,
                "or_size": self.stated_size,
                "or_end_ms": self.stated_ends_ms,
            },
        }


@cache
def _piece(name: str) -> Piece:
    return piece(BY_NAME[name])


def make(name: str, seed: int = SEED) -> Case:
    """The broken file of a name; KeyError or ValueError if there is no such name."""
    source_name, damage, number = name.split("/")
    source = BY_NAME[source_name]
    random = Random(f"{seed}/{name}")
    broken = DAMAGES[damage](_piece(source_name), int(number), random)
    while broken.data == source.data:  # such as zeros where there were zeros
        broken = DAMAGES[damage](_piece(source_name), int(number), random)
    # A video may come by either route, and by the file route be found to be something else.
    video_only = source.file_type is FileType.VIDEO and random.random() < 0.7
    found = _piece(source_name).parts
    return Case(
        name,
        seed,
        source,
        broken.data,
        broken.what,
        broken.truth,
        stated_size(source, broken.data, found),
        stated_ends_ms(source, broken.data, found),
        video_only,
    )


def corpus() -> list[str]:
    """All names, in rounds through all sources and damages."""
    rows = [
        [f"{source.name}/{damage}/{number}" for number in range(_count(source, damage))]
        for damage in DAMAGES
        for source in SOURCES
    ]
    return [name for name in chain(*zip_longest(*rows)) if name]


def _count(source: Source, damage: str) -> int:
    return len(cuts(_piece(source.name))) if damage == "truncated" else ROUNDS


def longer_corpus(count: int) -> Iterator[str]:
    """So many names: of the corpus, and more rounds of what is random when it is used up."""
    names = corpus()
    yield from names[:count]
    kinds = [f"{s.name}/{damage}" for damage in DAMAGES if damage != "truncated" for s in SOURCES]
    for index in range(max(count - len(names), 0)):
        yield f"{kinds[index % len(kinds)]}/{ROUNDS + index // len(kinds)}"


def fixed_slice(seed: int = SEED) -> list[str]:
    """One of every source with every damage; nothing is generated to name them."""
    random = Random(seed)
    return [f"{s.name}/{kind}/{random.randrange(1000)}" for s in SOURCES for kind in DAMAGES]
