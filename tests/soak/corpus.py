"""All of the corpus of broken files against the inspection, with a table of what came out.

    python -m tests.soak.corpus [--count N] [--seed S] [--one NAME]

Exits with 1 if a rule is broken; the files that break it lie in .build/corpus then, each beside
its manifest.
"""

import argparse
import json
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "layers" / "core"))

from tests.media.corpus.cases import SEED, Case, corpus, longer_corpus, make  # noqa: E402
from tests.media.corpus.damage import DAMAGES  # noqa: E402
from tests.media.corpus.decoder import Decoder  # noqa: E402
from tests.media.corpus.examination import (  # noqa: E402
    Examiner,
    Outcome,
    WatchedSandbox,
    tools,
)
from tests.media.corpus.sources import SOURCES  # noqa: E402

SAVED = ROOT / ".build" / "corpus"
COUNT_MIN = 500
EVERY = 100


def main() -> int:
    options = _options()
    names = [options.one] if options.one else list(longer_corpus(options.count or len(corpus())))
    if not (tools() / "ffprobe").exists():
        sys.exit("There is no ffmpeg layer for this machine: run `make layer`.")
    sandbox = WatchedSandbox(tools())
    table: Counter[tuple[str, str, str]] = Counter()
    broken: list[tuple[Case, Outcome]] = []
    began, slowest, most = time.monotonic(), (0.0, ""), (0, "")
    with closing(sandbox), Decoder() as decoder:
        examiner = Examiner(sandbox, decoder, SAVED)
        for number, name in enumerate(names, 1):
            case = make(name, options.seed)
            outcome = examiner.examine(case)
            source, damage, _ = name.split("/")
            table[source, damage, outcome.word] += 1
            slowest = max(slowest, (outcome.seconds, name))
            most = max(most, (outcome.peak_bytes, name))
            if outcome.violations:
                broken.append((case, outcome))
                _tell(case, outcome)
            if options.one:
                _save(case, outcome)
                print(json.dumps(case.manifest, indent=2), f"\n{outcome.finding}")
            elif number % EVERY == 0 or number == len(names):
                spent = time.monotonic() - began
                print(
                    f"{number} of {len(names)}, {len(broken)} violations, {spent:.0f} s", flush=True
                )
    _print_table(table)
    print(
        f"Slowest: {slowest[0]:.2f} s, {slowest[1]}."
        f" Most memory: {most[0] / 1e6:.0f} MB, {most[1]}."
    )
    print(f"{len(names)} files, {len(broken)} violations." + (f" See {SAVED}." if broken else ""))
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.corpus", description=__doc__)
    parser.add_argument("--count", type=int, help=f"how many files, {COUNT_MIN} or more; else all")
    parser.add_argument("--seed", type=int, default=SEED, help=f"else {SEED}")
    parser.add_argument("--one", metavar="NAME", help="this file alone: source/damage/number")
    return parser.parse_args()


def _tell(case: Case, outcome: Outcome) -> None:
    print(f"\n{case.name}: {case.what}\n    {case.command}")
    for violation in outcome.violations:
        print("    " + violation.replace("\n", "\n    "))
    _save(case, outcome)


def _save(case: Case, outcome: Outcome) -> None:
    SAVED.mkdir(parents=True, exist_ok=True)
    path = SAVED / f"{case.name.replace('/', '-')}-{case.seed}"
    path.write_bytes(case.data)
    manifest = {**case.manifest, "violations": outcome.violations, "found": str(outcome.finding)}
    path.with_name(f"{path.name}.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _print_table(table: Counter[tuple[str, str, str]]) -> None:
    """Of each source and damage: accepted, refused, and (in brackets) violations."""
    print(f"\n{'accepted/refused':16}" + "".join(f"{damage:>13}" for damage in DAMAGES))
    for source in SOURCES:
        cells = (
            _cell(
                *(table[source.name, damage, word] for word in ("accepted", "refused", "violated"))
            )
            for damage in DAMAGES
        )
        print(f"{source.name:16}" + "".join(f"{cell:>13}" for cell in cells))
    total = Counter[str]()
    for (_, _, word), count in table.items():
        total[word] += count
    print(", ".join(f"{total[word]} {word}" for word in ("accepted", "refused", "violated")) + ".")


def _cell(accepted: int, refused: int, violated: int) -> str:
    return f"{accepted}/{refused}" + (f" ({violated})" if violated else "")


if __name__ == "__main__":
    sys.exit(main())
