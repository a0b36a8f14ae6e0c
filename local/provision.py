"""Creates in a moto server what the transformed template declares, and reads off what to run.

moto's own CloudFormation leaves out bucket notifications, versioning and TTL, and skips HTTP APIs,
so the calls are made here, one method for each type. A type that has no method and no reason in
`NEEDS_NOTHING` is an error. moto keeps CORS, lifecycle and backups, and does not act on them: CORS
is the gate's. Left out is encryption.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.cors import CorsRule
from local.http_api import Route, Throttle
from local.queue_poller import QueueMapping
from local.scheduler import period_s
from local.stream_poller import StreamMapping
from local.template import (
    ACCOUNT,
    REGION,
    SESSION,
    STACK_NAME,
    Resolver,
    TemplateError,
    parameter_values,
)
from local.worker import Function

NEEDS_NOTHING = {
    "AWS::CloudWatch::Alarm": "nobody is on call for this machine",
    "AWS::CloudWatch::Dashboard": "nobody draws the figures that the functions print",
    "AWS::IAM::Role": "everything local runs with the same credentials",
    "AWS::Lambda::Alias": "its name is the function's: there is only the code as it is now",
    "AWS::Lambda::Permission": "callers are local processes",
    "AWS::Lambda::LayerVersion": "the code is on the path, ffmpeg is found on this machine",
    "AWS::Lambda::Version": "there is only the code as it is now",
    "AWS::Logs::LogGroup": "logs go to the terminal",
    "AWS::Logs::MetricFilter": "logs go to the terminal",
    "AWS::Logs::QueryDefinition": "logs go to the terminal",
    "AWS::S3::BucketPolicy": "it only refuses plain HTTP, which loopback is",
    "AWS::SNS::Subscription": "nobody is on call for this machine",
    "AWS::SNS::Topic": "nobody is on call for this machine",
    "AWS::SNS::TopicPolicy": "nobody is on call for this machine",
    "AWS::SQS::QueuePolicy": "moto's bucket may send to its queue",
}
ARNS = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/",
    "AWS::Events::EventBus": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:",
    "AWS::S3::Bucket": "arn:aws:s3:::",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:",
}
Properties = dict[str, Any]


@dataclass
class Stack:
    """What the template amounts to; `names` has what `Ref` gives of each resource."""

    names: dict[str, str] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    cors: CorsRule = field(init=False)
    throttle: Throttle = field(init=False)
    mappings: list[QueueMapping] = field(default_factory=list)
    streams: list[StreamMapping] = field(default_factory=list)
    schedules: list[tuple[str, int]] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)

    def resources(self) -> dict[str, str]:
        """Physical ids by logical ones, of what is really there."""
        return {name: self.names[name] for name in self.created}


def provision(
    template: Mapping[str, Any], parameters: Mapping[str, str], *, endpoint: str
) -> Stack:
    """Create everything in the moto server at `endpoint`. Raises TemplateError."""
    resolver = Resolver(template, parameters)
    resources = {
        name: resource
        for name, resource in template["Resources"].items()
        if resolver.holds(resource.get("Condition"))
    }
    stack = Stack()
    for parameter, value in parameter_values(template, parameters).items():
        stack.parameters[parameter] = ",".join(value) if isinstance(value, list) else value
    for name, resource in resources.items():  # before all creation: they refer to each other
        kind = resource["Type"]
        physical = name if kind == "AWS::Lambda::Function" else f"{STACK_NAME}-{name}"
        if kind == "AWS::S3::Bucket":
            physical = resolver.resolve(resource["Properties"]["BucketName"])
        if kind == "AWS::Events::EventBus":
            physical = resolver.resolve(resource["Properties"]["Name"])
        if kind == "AWS::Lambda::Alias":
            physical = resource["Properties"]["FunctionName"]["Ref"]
        stack.names[name] = (
            f"{endpoint}/{ACCOUNT}/{physical}" if kind == "AWS::SQS::Queue" else physical
        )
        resolver.known[name, "Ref"] = stack.names[name]
        resolver.known[name, "Arn"] = ARNS.get(kind, "arn:aws:local:::") + physical
        if kind == "AWS::DynamoDB::Table":  # moto takes any label for the newest stream
            resolver.known[name, "StreamArn"] = f"{resolver.known[name, 'Arn']}/stream/newest"
        if kind not in CREATORS and kind not in NEEDS_NOTHING:
            raise TemplateError(
                f"{name}: the local stack does not know {kind}. Teach local/provision.py to "
                "create it, or why it needs nothing."
            )
    provisioner = _Provisioner(stack, endpoint)
    for kind, create in CREATORS.items():
        such = {n: r.get("Properties", {}) for n, r in resources.items() if r["Type"] == kind}
        # A queue comes after the one that takes its dead letters.
        for name, properties in sorted(such.items(), key=lambda pair: "RedrivePolicy" in pair[1]):
            try:
                create(provisioner, stack.names[name], resolver.resolve(properties))
                stack.created.append(name)
            except (KeyError, ValueError) as error:
                problem = f"{name} ({kind}) says something that the local stack cannot read"
                raise TemplateError(f"{problem}: {error!r}.") from error
    return stack


class _Provisioner:
    def __init__(self, stack: Stack, endpoint: str) -> None:
        self.stack = stack
        self.dynamodb = SESSION.client("dynamodb", endpoint_url=endpoint)
        self.s3 = SESSION.client("s3", endpoint_url=endpoint)
        self.sqs = SESSION.client("sqs", endpoint_url=endpoint)
        self.secrets = SESSION.client("secretsmanager", endpoint_url=endpoint)
        self.events = SESSION.client("events", endpoint_url=endpoint)

    def secret(self, name: str, properties: Properties) -> None:
        length = properties["GenerateSecretString"]["PasswordLength"]
        self.secrets.create_secret(Name=name, SecretString=secrets.token_hex(length)[:length])

    def table(self, name: str, properties: Properties) -> None:
        copied = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        arguments = {key: properties[key] for key in copied if key in properties}
        if "StreamSpecification" in properties:
            stream = {"StreamEnabled": True, **properties["StreamSpecification"]}
            arguments["StreamSpecification"] = stream
        self.dynamodb.create_table(TableName=name, **arguments)
        if "TimeToLiveSpecification" in properties:
            expiry = properties["TimeToLiveSpecification"]
            self.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
        if "PointInTimeRecoverySpecification" in properties:
            recovery = properties["PointInTimeRecoverySpecification"]
            self.dynamodb.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification=recovery
            )

    def queue(self, url: str, properties: Properties) -> None:
        attributes: Any = {
            name: json.dumps(value) if name == "RedrivePolicy" else str(value).lower()
            for name, value in properties.items()
        }
        self.sqs.create_queue(QueueName=url.rpartition("/")[2], Attributes=attributes)

    def bucket(self, bucket: str, properties: Properties) -> None:
        self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration=properties["VersioningConfiguration"]
        )
        self.s3.put_public_access_block(
            Bucket=bucket,
            PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
        )
        queues: Any = [
            {
                "QueueArn": entry["Queue"],
                "Events": [entry["Event"]],
                "Filter": {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}},
            }
            for entry in properties["NotificationConfiguration"]["QueueConfigurations"]
        ]
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": queues}
        )
        self._rules(bucket, properties)

    def _rules(self, bucket: str, properties: Properties) -> None:
        """CORS and lifecycle, whose names in CloudFormation are not quite S3's."""
        cors: Any = [
            {
                "AllowedOrigins": rule["AllowedOrigins"],
                "AllowedMethods": rule["AllowedMethods"],
                "AllowedHeaders": rule["AllowedHeaders"],
                "ExposeHeaders": rule["ExposedHeaders"],
                "MaxAgeSeconds": int(rule["MaxAge"]),
            }
            for rule in properties["CorsConfiguration"]["CorsRules"]
        ]
        self.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": cors})
        lifecycle: Any = []
        for declared in properties["LifecycleConfiguration"]["Rules"]:
            rule = {"ID": declared["Id"], "Status": declared["Status"], "Filter": {"Prefix": ""}}
            for name in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
                if name in declared:
                    rule[name] = {key: int(days) for key, days in declared[name].items()}
            if declared.get("ExpiredObjectDeleteMarker"):
                rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
            lifecycle.append(rule)
        self.s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": lifecycle}
        )

    def function(self, name: str, properties: Properties) -> None:
        variables = properties["Environment"]["Variables"]
        self.stack.functions.append(
            Function(
                name=name,
                handler=properties["Handler"],
                timeout_s=float(properties["Timeout"]),
                memory_mb=int(properties["MemorySize"]),
                environment={key: str(value) for key, value in variables.items()},
            )
        )

    def mapping(self, _: str, properties: Properties) -> None:
        arn = properties["EventSourceArn"]
        if ":dynamodb:" in arn:
            self._stream(arn, properties)
            return
        self.stack.mappings.append(
            QueueMapping(
                function=properties["FunctionName"],
                queue_url=self._queue_url(arn),
                queue_arn=arn,
                batch_size=int(properties["BatchSize"]),
                max_concurrency=int(properties["ScalingConfig"]["MaximumConcurrency"]),
                reports_failures="FunctionResponseTypes" in properties,
                enabled=properties.get("Enabled", True),
            )
        )

    def _stream(self, arn: str, properties: Properties) -> None:
        on_failure = properties["DestinationConfig"]["OnFailure"]["Destination"]
        expected = {
            "StartingPosition": "TRIM_HORIZON",
            "BisectBatchOnFunctionError": True,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        for name, value in expected.items():
            if properties[name] != value:
                raise TemplateError(f"The local stack reads a stream only with {name} {value}.")
        self.stack.streams.append(
            StreamMapping(
                function=properties["FunctionName"],
                stream_arn=arn,
                batch_size=int(properties["BatchSize"]),
                max_retries=int(properties["MaximumRetryAttempts"]),
                dead_letters=self._queue_url(on_failure),
            )
        )

    def _queue_url(self, arn: str) -> str:
        return self.sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]

    def bus(self, name: str, _: Properties) -> None:
        self.events.create_event_bus(Name=name)

    def rule(self, name: str, properties: Properties) -> None:
        if "ScheduleExpression" in properties:
            self._schedule(properties)
            return
        bus, pattern = properties["EventBusName"], json.dumps(properties["EventPattern"])
        self.events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
        targets: Any = [{key: t[key] for key in ("Id", "Arn")} for t in properties["Targets"]]
        self.events.put_targets(Rule=name, EventBusName=bus, Targets=targets)

    def _schedule(self, properties: Properties) -> None:
        for target in properties["Targets"]:
            function = target["Arn"].rpartition(":")[2]
            self.stack.schedules.append((function, period_s(properties["ScheduleExpression"])))

    def api(self, _: str, properties: Properties) -> None:
        body = properties["Body"]
        for path, methods in body["paths"].items():
            for method, route in methods.items():
                verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
                uri = route["x-amazon-apigateway-integration"]["uri"]
                function = re.search(r"functions/(?:[^/]*:)?([^/:]+)/", uri)
                if function is None or re.search(r"\{\w+\}", path):
                    raise TemplateError(f"The local stack cannot route {method} {path}.")
                path_key = "$default" if path == "/$default" else path
                self.stack.routes.append(Route(verb, path_key, function[1]))
        cors = body["x-amazon-apigateway-cors"]
        self.stack.cors = CorsRule(
            origins=tuple(cors["allowOrigins"]),
            methods=tuple(cors["allowMethods"]),
            headers=tuple(cors["allowHeaders"]),
            exposed=tuple(cors["exposeHeaders"]),
            max_age_s=int(cors["maxAge"]),
        )

    def stage(self, _: str, properties: Properties) -> None:
        settings = properties["DefaultRouteSettings"]
        rate, burst = settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]
        self.stack.throttle = Throttle(float(rate), int(burst))


# In the order of creation: what others need comes first.
CREATORS: dict[str, Callable[[_Provisioner, str, Properties], None]] = {
    "AWS::SecretsManager::Secret": _Provisioner.secret,
    "AWS::DynamoDB::Table": _Provisioner.table,
    "AWS::SQS::Queue": _Provisioner.queue,
    "AWS::S3::Bucket": _Provisioner.bucket,
    "AWS::Lambda::Function": _Provisioner.function,
    "AWS::Lambda::EventSourceMapping": _Provisioner.mapping,
    "AWS::Events::EventBus": _Provisioner.bus,
    "AWS::Events::Rule": _Provisioner.rule,
    "AWS::ApiGatewayV2::Api": _Provisioner.api,
    "AWS::ApiGatewayV2::Stage": _Provisioner.stage,
}
