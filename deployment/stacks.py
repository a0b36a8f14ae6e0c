"""Which stack is meant, and what it is made of.

A local stack is named by its description, a path that ends in `.json`; a deployed one by its own
name, which `samconfig.toml` has for each stage.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[1]
LOCAL = ".local/stack.json"


class UnknownStackError(Exception):
    """There is no such stack or stage, or it has no such part; the message says which."""


@dataclass(frozen=True)
class Stack:
    """A stack that is there. `resources` has physical ids by logical ones, `endpoints` the
    addresses of a local stack's services, that of all others under ""."""

    name: str
    session: boto3.Session
    outputs: Mapping[str, str]
    resources: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)

    @property
    def local(self) -> bool:
        return bool(self.endpoints)

    def client(self, service: str, config: Config | None = None) -> Any:
        """boto3's client of a service of this stack."""
        endpoint = self.endpoints.get(service) or self.endpoints.get("")
        created: Any = self.session.client
        return created(service, endpoint_url=endpoint, config=config)

    def dynamodb(self) -> Any:
        """A client that takes and gives Python values (the one inside of a boto3 resource)."""
        resource: Any = self.session.resource
        return resource("dynamodb", endpoint_url=self.endpoints.get("")).meta.client

    def resource(self, name: str) -> str:
        """The physical id of a resource of the template. Raises UnknownStackError."""
        try:
            return self.resources[name]
        except KeyError as error:
            raise UnknownStackError(f"{self.name} has no resource {name}.") from error

    def configuration(self, function: str) -> Any:
        """What Lambda knows of a function: `Environment`, `Layers` and so on."""
        asked = {"FunctionName": self.resource(function)}
        if not self.local:
            asked["Qualifier"] = "live"  # what the API calls
        return self.client("lambda").get_function_configuration(**asked)

    def variables(self, function: str) -> dict[str, str]:
        """The environment of a function."""
        return dict(self.configuration(function)["Environment"]["Variables"])

    def output(self, name: str) -> str:
        """An output of the template. Raises UnknownStackError."""
        try:
            return self.outputs[name]
        except KeyError as error:
            raise UnknownStackError(f"{self.name} has no output {name}.") from error


def of(which: str) -> Stack:
    """A local stack by its description, a deployed one by its name. Raises UnknownStackError."""
    return _local(Path(which)) if which.endswith(".json") else _deployed(which)


def stages() -> dict[str, str]:
    """The names of the stacks by stage, as samconfig.toml has them."""
    configuration = tomllib.loads((ROOT / "samconfig.toml").read_text())
    return {
        stage: settings["deploy"]["parameters"]["stack_name"]
        for stage, settings in configuration.items()
        if isinstance(settings, dict) and "deploy" in settings
    }


def _local(path: Path) -> Stack:
    try:
        said = json.loads(path.read_text())
        aws = said["aws"]
        session = boto3.Session(
            region_name=aws["region"],
            aws_access_key_id=aws["access_key_id"],
            aws_secret_access_key=aws["secret_access_key"],
        )
        outputs = {
            "ApiUrl": said.get("api"),
            "Bucket": said.get("bucket"),
            "UploadsQueue": said["queues"]["uploads"],
            "DeadLetters": said["queues"]["dead_letters"],
            "AnnounceDeadLetters": said["queues"].get("announce_dead_letters"),
            "WebhooksQueue": said["queues"].get("webhooks"),
            "WebhooksDeadLetters": said["queues"].get("webhooks_dead_letters"),
            "EventBus": said.get("event_bus"),
        }
        endpoints = {"": aws["endpoint_url"], "s3": said.get("s3"), "lambda": said.get("lambda")}
        return Stack(
            name=str(path),
            session=session,
            outputs=_known(outputs),
            resources=_known(said.get("resources", {})),
            parameters=_known(said.get("parameters", {})),
            tokens=_known(said.get("tokens", {})),
            endpoints=_known(endpoints),
        )
    except OSError as error:
        raise UnknownStackError(f"No local stack is running: {path} cannot be read.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnknownStackError(f"{path} does not describe a stack: {error!r}.") from error


def _known(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _deployed(name: str) -> Stack:
    session = boto3.Session()
    cloudformation: Any = session.client("cloudformation")
    try:
        [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    except ClientError as error:
        said = error.response["Error"]["Message"]
        raise UnknownStackError(f"There is no stack {name} to be seen: {said}") from error
    return Stack(
        name=name,
        session=session,
        outputs={each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])},
        resources={
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in resources
            if each["ResourceStatus"] != "DELETE_COMPLETE" and "PhysicalResourceId" in each
        },
        parameters={
            each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", [])
        },
    )
