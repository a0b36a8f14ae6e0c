"""The steady load as a picture for docs/performance.md.

python -m tests.soak.steady_plot
"""

import json
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "soak.json"
IMAGE = ROOT / "docs" / "images" / "soak.png"
# Okabe and Ito's palette, which colour-blind people tell apart.
# What runs every five minutes only; and AWS in disguise, which keeps all that it ever held.
LEFT_OUT = ("sweep", "moto")
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#767676")

mpl.use("Agg")


def draw(report: dict[str, Any], path: Path) -> None:
    """Memory, latency and the machine's load over the minutes."""
    figure, (memory, latency, load) = plt.subplots(
        3, 1, figsize=(9, 9), sharex=True, height_ratios=(3, 3, 1)
    )
    sizes = {name: sizes for name, sizes in report["memory_mb"].items() if name not in LEFT_OUT}
    _lines(memory, sizes)
    memory.set_ylabel("MB resident")
    memory.set_title("Memory of the largest process of each function, and of the stack", loc="left")
    _lines(latency, {step: figures["p50"] for step, figures in report["latency_ms"].items()})
    latency.set_yscale("log")
    latency.set_ylabel("ms, median")
    latency.set_title("Latency of each step of an upload", loc="left")
    _lines(load, {"load average": report["load_average"]})
    load.set_ylim(bottom=0)
    load.set_xlabel("minutes")
    load.set_title(f"Load average of a machine of {report['cpus']} CPUs", loc="left")
    figure.tight_layout()
    figure.savefig(path, dpi=130, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def _lines(axes: Axes, series: dict[str, list[float | None]]) -> None:
    for (name, values), colour in zip(series.items(), cycle(COLOURS), strict=False):
        known = [(minute, value) for minute, value in enumerate(values) if value is not None]
        axes.plot(*zip(*known, strict=True), color=colour, label=name)
    axes.grid(color="#DDDDDD")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))


if __name__ == "__main__":
    draw(json.loads(RESULTS.read_text()), IMAGE)
    print(f"Written: {IMAGE}")
