"""Webhooks: nothing of them without a URL, and with one only what they need."""

import re

import pytest

from functions.announce.announcements import SOURCE
from functions.deliver_webhooks.app import WAITS_S
from functions.deliver_webhooks.receiver import CONNECT_S, DEADLINE_S
from functions.deliver_webhooks.signing import KEY_BYTES
from local.template import load
from tests.template.deployed import TEMPLATE, deployed, of_type, properties, role_statements

URL = "https://hooks.example/attachments?of=chat"
MAPPING = "DeliverWebhooksTold"
QUEUES = ("Webhooks", "WebhooksDeadLetters")


def senders(queue: str, **parameters: str) -> list[tuple[str, str]]:
    """Who may send to a queue, and of what."""
    return [
        (statement["Principal"]["Service"], statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for policy in of_type("AWS::SQS::QueuePolicy", **parameters).values()
        if policy["Queues"] == [queue]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]


def test_without_a_url_nothing_is_sent_read_or_kept() -> None:
    assert {"TellWebhooks", "WebhookSecret"} & set(deployed()) == set()
    assert properties(MAPPING)["Enabled"] is False
    assert [senders(queue) for queue in QUEUES] == [[], []]
    actions = [statement["Action"] for statement in role_statements("DeliverWebhooks")]
    assert actions == [["sqs:ChangeMessageVisibility"]]


def test_with_a_url_everything_that_is_announced_goes_to_the_queue() -> None:
    rule = properties("TellWebhooks", WebhookUrl=URL)
    assert (rule["EventBusName"], rule["EventPattern"]) == ("Events", {"source": [SOURCE]})
    [target] = rule["Targets"]
    assert target["Arn"] == "Webhooks.Arn"
    assert target["DeadLetterConfig"] == {"Arn": "WebhooksDeadLetters.Arn"}
    assert properties(MAPPING, WebhookUrl=URL)["Enabled"] is True
    allowed = ("events.amazonaws.com", "TellWebhooks.Arn")
    assert [senders(queue, WebhookUrl=URL) for queue in QUEUES] == [[allowed], [allowed]]


def test_a_policy_of_a_queue_is_of_that_queue_alone() -> None:
    """SQS takes no statement of more than one resource (SQS guide, "Limitations of Amazon SQS
    custom policies")."""
    for policy in of_type("AWS::SQS::QueuePolicy", WebhookUrl=URL).values():
        [queue] = policy["Queues"]
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Resource"] == f"{queue}.Arn"


def test_it_reads_its_own_secret_and_no_other() -> None:
    reads = [
        statement["Resource"]
        for statement in role_statements("DeliverWebhooks", WebhookUrl=URL)
        if "secretsmanager:GetSecretValue" in statement["Action"]
    ]
    assert reads == [["WebhookSecret"]]


def test_there_is_one_more_try_than_there_are_waits() -> None:
    queue = properties("Webhooks")
    assert queue["RedrivePolicy"]["maxReceiveCount"] == len(WAITS_S) + 1
    assert queue["MessageRetentionPeriod"] > sum(WAITS_S) + 24 * 3600
    kept = properties("WebhooksDeadLetters")["MessageRetentionPeriod"]
    assert kept > queue["MessageRetentionPeriod"]


def test_one_event_is_tried_at_a_time_and_within_the_functions_time() -> None:
    function, mapping = properties("DeliverWebhooks"), properties(MAPPING)
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (
        1,
        ["ReportBatchItemFailures"],
    )
    assert function["Timeout"] > CONNECT_S + 2 * DEADLINE_S
    assert properties("Webhooks")["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_the_generated_secret_is_a_key() -> None:
    generated = properties("WebhookSecret", WebhookUrl=URL)["GenerateSecretString"]
    assert generated == {"PasswordLength": 64, "ExcludePunctuation": True}
    assert 64 // 4 * 3 in KEY_BYTES


def test_nothing_of_the_template_lets_a_webhook_reach_a_private_address() -> None:
    assert "WEBHOOKS_TO_LOOPBACK" not in TEMPLATE.read_text()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("", True),
        (URL, True),
        ("https://hooks.example", True),
        ("https://hooks.example:8443/a/b%20c", True),
        ("https://hooks.example?a=b", True),
        ("https://[2606:4700::1]/", True),
        ("http://hooks.example/", False),
        ("https://user:password@hooks.example/", False),
        ("https://hooks.example/#part", False),
        ("https://hooks.example/a b", False),
        ("https://hooks.example/ä", False),
        ("https:///nobody", False),
    ],
)
def test_a_url_is_https_and_plain(url: str, taken: bool) -> None:
    pattern = load(TEMPLATE)["Parameters"]["WebhookUrl"]["AllowedPattern"]
    assert (re.fullmatch(pattern, url) is not None) is taken
