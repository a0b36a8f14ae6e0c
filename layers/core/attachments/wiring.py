"""The one place that builds collaborators: lazily, once a process."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from attachments.activity import ActivityLog
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.counters import Counters
from attachments.deletion import Deletion
from attachments.erasure import Erasure
from attachments.guards import Guards
from attachments.ids import utc_now
from attachments.limits import RateLimiter
from attachments.settings import Settings, TokenClaim, read_settings
from attachments.storage import Storage
from attachments.tokens import KeySet, KeySource, SharedSecret, TokenVerifier
from attachments.users import Users

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# Clients in a function fail before the function does, and try again before they fail.
PATIENT = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
# Copying goes on for as long as the file is large, and is not begun twice.
COPYING = Config(read_timeout=18, retries={"mode": "standard", "total_max_attempts": 1})
# Presigned URLs of the regional virtual host; without it botocore signs for the old global one.
SIGV4 = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


@cache
def settings() -> Settings:
    return read_settings(dict(os.environ))


@cache
def dynamodb() -> "DynamoDBClient":
    """A client that takes and gives Python values (the one inside of a boto3 resource)."""
    resource: Any = boto3.resource("dynamodb", config=PATIENT)
    client: DynamoDBClient = resource.meta.client
    return client


@cache
def event_bridge() -> "EventBridgeClient":
    return boto3.client("events", config=PATIENT)


@cache
def sqs() -> "SQSClient":
    return boto3.client("sqs", config=PATIENT)


@cache
def secrets_manager() -> "SecretsManagerClient":
    return boto3.client("secretsmanager", config=PATIENT)


@cache
def storage() -> Storage:
    config, public = PATIENT.merge(SIGV4), settings().s3_public_endpoint
    return Storage(
        boto3.client("s3", config=config),
        bucket=settings().bucket,
        signer=boto3.client("s3", config=config, endpoint_url=public) if public else None,
    )


@cache
def copying_storage() -> Storage:
    """The bucket, for copies within it: waits for S3 as long as a request to the API may take."""
    config = PATIENT.merge(SIGV4).merge(COPYING)
    return Storage(boto3.client("s3", config=config), bucket=settings().bucket)


@cache
def chat() -> Chat:
    return Chat(dynamodb(), settings().chat_table)


@cache
def users() -> Users:
    return Users(dynamodb(), settings().chat_table)


@cache
def activity() -> ActivityLog:
    return ActivityLog(
        dynamodb(), settings().activity_table, keep=settings().activity_life, clock=utc_now
    )


@cache
def guards() -> Guards:
    return Guards(dynamodb(), settings().guards_table)


@cache
def counters() -> Counters:
    return Counters(dynamodb(), settings().counters_table)


@cache
def catalog() -> Catalog:
    return Catalog(
        dynamodb(),
        settings().attachments_table,
        chat=chat(),
        users=users(),
        activity=activity(),
        guards=guards(),
        clock=utc_now,
    )


@cache
def deletion() -> Deletion:
    return Deletion(
        catalog=catalog(),
        chat=chat(),
        storage=storage(),
        clock=utc_now,
        tombstone_life=settings().tombstone_life,
    )


@cache
def erasure() -> Erasure:
    return Erasure(
        catalog=catalog(),
        users=users(),
        activity=activity(),
        guards=guards(),
        deletion=deletion(),
        clock=utc_now,
    )


@cache
def limiter() -> RateLimiter:
    return RateLimiter(guards(), settings(), utc_now)


@cache
def verifier() -> TokenVerifier:
    return TokenVerifier(
        _keys(),
        issuer=settings().token_issuer,
        audience=settings().token_audience,
        admin=TokenClaim.parse(settings().admin_claim),
        service=TokenClaim.parse(settings().service_claim),
    )


def _keys() -> KeySource:
    if settings().jwks_url:
        return KeySet(settings().jwks_url)
    return SharedSecret(_token_secret)


def _token_secret() -> str:
    return secrets_manager().get_secret_value(SecretId=settings().token_secret_arn)["SecretString"]
