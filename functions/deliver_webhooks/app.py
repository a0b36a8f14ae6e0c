"""Webhooks: each event of the bus, posted to the receiver that the operator named, signed.

An event stays in the queue until the receiver has taken it; what is not taken comes again after
`WAITS_S`, with the same id, and at last is a dead letter.
"""

import json
import os
import time
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import metrics, wiring
from functions.deliver_webhooks.receiver import NotTakenError, Receiver
from functions.deliver_webhooks.signing import headers_of, keys_of

logger = Logger()
# After each try, and one try more: as Standard Webhooks proposes, within the twelve hours from its
# receipt that SQS hides a message at most (SQS guide, "Amazon SQS visibility timeout").
WAITS_S = (5, 60, 300, 1800, 3600, 7200, 14400, 21600, 28800, 39600)
SECRET_LIFE_S = 300  # so that it can be rotated


@cache
def receiver() -> Receiver:
    # Set by the local stack alone: no template can allow it.
    return Receiver(os.environ["WEBHOOK_URL"], allow_loopback="WEBHOOKS_TO_LOOPBACK" in os.environ)


@cache
def secrets() -> SecretsProvider:
    return SecretsProvider(boto3_client=wiring.secrets_manager())


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Deliver what the queue has; answers with the messages that must come again."""
    failed = [record["messageId"] for record in event["Records"] if not _delivered(record)]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _delivered(record: dict[str, Any]) -> bool:
    told = json.loads(record["body"])["detail"]
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    about = {"event_id": told["id"], "attachment_id": told["data"]["id"], "event": told["type"]}
    began, error = time.monotonic(), None
    try:
        _post(told)
        logger.info("webhook taken", attempt=attempt, **about)
    except NotTakenError as refused:
        error = str(refused)
        logger.warning("webhook not taken", attempt=attempt, error=error, **about)
        _wait(record, attempt, refused.retry_after_s)
    metrics.publish(
        "deliver_webhooks",
        counts={"WebhooksDelivered": int(error is None), "WebhookFailures": int(error is not None)},
        milliseconds={"WebhookTime": round((time.monotonic() - began) * 1000, 1)},
        notes={**about, "error": error, "attempt": attempt},
    )
    return error is None


def _post(told: dict[str, Any]) -> None:
    """Raises NotTakenError, also where it cannot be signed."""
    try:
        secret = secrets().get(os.environ["WEBHOOK_SECRET_ARN"], max_age=SECRET_LIFE_S)
        keys = keys_of(str(secret))
    except (GetParameterError, ValueError) as error:
        logger.exception("the webhook secret cannot be used")
        raise NotTakenError("the secret cannot be used") from error
    body = json.dumps(told, separators=(",", ":")).encode()
    signed = headers_of(body, event_id=told["id"], sent_at=int(time.time()), keys=keys)
    headers = {"content-type": "application/json", "user-agent": "offchat-attachments", **signed}
    receiver().post(body, headers)


def _wait(record: dict[str, Any], attempt: int, retry_after_s: int) -> None:
    """The message comes again when the next try is due."""
    planned = WAITS_S[min(attempt, len(WAITS_S)) - 1]
    wiring.sqs().change_message_visibility(
        QueueUrl=os.environ["WEBHOOKS_QUEUE"],
        ReceiptHandle=record["receiptHandle"],
        VisibilityTimeout=min(max(planned, retry_after_s), WAITS_S[-1]),
    )
