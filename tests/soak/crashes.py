"""The whole crash matrix: every act stopped at every boundary in every way, a real video included.

    python -m tests.soak.crashes [--share K/N] [--worker K/N] [--only NAME]

Exits with 1 if anything does not come right; what differs is printed.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "layers" / "core"))

from local.ffmpeg import built_layer  # noqa: E402
from tests.faults.matrix import main  # noqa: E402
from tests.stack.client import sample  # noqa: E402

if __name__ == "__main__":
    os.environ["TEST_CLIP"] = str(sample("mp4", seconds=2))
    os.environ["TEST_FFMPEG_DIR"] = str(built_layer())
    sys.exit(main())
