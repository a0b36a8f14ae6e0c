"""The benchmark's own arithmetic: pacing, targets, costs, tables."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from attachments.routes import ROUTES
from benchmarks import cold_starts, page, tables
from benchmarks.api_requests import REQUESTS
from benchmarks.cold_starts import ColdStart
from benchmarks.measure import Row
from benchmarks.memory_curve import point, usd_per_million
from benchmarks.recorded_answers import Body, RecordedAnswers, UnrecordedCallError
from benchmarks.targets import missed
from benchmarks.token_bucket import TokenBucket
from local.template import REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def row(**changes: object) -> Row:
    usual = {"case": "mkv", "size_mb": 100, "variant": "ours", "ms": 150.0}
    figures = {"requests": 4, "bytes": 2_000_000, "peak_mb": 120.0}
    return Row(**{**usual, **figures, **changes})  # type: ignore[arg-type]


def test_bytes_pass_at_the_rate_from_the_first_one_on(clock: Clock) -> None:
    bucket = TokenBucket(1000, clock=clock)
    assert bucket.reserve(500) == pytest.approx(100.5)
    assert bucket.reserve(500) == pytest.approx(101.0)


def test_who_sends_late_catches_up_by_no_more_than_the_burst(clock: Clock) -> None:
    bucket = TokenBucket(1000, burst_s=0.25, clock=clock)
    clock.now += 10
    assert bucket.reserve(1000) == pytest.approx(110.75)


def test_two_who_share_a_bucket_share_its_rate(clock: Clock) -> None:
    bucket = TokenBucket(1000, clock=clock)
    passed = [bucket.reserve(100) for _ in range(20)]
    assert passed[-1] == pytest.approx(102.0)


def test_figures_that_reach_their_targets_are_not_mentioned() -> None:
    download = row(variant="download", ms=1500, bytes=100_000_000, peak_mb=300)
    assert missed([row(), row(size_mb=10), row(size_mb=1000, ms=190), download]) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(ms=250)], "not under 250 ms"),
        ([row(), row(variant="download", ms=1199)], "7.99 times faster"),
        ([row(size_mb=10), row(size_mb=1000, ms=196)], "1.31 times as long as 10 MB"),
        ([row(bytes=4 * 1024 * 1024 + 1)], "reads 4194305 bytes"),
        ([row(peak_mb=256)], "256 MB of memory"),
    ],
)
def test_a_missed_target_is_said_in_a_sentence(rows: list[Row], said: str) -> None:
    [sentence] = missed(rows)
    assert said in sentence


def test_a_million_videos_cost_their_gb_seconds_and_requests() -> None:
    assert usd_per_million(1024, 199.2, 0.00001) == pytest.approx(0.2 * 10 + 0.20)


def test_memory_costs_are_given_for_both_architectures() -> None:
    found = point(2048, "ours", 100)
    assert (found.usd_arm64, found.usd_x86_64) == (2.87, 3.53)


def test_the_measured_part_of_the_page_is_replaced_and_the_rest_kept(tmp_path: Path) -> None:
    written = tmp_path / "page.md"
    begin, end = (marker.format(part="this") for marker in (page.BEGIN, page.END))
    others = page.BEGIN.format(part="that") + "kept" + page.END.format(part="that")
    written.write_text(f"{others}before\n{begin}\nold\n{end}\nafter\n")
    page.replace_measured(written, "new", part="this")
    assert written.read_text() == f"{others}before\n{begin}\nnew\n{end}\nafter\n"


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    written = tmp_path / "page.md"
    written.write_text("typed by hand")
    with pytest.raises(ValueError, match="markers"):
        page.replace_measured(written, "new")


def test_a_table_says_how_many_times_longer_the_others_take() -> None:
    _, ours, download = tables.inspection([row(), row(variant="download", ms=1500)])
    assert (ours[4], download[4]) == ("1.0", "10.0")


def start(variant: str, ms: float, function: str = "Sweep", cpus: float | None = None) -> ColdStart:
    return ColdStart(function, variant, 512, cpus, ms - 10, 10, ms, 10, 400, {"boto3": 90.0})


def test_a_cold_start_that_is_not_much_shorter_is_said_in_a_sentence() -> None:
    rows = [start("built", 61), start("plain", 100)]
    rows += [start("built", 10, "Report"), start("plain", 100, "Report")]
    [sentence] = cold_starts.missed(rows)
    assert "Sweep takes 0.61" in sentence


def test_cold_starts_together_take_at_most_half_on_each_share_of_the_processors() -> None:
    rows = [start("built", 51, cpus=0.29), start("plain", 100, cpus=0.29)]
    rows += [start("built", 50), start("plain", 100)]
    [sentence] = cold_starts.missed(rows)
    assert "together take 0.51" in sentence
    assert "Lambda's share" in sentence


def test_every_route_of_the_api_is_timed() -> None:
    asked = {
        route.path
        for route in ROUTES
        for request in REQUESTS
        if request.method == route.method and route.matches(request.path)
    }
    assert asked == {route.path for route in ROUTES}


def test_a_request_is_timed_in_the_function_that_answers_it() -> None:
    for request in REQUESTS:
        [route] = (r for r in ROUTES if r.method == request.method and r.matches(request.path))
        assert request.function == route.function.title().replace("_", ""), request.title


def get_item(client: "DynamoDBClient") -> object:
    return client.get_item(TableName="a-table", Key={"id": {"S": "1"}}).get("Item")


def test_recorded_answers_are_given_again_without_a_network() -> None:
    answers, network = RecordedAnswers({"a-table": "Chat"}), Network()
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="s", region_name=REGION)
    answers.attach(session)
    session.events.register_last("before-send", network)  # type: ignore[arg-type]
    with closing(session.client("dynamodb")) as client:
        answers.record()
        first = [get_item(client), get_item(client)]
        answers.replay()
        assert [get_item(client), get_item(client)] == first
        assert answers.calls == {"GetItem Chat": 2}
        with pytest.raises(UnrecordedCallError, match="GetItem Chat, number 3"):
            get_item(client)


class Network:
    """A table whose item counts how often it was asked for."""

    def __init__(self) -> None:
        self.sent = 0

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        self.sent += 1
        item = {"Item": {"number": {"N": str(self.sent)}}}
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(json.dumps(item).encode()))
