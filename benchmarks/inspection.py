"""Inspect generated videos from a simulated S3: our engine beside download-then-run.

A full run takes some twenty minutes (and some GB of disk for videos the first time). It writes
benchmarks/results, the plots in docs/images and the measured part of docs/performance.md; a run
limited by --only or --sizes prints its table and writes nothing.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

from benchmarks import page, tables, tools
from benchmarks.cpu_quota import NoQuotaError
from benchmarks.measure import Contender, Row, WrongAnswerError, measure
from benchmarks.media import CACHE, CASES, Clip, cases, clip
from benchmarks.memory_curve import Point, advice, curve
from benchmarks.results import Results, describe, load
from benchmarks.simulated_s3 import SimulatedS3, add_flags, simulation_of
from benchmarks.targets import TYPICAL_MB, missed
from benchmarks.variants import DISTRIBUTION, DOWNLOAD, OURS

SIZES_MB = (1, 10, 100, 1000)
LONG_MB = 1000
LONG_DOWNLOADS_MAX = 2  # they take a quarter of a minute each, and vary little


def main() -> int:
    arguments = _arguments()
    if arguments.report:
        return _report(load())
    try:
        return _run(arguments)
    except (tools.NoLayerError, WrongAnswerError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    full = not arguments.only and arguments.sizes == SIZES_MB and not arguments.no_curve
    simulation = simulation_of(arguments)
    meta = describe(simulation, repeat=arguments.repeat)
    contenders = _contenders()
    videos = list(_videos(arguments))
    wrong: list[str] = []
    with SimulatedS3(CACHE, simulation) as s3:
        rows = list(_rows(videos, contenders, s3, arguments.repeat, wrong))
        points = [] if arguments.no_curve else _curve(contenders, s3, arguments.repeat)
    results = Results(rows, points, meta)
    print("\n" + tables.plain(tables.inspection(rows)))
    if points:
        print("\n" + tables.plain(tables.memory(points)) + "\n\n" + advice(points))
    for sentence in wrong:
        print(f"Wrong answer: {sentence}", file=sys.stderr)
    if full and not wrong:
        results.save()
        _report(results)
    targets = missed(rows)
    for sentence in targets:
        print(f"Missed: {sentence}", file=sys.stderr)
    return int(bool(wrong or (arguments.must_hold and targets)))


def _contenders() -> list[Contender]:
    layer, distribution = tools.layer_tools(), tools.distribution_tools()
    contenders = [Contender(OURS, layer), Contender(DOWNLOAD, layer)]
    if distribution:
        return [*contenders, Contender(DISTRIBUTION, distribution)]
    print(f"Left out: {DISTRIBUTION}, because no ffmpeg of a distribution is installed.")
    return contenders


def _videos(arguments: argparse.Namespace) -> Iterator[Clip]:
    for case in cases(arguments.only):
        for size_mb in arguments.sizes:
            _tell(f"generating {case.title}, {size_mb} MB")
            yield clip(case, size_mb)


def _rows(
    videos: Sequence[Clip],
    contenders: Sequence[Contender],
    s3: SimulatedS3,
    repeat: int,
    wrong: list[str],
) -> Iterator[Row]:
    """The rows; a wrong answer has none, but a sentence in `wrong`."""
    todo = [(video, contender) for video in videos for contender in contenders]
    for number, (video, contender) in enumerate(todo, start=1):
        long = video.size_mb >= LONG_MB and contender.name != OURS
        times = min(repeat, LONG_DOWNLOADS_MAX) if long else repeat
        what = f"{number}/{len(todo)} {video.case.title}, {video.size_mb} MB, {contender.name}"
        _tell(what)
        try:
            row = measure(video, contender, s3, repeat=times)
        except WrongAnswerError as error:
            wrong.append(str(error))
            _tell(f"{what}: wrong answer")
        else:
            _tell(f"{what}: {row.ms:.0f} ms")
            yield row


def _curve(contenders: Sequence[Contender], s3: SimulatedS3, repeat: int) -> list[Point]:
    video = clip(CASES[0], TYPICAL_MB)
    compared = [contender for contender in contenders if contender.name != DISTRIBUTION]
    try:
        return curve(video, compared, s3, repeat=repeat, tell=_tell)
    except NoQuotaError as error:
        print(f"Left out: the memory curve. {error}")
        return []


def _report(results: Results) -> int:
    """Draw the plots and write the page."""
    page.write(results)
    print(f"\nWritten: {page.PAGE}")
    try:
        from benchmarks import plots
    except ModuleNotFoundError as error:
        print(f"No plots: {error}; install requirements/bench.txt.", file=sys.stderr)
        return 1
    for path in plots.draw_all(results):
        print(f"Written: {path}")
    return 0


def _tell(what: str) -> None:
    """Progress: on a terminal in one line, else a line each."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)
    else:
        print(what, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inspection", description=__doc__)
    names = [case.name for case in CASES]
    flag = parser.add_argument
    flag("--only", nargs="+", choices=names, default=[], metavar="CASE", help=", ".join(names))
    flag("--sizes", type=_sizes, default=SIZES_MB, help="in MB, usually 1,10,100,1000")
    flag("--repeat", type=int, default=5, help="timed runs of each; usually %(default)s")
    flag("--no-curve", action="store_true", help="leave the memory curve out")
    flag("--assert", dest="must_hold", action="store_true", help="exit 1 if a target is missed")
    flag("--report", action="store_true", help="only draw and write what the last run measured")
    add_flags(parser)
    return parser.parse_args()


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
