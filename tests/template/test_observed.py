"""What operators look at: each alarm, widget and query is of something that is really said."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from functions.inspect_upload.findings import Cause
from local.template import STACK_NAME
from tests.conftest import KeyServer
from tests.template.deployed import of_type
from tests.template.observing import Observed, observe

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
ALARMS = of_type("AWS::CloudWatch::Alarm")
QUERIES = of_type("AWS::Logs::QueryDefinition")
FUNCTIONS = of_type("AWS::Lambda::Function")
# Pages "Available CloudWatch metrics for Amazon SQS" and "Types of metrics for Lambda functions",
# with the dimension by which each is kept.
OF_AWS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "QueueName",
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): "QueueName",
    ("AWS/Lambda", "Errors"): "FunctionName",
    ("AWS/Lambda", "Throttles"): "FunctionName",
    ("AWS/Lambda", "IteratorAge"): "FunctionName",
}
# CloudWatch Logs Insights query syntax: what is no field.
WORDS = {
    *("fields", "filter", "stats", "sort", "by", "as", "and", "or", "in", "asc", "desc"),
    *("ispresent", "count", "count_distinct", "max", "pct"),
}
Metric = tuple[str, str, dict[str, str]]

_observed: list[Observed] = []


@pytest.fixture
def observed(key_server: KeyServer) -> Observed:
    """Once for all of these tests."""
    if not _observed:
        _observed.append(observe(key_server))
    return _observed[0]


def metrics_of(alarm: dict[str, Any]) -> list[Metric]:
    if "MetricName" in alarm:
        stats = [alarm]
    else:
        stats = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    return [
        (
            each["Namespace"],
            each["MetricName"],
            {one["Name"]: one["Value"] for one in each.get("Dimensions", [])},
        )
        for each in stats
    ]


def widgets() -> list[dict[str, Any]]:
    [dashboard] = of_type("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"])["widgets"]
    return found


def metrics_of_widgets() -> list[Metric]:
    found = []
    for widget in widgets():
        for line in widget["properties"].get("metrics", []):
            namespace, name, *pairs = [part for part in line if isinstance(part, str)]
            found.append((namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True))))
    return found


def unknown(metric: Metric, observed: Observed) -> str | None:
    """What is wrong with a metric, if nobody publishes it so."""
    namespace, name, dimensions = metric
    if namespace == STACK_NAME:
        emitted = (STACK_NAME, name, frozenset(dimensions.items()))
        filtered = name in _filtered() and not dimensions
        return None if emitted in observed.metrics or filtered else f"nobody emits {metric}"
    if [OF_AWS.get((namespace, name))] != list(dimensions):
        return f"AWS keeps no {metric}"
    [of] = dimensions.values()
    known = {*FUNCTIONS, *(f"{queue}.QueueName" for queue in of_type("AWS::SQS::Queue"))}
    return None if of in known else f"{of} is nothing of the template's"


def _filtered() -> set[str]:
    """Metrics that CloudWatch makes of log lines, and not of figures in them."""
    return {
        transformation["MetricName"]
        for each in of_type("AWS::Logs::MetricFilter").values()
        for transformation in each["MetricTransformations"]
    }


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_of_a_metric_that_is_emitted(name: str, observed: Observed) -> None:
    found = metrics_of(ALARMS[name])
    assert found
    assert [wrong for metric in found if (wrong := unknown(metric, observed))] == []


def test_a_widget_is_of_a_metric_that_is_emitted(observed: Observed) -> None:
    found = metrics_of_widgets()
    assert len(found) > 20
    refusals = [dimensions["cause"] for _, name, dimensions in found if name == "Rejects"]
    assert sorted(refusals) == sorted(Cause)
    one = next(iter(dims for _, name, dims in observed.metrics if name == "Rejects"))
    others = [m for m in found if m[1] != "Rejects" or frozenset(m[2].items()) == one]
    assert [wrong for metric in others if (wrong := unknown(metric, observed))] == []


def test_the_dashboard_shows_every_alarm() -> None:
    [shown] = [w["properties"]["alarms"] for w in widgets() if w["type"] == "alarm"]
    assert sorted(shown) == sorted(f"{name}.Arn" for name in ALARMS)


def test_a_metric_that_nobody_emits_would_be_seen(observed: Observed) -> None:
    assert unknown((STACK_NAME, "Requests", {"service": "nobody"}), observed)
    assert unknown((STACK_NAME, "Wishes", {"service": "report"}), observed)
    assert unknown(("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": "Other"}), observed)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_of_fields_and_messages_that_are_logged(name: str, observed: Observed) -> None:
    query = QUERIES[name]["QueryString"]
    quoted = re.findall(r'"([^"]*)"', query)
    aliases = set(re.findall(r"\bas (\w+)", query))
    bare = re.sub(r'"[^"]*"|@\w+|\b\d+\b', " ", query)
    fields = set(re.findall(r"[A-Za-z_]\w*", bare)) - WORDS - aliases
    assert fields
    assert fields <= observed.fields | aliases
    said = observed.messages | {str(value) for e in observed.entries for value in e.values()}
    assert [text for text in quoted if text not in said and "0000" not in text] == []


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_has_its_section_in_the_runbook(name: str) -> None:
    text = OPERATIONS.read_text()
    assert f"docs/operations.md#{name.lower()}" in ALARMS[name]["AlarmDescription"]
    assert re.search(rf"^### {name}$", text, re.M), f"docs/operations.md says nothing of {name}"
    assert ALARMS[name]["AlarmActions"] == ["Alarms"]


def test_the_runbook_has_no_section_of_an_alarm_that_is_gone() -> None:
    sections = re.search(r"^## Alarms$(.*?)^## ", OPERATIONS.read_text(), re.M | re.S)
    assert sections
    assert sorted(re.findall(r"^### (\w+)$", sections[1], re.M)) == sorted(ALARMS)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_named_in_the_runbook(name: str) -> None:
    title = QUERIES[name]["Name"].partition("/")[2]
    assert f"*{title}*" in OPERATIONS.read_text()


def test_every_metric_of_ours_is_in_the_runbook(observed: Observed) -> None:
    text = OPERATIONS.read_text()
    names = {name for _, name, _ in observed.metrics}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_one_id_joins_what_the_api_and_the_inspector_say(observed: Observed) -> None:
    of_requests = [e for e in observed.entries if "route" in e]
    assert all(entry["request_id"] for entry in of_requests)
    assert any(entry.get("attachment_id") for entry in of_requests)
    [refused] = [entry for entry in observed.entries if "cause" in entry]
    inspected = [e for e in observed.entries if e.get("message") == "inspected"]
    assert refused["attachment_id"] in [entry["attachment_id"] for entry in inspected]
