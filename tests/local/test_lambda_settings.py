"""How functions and mappings are set, asked and changed by boto3's own Lambda client."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.queue_poller import QueueMapping
from local.runtime import Runtime
from local.worker import Function
from tests.local.probe_functions.background import Background

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PROBES = Path(__file__).parent / "probe_functions"
PROBE = Function(
    name="probe",
    handler="probe.handler",
    timeout_s=20,
    memory_mb=256,
    environment={"COLOUR": "green"},
)
MAPPING = QueueMapping(
    function="probe", queue_url="", queue_arn="arn:queue", batch_size=1, max_concurrency=2
)


@pytest.fixture
def runtime() -> Runtime:
    runtime = Runtime([PROBE], root=PROBES, log=lambda _, __: None)
    poller: Any = SimpleNamespace(mapping=MAPPING, enabled=True)
    runtime.pollers.append(poller)
    return runtime


@pytest.fixture
def functions(runtime: Runtime) -> "Iterator[LambdaClient]":
    with Background() as background, background.entered(runtime.serving()) as endpoint:
        client = boto3.client(
            "lambda",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        with closing(client):
            yield client


def colour(functions: "LambdaClient") -> str:
    answer = functions.invoke(FunctionName="probe", Payload=json.dumps({"do": "identify"}))
    found: str = json.loads(answer["Payload"].read())["environment"]["COLOUR"]
    return found


def test_a_changed_environment_is_there_at_the_next_request(functions: "LambdaClient") -> None:
    assert colour(functions) == "green"
    before = functions.get_function_configuration(FunctionName="probe", Qualifier="live")
    variables = before["Environment"]["Variables"] | {"COLOUR": "red"}
    functions.update_function_configuration(
        FunctionName="probe", Environment={"Variables": variables}
    )
    assert colour(functions) == "red"


def test_a_mapping_is_found_by_its_queue_and_can_be_stopped(
    functions: "LambdaClient", runtime: Runtime
) -> None:
    [found] = functions.list_event_source_mappings(EventSourceArn="arn:queue")[
        "EventSourceMappings"
    ]
    assert (found["State"], found["BatchSize"]) == ("Enabled", 1)
    assert found["FunctionArn"].endswith(":function:probe")
    functions.update_event_source_mapping(UUID=found["UUID"], Enabled=False)
    assert not runtime.pollers[0].enabled
    [found] = functions.list_event_source_mappings()["EventSourceMappings"]
    assert found["State"] == "Disabled"
    assert not functions.list_event_source_mappings(EventSourceArn="x")["EventSourceMappings"]


@pytest.mark.parametrize(
    ("operation", "asked", "code"),
    [
        ("get_function_configuration", {"FunctionName": "other"}, "ResourceNotFoundException"),
        (
            "update_function_configuration",
            {"FunctionName": "other", "Timeout": 3},
            "ResourceNotFoundException",
        ),
        (
            "update_function_configuration",
            {"FunctionName": "probe", "Timeout": 3},
            "InvalidParameterValueException",
        ),
        (
            "update_event_source_mapping",
            {"UUID": "0" * 36, "Enabled": True},
            "ResourceNotFoundException",
        ),
        (
            "update_event_source_mapping",
            {"UUID": "00000000-0000-4000-8000-000000000000", "BatchSize": 3},
            "InvalidParameterValueException",
        ),
    ],
)
def test_what_is_not_there_or_cannot_be_changed_is_refused(
    functions: "LambdaClient", operation: str, asked: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(functions, operation)(**asked)
    assert refused.value.response["Error"]["Code"] == code
