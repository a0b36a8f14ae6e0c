"""The API under thousands of requests made out of its document, as every kind of caller.

    python -m tests.soak.api [--examples N] [--seed S]

Prints how many calls were made and what came of them; exits with 1 if an answer was a server
error, not documented, or not as its schema says.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "layers" / "core"))

from tests.fuzz.calls import SEED, Fuzz  # noqa: E402
from tests.fuzz.roomy import roomy_stack  # noqa: E402

LEAST_CALLS = 2_000


def main() -> int:
    options = _options()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, roomy_stack(Path(folder)) as stack:
        fuzz = Fuzz(stack, examples=options.examples, seed=options.seed)
        fuzz.run(lambda line: print(line, flush=True))
    for where, told in fuzz.wrong.items():
        print(f"\n{where}\n{told}")
    answers = ", ".join(f"{count} of {status}" for status, count in sorted(fuzz.statuses.items()))
    print(f"Answers: {answers}.")
    print(
        f"{fuzz.calls} calls of seed {options.seed} in {time.monotonic() - began:.0f} s, "
        f"{len(fuzz.wrong)} kinds of wrong answers."
    )
    if fuzz.calls < LEAST_CALLS:
        print(f"These were fewer than {LEAST_CALLS}: ask for more with --examples.")
    return 1 if fuzz.wrong or fuzz.calls < LEAST_CALLS else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.api", description=__doc__)
    parser.add_argument("--examples", type=int, default=10, help="of each kind (else 10)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"else {SEED}")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
