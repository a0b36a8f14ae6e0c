"""The template's stores in a cloud that can be copied, and the functions of this process wired to
them."""

import logging
import os
from pathlib import Path

import boto3

from local.provision import provision
from local.template import REGION, load, transform
from tests.faults.cloud import SECRET
from tests.faults.snapshots import Cloud

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


def wired_cloud() -> Cloud:
    """Everything that the template declares, empty; TEST_UPLOADS and TEST_DEAD_LETTERS name its
    queues."""
    logging.disable(logging.CRITICAL)  # most of what would be logged is done on purpose
    cloud = Cloud()
    with cloud.answering():
        stack = provision(transform(load(TEMPLATE)), {}, endpoint=cloud.endpoint)
        for function in stack.functions:
            os.environ.update(function.environment)
        os.environ.update(
            AWS_ENDPOINT_URL=cloud.endpoint,
            AWS_ACCESS_KEY_ID="matrix",
            AWS_SECRET_ACCESS_KEY="matrix",
            AWS_DEFAULT_REGION=REGION,
            POWERTOOLS_METRICS_DISABLED="true",
            FFMPEG_DIR=os.environ.get("TEST_FFMPEG_DIR", "/nowhere"),
            TEST_UPLOADS=stack.names["Uploads"],
            TEST_DEAD_LETTERS=stack.names["UploadsDeadLetters"],
        )
        secrets = boto3.client("secretsmanager")
        secrets.put_secret_value(SecretId=os.environ["TOKEN_SECRET_ARN"], SecretString=SECRET)
    return cloud
