"""The service beside its reference model, with many examples and with videos among the files.

    python -m tests.soak.model [--examples N] [--steps N] [--seed S]

Exits with 1 and the shortest sequence that shows it if the two differ.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "layers" / "core"))
os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")  # refusals are part of it

from hypothesis import HealthCheck, seed, settings  # noqa: E402
from hypothesis.stateful import run_state_machine_as_test  # noqa: E402

from tests.faults.cloud import cloud  # noqa: E402
from tests.faults.machine import Service  # noqa: E402
from tests.stack.client import File, sample  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.model", description=__doc__)
    parser.add_argument("--examples", type=int, default=150)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    clip = File("clip.mp4", "video/mp4", sample("mp4", seconds=2).read_bytes())
    with cloud("model") as made:

        class Machine(Service):
            cloud = made
            files = Service.files | {"video": clip}

        many = settings(
            max_examples=options.examples,
            stateful_step_count=options.steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        try:
            run_state_machine_as_test(seed(options.seed)(Machine), settings=many)
        except AssertionError as error:
            print("\n".join([repr(error), *getattr(error, "__notes__", [])]))
            return 1
    print(f"{options.examples} sequences of up to {options.steps} steps: as the model says.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
