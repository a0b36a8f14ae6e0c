"""The transformed template: what is deployed says what the design promises."""

import importlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from attachments.routes import ROUTES
from attachments.settings import Settings
from local.template import load, transform

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "BUCKET": "files",
    "ATTACHMENTS_TABLE": "attachments",
    "CHAT_TABLE": "chat",
    "ACTIVITY_TABLE": "activity",
    "GUARDS_TABLE": "guards",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@cache
def written() -> dict[str, Any]:
    return load(ROOT / "template.yaml")


@cache
def transformed(**parameters: str) -> dict[str, Any]:
    return transform(load(ROOT / "template.yaml"), parameters)


def resources(kind: str, **parameters: str) -> dict[str, Any]:
    return {
        name: resource
        for name, resource in transformed(**parameters)["Resources"].items()
        if resource["Type"] == kind
    }


def folders() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def in_camel_case(folder: str) -> str:
    return "".join(word.capitalize() for word in folder.split("_"))


def statements(function: str) -> list[dict[str, Any]]:
    role = transformed()["Resources"][f"{function}Role"]["Properties"]
    found = []
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            chosen = statement.get("Fn::If")
            found.append(chosen[1] if chosen else statement)
    return found


def routes() -> set[tuple[str, str]]:
    paths = resources("AWS::ApiGatewayV2::Api")["Api"]["Properties"]["Body"]["paths"]
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


def test_every_function_folder_has_its_resource_and_every_resource_its_folder() -> None:
    functions = set(resources("AWS::Lambda::Function"))
    assert functions == {in_camel_case(folder) for folder in folders()}


@pytest.mark.parametrize("folder", folders())
def test_a_function_has_an_event_to_try_it_with(folder: str) -> None:
    event = json.loads((ROOT / "events" / f"{folder}.json").read_text())
    assert event


