"""How a deployment reaches those who call: an alias moves, at once or gradually, and back."""

from typing import Any

import pytest

from attachments.routes import ROUTES
from tests.unit.test_template import folders, in_camel_case, resources, transformed, written

FUNCTIONS = [in_camel_case(folder) for folder in folders()]
OF_THE_API = {in_camel_case(route.function) for route in ROUTES}


def versions(**parameters: str) -> set[str]:
    return set(resources("AWS::Lambda::Version", **parameters))


def texts(value: Any) -> list[str]:
    """All strings in a part of the template."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [str(value)]


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_every_function_has_its_live_alias_in_every_stage(stage: str) -> None:
    aliases = resources("AWS::Lambda::Alias", Stage=stage).values()
    assert {alias["Properties"]["Name"] for alias in aliases} == {"live"}
    assert {alias["Properties"]["FunctionName"]["Ref"] for alias in aliases} == set(FUNCTIONS)


def test_queues_stream_and_schedule_call_the_alias_too() -> None:
    called = [
        mapping["Properties"]["FunctionName"]["Ref"]
        for mapping in resources("AWS::Lambda::EventSourceMapping").values()
    ]
    called += [
        target["Arn"]["Ref"]
        for rule in resources("AWS::Events::Rule").values()
        for target in rule["Properties"]["Targets"]
        if "ScheduleExpression" in rule["Properties"]
    ]
    assert sorted(called) == sorted(f"{name}Aliaslive" for name in set(FUNCTIONS) - OF_THE_API)


def test_another_release_publishes_a_version_of_every_function() -> None:
    assert len(versions(Release="00aa")) == len(FUNCTIONS)
    assert versions(Release="00aa") & versions(Release="00bb") == set()


def test_the_same_release_publishes_nothing() -> None:
    assert versions(Release="00aa") == versions(Release="00aa")


def test_lambda_sees_another_configuration_in_another_release() -> None:
    """It publishes no version of a function that has not changed (Lambda guide, "Versions")."""
    for function in resources("AWS::Lambda::Function", Release="00aa").values():
        assert function["Properties"]["Description"].endswith(" 00aa")


def test_dev_moves_at_once_and_needs_no_codedeploy() -> None:
    kinds = {resource["Type"] for resource in transformed(Stage="dev")["Resources"].values()}
    assert not [kind for kind in kinds if "CodeDeploy" in kind]


@pytest.mark.parametrize("stage", ["staging", "prod"])
def test_other_stages_move_gradually_and_back_on_an_alarm(stage: str) -> None:
    groups = resources("AWS::CodeDeploy::DeploymentGroup", Stage=stage)
    assert len(groups) == len(FUNCTIONS)
    for group in groups.values():
        properties = group["Properties"]
        assert "Canary10Percent5Minutes" in texts(properties["DeploymentConfigName"])
        assert properties["AlarmConfiguration"]["Enabled"]
        alarms = {alarm["Name"]["Ref"] for alarm in properties["AlarmConfiguration"]["Alarms"]}
        assert (
            alarms == {"FunctionsFail", "RequestsFail"} <= set(resources("AWS::CloudWatch::Alarm"))
        )
        assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]
    for alias in resources("AWS::Lambda::Alias", Stage=stage).values():
        assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]


def test_the_alarms_wait_for_nothing_that_waits_for_them() -> None:
    """An alias waits for its deployment group, that for the alarms, and the API for the alias."""
    for name in ("FunctionsFail", "RequestsFail"):
        named = texts(transformed()["Resources"][name]["Properties"])
        assert not [text for text in named if text == "Api" or "Alias" in text]


def test_an_alarm_counts_the_errors_of_every_function() -> None:
    metrics = transformed()["Resources"]["FunctionsFail"]["Properties"]["Metrics"]
    counted = {
        dimension["Value"]["Ref"]
        for metric in metrics
        for dimension in metric.get("MetricStat", {}).get("Metric", {}).get("Dimensions", [])
    }
    assert counted == set(FUNCTIONS)


def test_the_functions_of_the_api_may_start_from_a_snapshot_and_the_others_never_do() -> None:
    functions = resources("AWS::Lambda::Function")
    assert written()["Parameters"]["SnapStart"]["Default"] == "None"
    for name in FUNCTIONS:
        chosen = functions[name]["Properties"].get("SnapStart")
        assert chosen == ({"ApplyOn": {"Ref": "SnapStart"}} if name in OF_THE_API else None)
