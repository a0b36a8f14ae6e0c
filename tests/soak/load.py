"""The load with faults at its full size, with a summary of what was accepted and what went wrong.

    python -m tests.soak.load [--uploads N] [--seed S]

Exits with 1 if an accepted upload is lost, doubled, served with other bytes, or leaves an orphan.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "layers" / "core"))

from tests.faults.load import run_load  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.load", description=__doc__)
    parser.add_argument("--uploads", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        books = run_load(options.uploads, seed=options.seed, folder=Path(folder))
    print(books)
    for problem in books.problems:
        print(f"problem: {problem}")
    return 1 if books.problems or len(books.sent) != options.uploads else 0


if __name__ == "__main__":
    sys.exit(main())