@pytest.mark.parametrize("folder", folders())
def test_a_handler_can_be_imported(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setitem(os.environ, name, value)
    properties = resources("AWS::Lambda::Function")[in_camel_case(folder)]["Properties"]
    module, _, name = properties["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_no_path_ends_in_a_slash() -> None:
    """SAM would deploy an integration and no route for it."""
    assert [path for _, path in routes() if path.endswith("/")] == []


def test_every_route_of_the_api_reaches_its_own_function() -> None:
    paths = resources("AWS::ApiGatewayV2::Api")["Api"]["Properties"]["Body"]["paths"]
    for route in ROUTES:
        best = max(
            (
                (path.removesuffix("{proxy+}"), methods[route.method.lower()])
                for path, methods in paths.items()
                if route.method.lower() in methods
                and route.path.startswith(path.removesuffix("{proxy+}"))
            ),
            key=lambda pair: len(pair[0]),
        )
        uri = best[1]["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        assert f"${{{in_camel_case(route.function)}Aliaslive}}" in uri, route


def test_what_no_route_covers_has_an_answer_of_our_own() -> None:
    assert ("X-AMAZON-APIGATEWAY-ANY-METHOD", "/$default") in routes()


def test_the_bucket_is_private_versioned_and_encrypted() -> None:
    bucket = transformed()["Resources"]["Files"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_the_bucket_refuses_plain_http() -> None:
    policy = transformed()["Resources"]["FilesPolicy"]["Properties"]["PolicyDocument"]
    denials = [
        statement
        for statement in policy["Statement"]
        if statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    assert [(denial["Effect"], denial["Action"]) for denial in denials] == [("Deny", "s3:*")]


def test_leftovers_in_the_bucket_go_by_themselves() -> None:
    rules = transformed()["Resources"]["Files"]["Properties"]["LifecycleConfiguration"]["Rules"]
    aborts = [
        rule["AbortIncompleteMultipartUpload"]
        for rule in rules
        if rule["Status"] == "Enabled" and "AbortIncompleteMultipartUpload" in rule
    ]
    assert aborts == [{"DaysAfterInitiation": 1}]
    expirations = [
        rule["NoncurrentVersionExpiration"]
        for rule in rules
        if "NoncurrentVersionExpiration" in rule
    ]
    assert expirations == [{"NoncurrentDays": 30}]


def test_the_dashboard_is_there_only_if_asked_for() -> None:
    assert written()["Parameters"]["Dashboard"]["Default"] == "no"
    resources = [name for name in written()["Resources"] if name.startswith("Dashboard")]
    assert len(resources) == 5
    for name in resources:
        assert written()["Resources"][name]["Condition"] == "HasDashboard"


def test_the_dashboards_bucket_is_private_and_only_its_distribution_reads_it() -> None:
    bucket = transformed()["Resources"]["DashboardFiles"]["Properties"]
    assert list(bucket["PublicAccessBlockConfiguration"].values()) == [True] * 4
    policy = transformed()["Resources"]["DashboardFilesPolicy"]["Properties"]["PolicyDocument"]
    [reading] = [entry for entry in policy["Statement"] if entry["Effect"] == "Allow"]
    assert reading["Action"] == "s3:GetObject"
    assert reading["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert "DashboardSite" in reading["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"]


def test_a_message_waits_six_timeouts_and_becomes_a_dead_letter_after_three_receives() -> None:
    queue = transformed()["Resources"]["Uploads"]["Properties"]
    inspector = transformed()["Resources"]["InspectUpload"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * inspector["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 3
    assert inspector["Environment"]["Variables"]["MAX_RECEIVES"] == "3"
    mapping = transformed()["Resources"]["InspectUploadUploaded"]["Properties"]
    assert mapping["BatchSize"] == 1


def test_a_tombstone_outlives_urls_and_queued_events() -> None:
    days = 24 * 3600
    parameters = written()["Parameters"]
    kept = transformed()["Resources"]["UploadsDeadLetters"]["Properties"]["MessageRetentionPeriod"]
    longest_url = parameters["UploadUrlSeconds"]["MaxValue"]
    assert parameters["TombstoneDays"]["MinValue"] * days > kept + longest_url


@pytest.mark.parametrize("table", ["Attachments", "Chat", "Activity", "Guards"])
def test_a_table_is_encrypted_recoverable_and_forgets_by_itself(table: str) -> None:
    properties = transformed()["Resources"][table]["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


@pytest.mark.parametrize("name", ["Files", "Attachments", "Chat", "Activity"])
def test_what_users_gave_us_outlives_the_stack_in_prod(name: str) -> None:
    resource = written()["Resources"][name]
    assert resource["DeletionPolicy"] == {"Fn::If": ["IsProd", "RetainExceptOnCreate", "Delete"]}
    assert resource["UpdateReplacePolicy"] == {"Fn::If": ["IsProd", "Retain", "Delete"]}


def test_every_log_group_forgets() -> None:
    groups = resources("AWS::Logs::LogGroup")
    assert groups
    assert all(
        group["Properties"]["RetentionInDays"] == {"Ref": "LogDays"} for group in groups.values()
    )


@pytest.mark.parametrize("folder", folders())
def test_a_function_logs_where_retention_is_set_and_ends_in_time(folder: str) -> None:
    properties = resources("AWS::Lambda::Function")[in_camel_case(folder)]["Properties"]
    assert properties["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogs"}}
    served_by_api = folder in {route.function for route in ROUTES}
    assert properties["Timeout"] <= (29 if served_by_api else 300)


@pytest.mark.parametrize("folder", folders())
def test_a_function_may_touch_only_what_is_named(folder: str) -> None:
    for statement in statements(in_camel_case(folder)):
        targets = statement["Resource"]
        assert targets != "*", statement
        assert all(target != "*" for target in targets if isinstance(targets, list))
        actions = statement["Action"]
        for action in actions if isinstance(actions, list) else [actions]:
            assert "*" not in action, statement


def test_a_secret_is_in_no_environment_and_no_parameter() -> None:
    """A function is told where the secret is; only Secrets Manager tells what it is."""
    token = {"TOKEN_SECRET_ARN": {"Fn::If": ["UsesSharedSecret", {"Ref": "TokenSecret"}, ""]}}
    webhook = {"WEBHOOK_SECRET_ARN": {"Fn::If": ["SendsWebhooks", {"Ref": "WebhookSecret"}, ""]}}
    for name, function in resources("AWS::Lambda::Function").items():
        variables = function["Properties"]["Environment"]["Variables"]
        about = {key: value for key, value in variables.items() if "SECRET" in key}
        assert about == (token | webhook if name == "DeliverWebhooks" else token)
    assert [name for name in written()["Parameters"] if "secret" in name.lower()] == []
    assert [name for name in Settings.model_fields if "secret" in name] == ["token_secret_arn"]
    secrets = resources("AWS::SecretsManager::Secret")
    assert set(secrets) == {"TokenSecret", "WebhookSecret"}
    assert all("GenerateSecretString" in found["Properties"] for found in secrets.values())


def test_parameters_have_bounds_and_say_what_they_are() -> None:
    for name, parameter in written()["Parameters"].items():
        assert len(parameter["Description"]) > 15, name
        assert "Default" in parameter, name
        if parameter["Type"] == "Number":
            bounded = "AllowedValues" in parameter or {"MinValue", "MaxValue"} <= set(parameter)
            assert bounded, name


def test_presigned_urls_end_before_their_signers_credentials_may() -> None:
    parameters = written()["Parameters"]
    for name in ("UploadUrlSeconds", "DownloadUrlSeconds"):
        assert parameters[name]["MaxValue"] <= 3600
        assert parameters[name]["Default"] == 900


def test_the_readme_lists_the_parameters_as_they_are() -> None:
    """On a difference, put the table that this test prints into README.md."""
    rows = ["| parameter | default | what it is |", "|---|---|---|"]
    for name, parameter in written()["Parameters"].items():
        bounds = parameter.get("AllowedValues")
        if bounds:
            bounds = ", ".join(str(value) for value in bounds)
        elif "MinValue" in parameter:
            bounds = f"{parameter['MinValue']} to {parameter['MaxValue']}"
        says = parameter["Description"] + (f" ({bounds})" if bounds else "")
        default = f"`{parameter['Default']}`" if parameter["Default"] != "" else ""
        rows.append(f"| `{name}` | {default} | {says} |")
    table = "\n".join(rows)
    print(table)
    section = (ROOT / "README.md").read_text().partition("## Configuration\n")[2]
    shown = [line for line in section.partition("\n## ")[0].splitlines() if "|" in line[:1]]
    assert "\n".join(shown) == table
