"""Everything at rest is encrypted: by AWS's own keys, or all of it by a key of the customer's."""

import json

import pytest

from tests.template.deployed import deployed, of_type, properties, statements_of

KEY = "arn:aws:kms:eu-central-1:123456789012:key/5f3c8a86-1d2e-4c1b-9a57-0d1f2e3a4b5c"
TABLES = sorted(of_type("AWS::DynamoDB::Table"))
QUEUES = sorted(of_type("AWS::SQS::Queue"))


def default_encryption(**parameters: str) -> dict[str, object]:
    configuration = properties("Files", **parameters)["BucketEncryption"]
    [rule] = configuration["ServerSideEncryptionConfiguration"]
    found: dict[str, object] = rule
    return found


def test_without_a_key_of_the_customers_no_resource_names_one() -> None:
    assert "kms:key" not in json.dumps(deployed()).lower()
    assert "UseKey" not in deployed()
    assert default_encryption() == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


def test_the_bucket_takes_the_customers_key_once_for_many_objects() -> None:
    assert default_encryption(KmsKeyArn=KEY) == {
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
        "BucketKeyEnabled": True,
    }


@pytest.mark.parametrize("table", TABLES)
def test_a_table_takes_the_customers_key(table: str) -> None:
    own = {"SSEEnabled": True, "SSEType": "KMS"}
    assert properties(table)["SSESpecification"] == own
    theirs = properties(table, KmsKeyArn=KEY)["SSESpecification"]
    assert theirs == {**own, "KMSMasterKeyId": KEY}


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_so_that_s3_can_still_notify_it(queue: str) -> None:
    """S3 guide, "Granting permissions to publish event notification messages": with SQS's AWS
    managed key (`alias/aws/sqs`) nothing would arrive, and nobody would be told."""
    own = properties(queue)
    assert own["SqsManagedSseEnabled"] is True
    assert "KmsMasterKeyId" not in own
    theirs = properties(queue, KmsKeyArn=KEY)
    assert theirs["KmsMasterKeyId"] == KEY
    assert "SqsManagedSseEnabled" not in theirs


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::SecretsManager::Secret", "KmsKeyId"),
        ("AWS::Lambda::Function", "KmsKeyArn"),
    ],
)
def test_logs_secrets_and_environments_take_the_customers_key(kind: str, name: str) -> None:
    assert of_type(kind, KmsKeyArn=KEY)
    for resource, found in of_type(kind, KmsKeyArn=KEY).items():
        assert found[name] == KEY, resource
    assert not [resource for resource, found in of_type(kind).items() if name in found]


def test_every_function_may_use_the_key_and_only_that_key() -> None:
    policy = properties("UseKey", KmsKeyArn=KEY)
    functions = of_type("AWS::Lambda::Function", KmsKeyArn=KEY)
    assert sorted(policy["Roles"]) == sorted(f"{function}Role" for function in functions)
    [statement] = statements_of(policy["PolicyDocument"])
    assert statement["Resource"] == [KEY]
    assert all(action.startswith("kms:") for action in statement["Action"])
    # Presigned requests use the key in the name of the function that signed them: a PUT needs
    # GenerateDataKey, a GET and a multipart upload need Decrypt.
    assert {"kms:GenerateDataKey", "kms:Decrypt"} <= set(statement["Action"])
    assert not [action for action in statement["Action"] if "Grant" in action or "Put" in action]
