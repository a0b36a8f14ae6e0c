"""Creates in a moto server what the transformed template declares, and reads off what to run.

moto's own CloudFormation leaves out bucket CORS, notifications, versioning, lifecycle and TTL, so
the calls are made here, one function for each type. A type that has no function and no reason in
`NEEDS_NOTHING` is an error: nothing of the template is dropped in silence.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

from local.gate import CorsRule
from local.http_api import Cors, Route
from local.template import ACCOUNT, REGION, STACK_NAME, Resolver, TemplateError

NEEDS_NOTHING = {
    "AWS::IAM::Role": "everything local runs with the same credentials",
    "AWS::Lambda::Permission": "callers are local processes",
    "AWS::Lambda::LayerVersion": "the code is on the path, ffmpeg is found on this machine",
    "AWS::Logs::LogGroup": "logs go to the terminal",
    "AWS::S3::BucketPolicy": "it only refuses plain HTTP, which loopback is",
    "AWS::SQS::QueuePolicy": "moto's bucket may send to its queue",
}
Properties = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """A function of the template, its environment resolved."""

    name: str
    handler: str
    timeout_s: float
    memory_mb: int
    environment: dict[str, str]


@dataclass(frozen=True)
class QueueMapping:
    """A queue that feeds a function."""

    function: str
    queue_url: str
    queue_arn: str
    batch_size: int
    max_concurrency: int
    report_failures: bool


@dataclass
class Stack:
    """What the template amounts to; `names` has the physical name of each resource."""

    functions: list[Function] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    cors: Cors | None = None
    throttle: tuple[float, int] | None = None
    mappings: list[QueueMapping] = field(default_factory=list)
    schedules: list[tuple[str, str]] = field(default_factory=list)
    bucket_cors: dict[str, list[CorsRule]] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)


def provision(
    template: Mapping[str, Any], parameters: Mapping[str, Any], *, endpoint: str
) -> Stack:
    """Create everything in the moto server at `endpoint`. Raises TemplateError."""
    physical: dict[tuple[str, str], Any] = {}
    resolver = Resolver(template, parameters, physical)
    resources = {
        name: resource
        for name, resource in template["Resources"].items()
        if resolver.holds(resource.get("Condition"))
    }
    for name, resource in resources.items():
        _name(name, resource["Type"], physical, endpoint)
    for name, resource in resources.items():
        if resource["Type"] == "AWS::S3::Bucket":
            bucket = resolver.resolve(resource["Properties"]["BucketName"])
            physical[name, "Ref"], physical[name, "Arn"] = bucket, f"arn:aws:s3:::{bucket}"
    stack = Stack(names={name: physical[name, "Ref"] for name in resources})
    clients = _Clients(endpoint)
    for name, resource in sorted(resources.items(), key=_order):
        kind = resource["Type"]
        if kind in NEEDS_NOTHING:
            continue
        if kind not in CREATORS:
            raise TemplateError(
                f"{name}: the local stack does not know {kind}. Teach local/provision.py to "
                "create it, or why it needs nothing."
            )
        properties = resolver.resolve(resource.get("Properties", {}))
        CREATORS[kind](stack, clients, physical[name, "Ref"], properties)
    return stack


def _order(pair: tuple[str, Any]) -> tuple[int, bool]:
    """By the order of `CREATORS`; a queue after the one that takes its dead letters."""
    kinds = list(CREATORS)
    kind = pair[1]["Type"]
    return kinds.index(kind) if kind in kinds else -1, "RedrivePolicy" in pair[1]["Properties"]


class _Clients:
    def __init__(self, endpoint: str) -> None:
        session = boto3.Session(
            region_name=REGION,
            aws_access_key_id="provision",
            aws_secret_access_key="provision",  # noqa: S106
        )
        self.dynamodb = session.client("dynamodb", endpoint_url=endpoint)
        self.s3 = session.client("s3", endpoint_url=endpoint)
        self.sqs = session.client("sqs", endpoint_url=endpoint)
        self.secrets = session.client("secretsmanager", endpoint_url=endpoint)


def _name(name: str, kind: str, physical: dict[tuple[str, str], Any], endpoint: str) -> None:
    """Names and ARNs, fixed before anything is created: resources refer to each other."""
    service = {
        "AWS::DynamoDB::Table": f"dynamodb:{REGION}:{ACCOUNT}:table/",
        "AWS::SQS::Queue": f"sqs:{REGION}:{ACCOUNT}:",
        "AWS::Lambda::Function": f"lambda:{REGION}:{ACCOUNT}:function:",
    }.get(kind, f"local:{REGION}:{ACCOUNT}:")
    local_name = name if kind == "AWS::Lambda::Function" else f"{STACK_NAME}-{name}"
    physical[name, "Ref"] = local_name
    physical[name, "Arn"] = f"arn:aws:{service}{local_name}"
    if kind == "AWS::SQS::Queue":
        physical[name, "Ref"] = f"{endpoint}/{ACCOUNT}/{local_name}"


def _table(_: Stack, clients: _Clients, name: str, properties: Properties) -> None:
    copied = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    arguments = {key: properties[key] for key in copied if key in properties}
    clients.dynamodb.create_table(TableName=name, **arguments)
    if "TimeToLiveSpecification" in properties:
        clients.dynamodb.update_time_to_live(
            TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
        )
    if "PointInTimeRecoverySpecification" in properties:
        clients.dynamodb.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
        )


def _queue(_: Stack, clients: _Clients, url: str, properties: Properties) -> None:
    attributes: Any = {
        name: json.dumps(value) if name == "RedrivePolicy" else str(value).lower()
        for name, value in properties.items()
    }
    clients.sqs.create_queue(QueueName=url.rpartition("/")[2], Attributes=attributes)


def _bucket(stack: Stack, clients: _Clients, bucket: str, properties: Properties) -> None:
    s3 = clients.s3
    s3.create_bucket(Bucket=bucket)
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
    )
    s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration=properties["VersioningConfiguration"]
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        },
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": entry["Queue"],
                    "Events": [entry["Event"]],
                    "Filter": {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}},
                }
                for entry in properties["NotificationConfiguration"]["QueueConfigurations"]
            ]
        },
    )
    rules = properties["CorsConfiguration"]["CorsRules"]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [_cors(r) for r in rules]})
    stack.bucket_cors[bucket] = [
        CorsRule(
            allowed_origins=tuple(rule["AllowedOrigins"]),
            allowed_methods=tuple(rule["AllowedMethods"]),
            allowed_headers=tuple(rule["AllowedHeaders"]),
            expose_headers=tuple(rule["ExposedHeaders"]),
            max_age_s=int(rule["MaxAge"]),
        )
        for rule in rules
    ]


def _rule(rule: Properties) -> Any:
    """A lifecycle rule in the words of the S3 API, which are not CloudFormation's."""
    words = dict(rule)
    words["ID"] = words.pop("Id")
    words["Filter"] = {"Prefix": ""}
    if words.pop("ExpiredObjectDeleteMarker", False):
        words["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    return words


def _cors(rule: Properties) -> Any:
    renamed = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    return {renamed.get(name, name): value for name, value in rule.items()}


def _secret(_: Stack, clients: _Clients, name: str, properties: Properties) -> None:
    length = properties["GenerateSecretString"]["PasswordLength"]
    clients.secrets.create_secret(Name=name, SecretString=secrets.token_hex(length)[:length])


def _function(stack: Stack, _: _Clients, name: str, properties: Properties) -> None:
    stack.functions.append(
        Function(
            name=name,
            handler=properties["Handler"],
            timeout_s=float(properties["Timeout"]),
            memory_mb=int(properties["MemorySize"]),
            environment={
                key: str(value) for key, value in properties["Environment"]["Variables"].items()
            },
        )
    )


def _api(stack: Stack, _: _Clients, __: str, properties: Properties) -> None:
    body = properties["Body"]
    for path, methods in body["paths"].items():
        for method, route in methods.items():
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            uri = route["x-amazon-apigateway-integration"]["uri"]
            function = re.search(r"function:([^/:]+)", uri)
            if function is None:
                raise TemplateError(f"{method} {path} leads to no function.")
            stack.routes.append(
                Route(verb, path.removeprefix("/") if path == "/$default" else path, function[1])
            )
    cors = body.get("x-amazon-apigateway-cors")
    if cors:
        stack.cors = Cors(
            allow_origins=tuple(cors["allowOrigins"]),
            allow_methods=tuple(cors["allowMethods"]),
            allow_headers=tuple(cors["allowHeaders"]),
            expose_headers=tuple(cors["exposeHeaders"]),
            max_age_s=int(cors["maxAge"]),
        )


def _stage(stack: Stack, _: _Clients, __: str, properties: Properties) -> None:
    settings = properties["DefaultRouteSettings"]
    stack.throttle = (
        float(settings["ThrottlingRateLimit"]),
        int(settings["ThrottlingBurstLimit"]),
    )


def _mapping(stack: Stack, clients: _Clients, _: str, properties: Properties) -> None:
    queue = properties["EventSourceArn"].rpartition(":")[2]
    stack.mappings.append(
        QueueMapping(
            function=properties["FunctionName"],
            queue_url=clients.sqs.get_queue_url(QueueName=queue)["QueueUrl"],
            queue_arn=properties["EventSourceArn"],
            batch_size=int(properties["BatchSize"]),
            max_concurrency=int(properties["ScalingConfig"]["MaximumConcurrency"]),
            report_failures="ReportBatchItemFailures"
            in properties.get("FunctionResponseTypes", []),
        )
    )


def _schedule(stack: Stack, _: _Clients, __: str, properties: Properties) -> None:
    for target in properties["Targets"]:
        function = target["Arn"].rpartition(":")[2]
        stack.schedules.append((function, properties["ScheduleExpression"]))


# In the order of creation: what others need comes first.
CREATORS: dict[str, Callable[[Stack, _Clients, str, Properties], None]] = {
    "AWS::SecretsManager::Secret": _secret,
    "AWS::DynamoDB::Table": _table,
    "AWS::SQS::Queue": _queue,
    "AWS::S3::Bucket": _bucket,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Events::Rule": _schedule,
    "AWS::ApiGatewayV2::Api": _api,
    "AWS::ApiGatewayV2::Stage": _stage,
}
