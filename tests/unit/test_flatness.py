"""What counts as flat over a long run."""

import pytest

from tests.soak.flatness import compare, percentile

HOUR = [float(second) for second in range(0, 3600, 60)]


def test_a_figure_that_stays_is_flat() -> None:
    verdict = compare("memory", [(at, 100.0 + at % 7) for at in HOUR], factor=1.05, slack=0)
    assert verdict.flat


def test_a_figure_that_grows_is_not() -> None:
    verdict = compare("memory", [(at, 100.0 + at / 60) for at in HOUR], factor=1.05, slack=3)
    assert not verdict.flat
    assert (verdict.first, verdict.last) == (109.5, 149.5)


def test_one_slow_minute_is_no_trend() -> None:
    points = [(at, 5000.0 if at == 3540 else 20.0) for at in HOUR]
    assert compare("latency", points, factor=1.25, slack=0).flat


def test_a_tail_that_grows_shows_in_its_percentile_alone() -> None:
    points = [(at, 200.0 if at > 2400 and at % 300 == 0 else 20.0) for at in HOUR]
    assert compare("p50", points, factor=1.25, slack=0).flat
    assert not compare("p95", points, factor=1.5, slack=0, percent=95).flat


def test_too_few_points_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="2 points"):
        compare("memory", [(0, 1), (60, 1)], factor=1, slack=0)


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([4.0], 95) == 4.0
