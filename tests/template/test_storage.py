"""Files, tables and queues: closed, encrypted, recoverable, and emptied by themselves."""

import pytest

from tests.template.deployed import as_list, deployed, of_type, properties, statements_of

TABLES = sorted(of_type("AWS::DynamoDB::Table"))
QUEUES = sorted(of_type("AWS::SQS::Queue"))
POLICIES = {"AWS::S3::BucketPolicy": "s3:*", "AWS::SQS::QueuePolicy": "sqs:*"}
POLICY_NAMES = ("DeletionPolicy", "UpdateReplacePolicy")
DAY_S = 24 * 3600


# ---------------------------------------------------------------- who may come near


def test_there_is_one_bucket_and_nothing_of_it_can_become_public() -> None:
    [bucket] = of_type("AWS::S3::Bucket").values()
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert not {"AccessControl", "WebsiteConfiguration"} & set(bucket)


def test_the_bucket_policy_allows_nobody_anything() -> None:
    [policy] = of_type("AWS::S3::BucketPolicy").values()
    assert {statement["Effect"] for statement in statements_of(policy["PolicyDocument"])} == {
        "Deny"
    }


@pytest.mark.parametrize("kind", POLICIES)
def test_bucket_and_queues_refuse_everybody_without_tls(kind: str) -> None:
    refused = [
        statement["Resource"]
        for policy in of_type(kind).values()
        for statement in statements_of(policy["PolicyDocument"])
        if statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] == [POLICIES[kind]]
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    if kind == "AWS::S3::BucketPolicy":
        assert refused == [["Files.Arn", "Files.Arn/*"]]
    else:
        assert sorted(refused) == [[f"{queue}.Arn"] for queue in QUEUES]


def test_only_the_bucket_of_this_account_may_put_into_the_queue() -> None:
    allowed = [
        statement
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        for statement in statements_of(policy["PolicyDocument"])
        if statement["Effect"] == "Allow"
    ]
    [send] = allowed
    assert send["Principal"] == {"Service": "s3.amazonaws.com"}
    assert (send["Action"], send["Resource"]) == (["sqs:SendMessage"], ["Uploads.Arn"])
    bucket = properties("Files")["BucketName"]
    assert send["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
    }


# ---------------------------------------------------------------- what is kept, and how long


def test_the_bucket_keeps_versions_for_a_while_and_no_halves() -> None:
    bucket = properties("Files")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    # A rule with a filter would leave some objects out.
    assert not [rule for rule in rules if {"Filter", "Prefix", "TagFilters"} & set(rule)]
    assert {"DaysAfterInitiation": 1} in [
        rule.get("AbortIncompleteMultipartUpload") for rule in rules
    ]
    assert {"NoncurrentDays": 30} in [rule.get("NoncurrentVersionExpiration") for rule in rules]
    assert any(rule.get("ExpiredObjectDeleteMarker") for rule in rules)
    assert not [rule for rule in rules if "ExpirationInDays" in rule]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_can_be_put_back_and_forgets_what_is_over(table: str) -> None:
    found = properties(table)
    assert found["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    if table != "Counters":  # which go with what they count
        assert found["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert found["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_what_users_gave_us_outlives_a_stack_in_prod_and_nothing_does_elsewhere(
    stage: str,
) -> None:
    kept = {
        name
        for name, resource in deployed(Stage=stage).items()
        if resource["Type"] != "AWS::Lambda::Version"  # code to roll back to, no data
        and {resource.get(policy) for policy in POLICY_NAMES} - {None, "Delete"}
    }
    assert kept == ({"Files", "Attachments", "Chat", "Activity"} if stage == "prod" else set())
    for name in kept:
        assert deployed(Stage=stage)[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert deployed(Stage=stage)[name]["UpdateReplacePolicy"] == "Retain"


# ---------------------------------------------------------------- queues and their dead letters


def test_every_queue_that_a_function_reads_has_a_dead_letter_queue_that_keeps_longer() -> None:
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        name = mapping["EventSourceArn"].removesuffix(".Arn")
        if name not in QUEUES:
            continue
        queue = properties(name)
        dead = properties(queue["RedrivePolicy"]["deadLetterTargetArn"].removesuffix(".Arn"))
        assert dead["MessageRetentionPeriod"] == 14 * DAY_S
        assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"] >= 4 * DAY_S
        assert "RedrivePolicy" not in dead


def test_a_message_is_hidden_six_times_as_long_as_its_function_may_take() -> None:
    """AWS page "Using Lambda with Amazon SQS"; the dead-letter queue keeps what it took."""
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        name = mapping["EventSourceArn"].removesuffix(".Arn")
        if name not in QUEUES:
            continue
        function = as_list(mapping["FunctionName"])[0].partition(".")[0].removesuffix("Aliaslive")
        timeout = properties(function)["Timeout"]
        assert properties(name)["VisibilityTimeout"] >= 6 * timeout
        assert mapping["BatchSize"] == 1
        assert 2 <= int(mapping["ScalingConfig"]["MaximumConcurrency"]) <= 1000


def test_the_most_that_is_inspected_at_once_is_a_parameter() -> None:
    [mapping] = [
        mapping
        for mapping in of_type("AWS::Lambda::EventSourceMapping", InspectConcurrency="7").values()
        if mapping["EventSourceArn"] == "Uploads.Arn"
    ]
    assert int(mapping["ScalingConfig"]["MaximumConcurrency"]) == 7
