"""What a million uploads cost on AWS, and a terabyte stored and served.

    python -m benchmarks.cost_model [--write]

Counts the calls and DynamoDB's units of one video's life by doing it (moto, in this process), takes
times from benchmarks/results, and prices from AWS's pages (US East, list prices, without free tier:
check them before you rely on them). `--write` puts the tables into docs/performance.md.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "layers" / "core"))
os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")

from attachments import wiring  # noqa: E402
from attachments.model import Attachment  # noqa: E402
from benchmarks import page, tables  # noqa: E402
from benchmarks.memory_curve import MILLION, USD_PER_GB_SECOND  # noqa: E402
from benchmarks.stored_units import Units  # noqa: E402
from functions.announce.changes import Change  # noqa: E402
from functions.announce.usage import Counting  # noqa: E402
from tests.builders import PARTICIPANT  # noqa: E402
from tests.faults.cloud import cloud  # noqa: E402
from tests.faults.scene import Scene  # noqa: E402

PART = "cost model"
RESULTS = ROOT / "benchmarks" / "results"
# Pages "Amazon API Gateway pricing" (HTTP API), "AWS Lambda pricing", "Amazon DynamoDB pricing" (on
# demand), "Amazon S3 pricing" (Standard), "Amazon SQS pricing", "Amazon EventBridge pricing".
USD_A_MILLION = {
    "API request": 1.00,
    "Lambda request": 0.20,
    "DynamoDB write unit": 0.625,
    "DynamoDB read unit": 0.125,
    "S3 PUT": 5.00,
    "S3 GET": 0.40,
    "SQS request": 0.40,
    "event": 1.00,
}
USD_A_GB_MONTH = {"S3 Standard": 0.023, "DynamoDB": 0.25}
USD_A_GB_SERVED = (
    0.09  # to the internet; S3 to CloudFront is free, and CloudFront has its own price
)
GB_OF_TB = 1000
API_MEMORY_MB = 512
PROCESSORS_OF_512_MB = 0.29
INSPECT_MEMORY_MB = 1769


@dataclass(frozen=True)
class Step:
    """One step of a video's life, with what it uses beside DynamoDB."""

    name: str
    uses: Mapping[str, float]
    gb_seconds: float
    writes: float = 0
    reads: float = 0

    @property
    def usd(self) -> float:
        """Of a million of them."""
        units = {"DynamoDB write unit": self.writes, "DynamoDB read unit": self.reads}
        asked = sum(USD_A_MILLION[name] * n for name, n in {**self.uses, **units}.items())
        return asked + self.gb_seconds * MILLION * USD_PER_GB_SECOND["arm64"]


def steps() -> Iterator[Step]:
    """The life of a video: uploaded, inspected, announced, looked at, downloaded, deleted."""
    api = {"API request": 1, "Lambda request": 1}
    api_s = _api_gb_seconds()
    inspected = {"Lambda request": 1, "SQS request": 3, "S3 GET": 3, "S3 PUT": 1}
    announced = {"Lambda request": 1, "event": 1}
    with cloud("costs") as made:
        scene = Scene(made)
        scene.begin_anew()
        ids: list[str] = []

        def measured(act: Callable[[], object]) -> Units:
            units = Units()
            with units.counted(wiring.dynamodb()):
                act()
            return units

        def step(
            name: str, uses: Mapping[str, float], gb_s: float, act: Callable[[], object]
        ) -> Step:
            units = measured(act)
            return Step(name, uses, gb_s, units.writes, units.reads)

        def issue() -> None:
            issued = scene.issue()()
            ids.append(issued.attachment.id)

        yield step("asked for", api, api_s, issue)
        before = wiring.catalog().get(ids[0])
        scene.put(before)()
        yield Step("sent", {"S3 PUT": 1}, 0)
        made.clock.pass_time(timedelta(seconds=5))
        yield step("inspected", inspected, _inspection_gb_seconds(), scene.inspect(before))
        ready = wiring.catalog().get(ids[0])
        yield step("announced", announced, api_s, lambda: _count(before, ready))
        get = scene.serving(PARTICIPANT)
        yield step("looked at", {**api, "S3 GET": 1}, api_s, lambda: get.get(ids[0]))
        yield step("downloaded", {**api, "S3 GET": 1}, api_s, scene.download(ready))
        yield step("deleted", api, api_s, scene.delete(ready))


def _count(before: Attachment, after: Attachment) -> None:
    """What the stream makes of an upload: two changes."""
    changes = [
        Change(sequence_number="1", at=before.created_at, old=None, new=before),
        Change(sequence_number="2", at=before.created_at, old=before, new=after),
    ]
    failed = Counting(wiring.counters()).count(changes)
    assert not failed


def _api_gb_seconds() -> float:
    """A typical request of the API at its memory size: the median of all measured routes."""
    rows = json.loads((RESULTS / "api_latency.json").read_text())["requests"]
    processor: float = sorted(row["cpu_ms"] for row in rows)[len(rows) // 2]
    return math.ceil(processor / PROCESSORS_OF_512_MB) / 1000 * API_MEMORY_MB / 1024


def _inspection_gb_seconds() -> float:
    rows = json.loads((RESULTS / "lambda_memory.json").read_text())
    ms: float
    [ms] = [
        row["ms"]
        for row in rows
        if (row["memory_mb"], row["variant"]) == (INSPECT_MEMORY_MB, "ours")
    ]
    return math.ceil(ms) / 1000 * INSPECT_MEMORY_MB / 1024


def written(found: list[Step]) -> str:
    lines: tables.Lines = [
        ("a video is …", "write units", "read units", "GB-seconds", "USD a million")
    ]
    lines += [
        (it.name, f"{it.writes:g}", f"{it.reads:g}", f"{it.gb_seconds:.3f}", f"{it.usd:.2f}")
        for it in found
    ]
    lines.append(("together", "", "", "", f"{sum(it.usd for it in found):.2f}"))
    stored = USD_A_GB_MONTH["S3 Standard"] * GB_OF_TB
    served = USD_A_GB_SERVED * GB_OF_TB
    prices = ", ".join(f"{price:g} a million {name}s" for name, price in USD_A_MILLION.items())
    return "\n\n".join(
        (
            tables.markdown(lines),
            f"A terabyte stored costs {stored:.0f} USD a month, a terabyte served {served:.0f} USD,"
            " whatever the number of files.",
            "USD a million = request units and requests times their prices, and GB-seconds times"
            f" {USD_PER_GB_SECOND['arm64']} (arm64): {prices} (US East, list prices, to be checked;"
            " no free tier).",
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost_model", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put it into docs/performance.md")
    options = parser.parse_args()
    text = written(list(steps()))
    print(text)
    if options.write:
        page.replace_measured(page.PAGE, text, part=PART)
    return 0


if __name__ == "__main__":
    sys.exit(main())
