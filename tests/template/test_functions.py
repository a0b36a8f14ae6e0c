"""Functions and their API: bounded in time, rate and rights, and silent about secrets."""

import json
import re

import pytest

from attachments.routes import ROUTES
from tests.template.deployed import as_list, of_type, properties, role_statements

FUNCTIONS = sorted(of_type("AWS::Lambda::Function"))
OF_THE_API = {"".join(word.capitalize() for word in route.function.split("_")) for route in ROUTES}
BOUNDARY = "arn:aws:iam::123456789012:policy/developers/boundary"
# API Gateway's page "Customize HTTP API access logs": none of these tells a header or a query.
LOGGED = {
    "requestId", "requestTime", "identity.sourceIp", "httpMethod", "path", "routeKey", "status",
    "responseLength", "responseLatency", "integrationErrorMessage",
}  # fmt: skip
# What holds the users' data; everything a function may do to one is named below it.
DATA = ("s3:", "dynamodb:", "sqs:", "secretsmanager:", "kms:")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_ends_before_whoever_calls_it_gives_up(function: str) -> None:
    """30 s for API Gateway (page "Quotas for HTTP APIs"), five minutes for the next sweep."""
    timeout = properties(function)["Timeout"]
    assert 0 < timeout < (30 if function in OF_THE_API else 300)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_told_where_the_secret_is_and_never_what_it_is(function: str) -> None:
    variables = properties(function)["Environment"]["Variables"]
    assert variables["TOKEN_SECRET_ARN"] == "TokenSecret"
    secrets = {name for name in variables if re.search("SECRET|PASSWORD|TOKEN_KEY", name)}
    webhook = {"WEBHOOK_SECRET_ARN"} if function == "DeliverWebhooks" else set()
    assert secrets == {"TOKEN_SECRET_ARN"} | webhook
    assert "resolve:secretsmanager" not in json.dumps(variables)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_may_be_bounded(function: str) -> None:
    assert "PermissionsBoundary" not in properties(f"{function}Role")
    bounded = properties(f"{function}Role", PermissionsBoundaryArn=BOUNDARY)
    assert bounded["PermissionsBoundary"] == BOUNDARY


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_names_every_action_and_whose_data_it_may_touch(function: str) -> None:
    for statement in role_statements(function):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action], statement
        data = [action for action in statement["Action"] if action.startswith(DATA)]
        if data:
            assert "*" not in statement["Resource"], statement
            assert all(re.match(r"[A-Z]\w+", target) for target in statement["Resource"])


@pytest.mark.parametrize("function", ["InspectUpload", "IssueUpload", "Sweep"])
def test_who_asks_whether_an_object_is_there_can_tell_absent_from_forbidden(function: str) -> None:
    """S3 answers 403 for an absent key without it (S3 API, "HeadObject", "GetObject")."""
    actions = {action for each in role_statements(function) for action in each["Action"]}
    assert "s3:ListBucket" in actions


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_has_no_managed_policy_but_those_for_logs_queue_and_stream(function: str) -> None:
    managed = {arn.rpartition("/")[2] for arn in properties(f"{function}Role")["ManagedPolicyArns"]}
    expected = {"AWSLambdaBasicExecutionRole"}
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        if as_list(mapping["FunctionName"])[0].startswith(function):
            stream = mapping["EventSourceArn"].endswith(".StreamArn")
            source = (
                "AWSLambdaDynamoDBExecutionRole" if stream else "AWSLambdaSQSQueueExecutionRole"
            )
            expected.add(source)
    assert managed == expected


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_a_function_of_the_api_reads_the_token_secret(function: str) -> None:
    reads = any(
        "secretsmanager:GetSecretValue" in statement["Action"]
        for statement in role_statements(function)
    )
    assert reads is (function in OF_THE_API)
    with_keys = role_statements(function, JwksUrl="https://keys.example/jwks")
    assert not [
        statement
        for statement in with_keys
        if any(action.startswith("secretsmanager:") for action in statement["Action"])
    ]


def test_the_api_refuses_more_than_its_rate() -> None:
    [stage] = of_type("AWS::ApiGatewayV2::Stage").values()
    settings = stage["DefaultRouteSettings"]
    assert 1 <= float(settings["ThrottlingRateLimit"]) <= 10000
    assert 1 <= float(settings["ThrottlingBurstLimit"]) <= 5000


def test_the_access_log_holds_no_header_and_no_query() -> None:
    [stage] = of_type("AWS::ApiGatewayV2::Stage").values()
    log = stage["AccessLogSettings"]
    assert log["DestinationArn"] == "AccessLogs.Arn"
    variables = set(re.findall(r"\$context\.([\w.]+\w)", log["Format"]))
    assert variables
    assert variables <= LOGGED
    json.loads(log["Format"])


def test_logs_are_kept_as_long_as_the_parameter_says() -> None:
    for group in of_type("AWS::Logs::LogGroup", LogDays="7").values():
        assert int(group["RetentionInDays"]) == 7
    groups = {properties(function)["LoggingConfig"]["LogGroup"] for function in FUNCTIONS}
    assert groups <= set(of_type("AWS::Logs::LogGroup"))
