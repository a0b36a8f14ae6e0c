"""What S3 refuses, the gate refuses: a real moto server, the real gate, real clients."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from local.gate import Gate
from tests.contract.gate.client import KEY_ID, REGION, RULE, SECRET, s3_client
from tests.local.probe_functions.background import Background

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    with Background() as background:
        yield background


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def endpoint(background: Background, moto_endpoint: str) -> Iterator[str]:
    credentials = Credentials(KEY_ID, SECRET)
    gate = Gate(moto_endpoint, credentials=credentials, region=REGION)
    with background.entered(gate.serving()) as endpoint:
        yield endpoint


@pytest.fixture
def s3(endpoint: str, moto_endpoint: str) -> Iterator["S3Client"]:
    """A client that speaks through the gate, with a fresh versioned bucket `chat`."""
    httpx.post(f"{moto_endpoint}/moto-api/reset").raise_for_status()
    client = s3_client(endpoint)
    client.create_bucket(Bucket="chat", CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_bucket_versioning(Bucket="chat", VersioningConfiguration={"Status": "Enabled"})
    client.put_bucket_cors(Bucket="chat", CORSConfiguration={"CORSRules": [RULE]})
    yield client
    client.close()


@pytest.fixture
def web() -> Iterator[httpx.Client]:
    with httpx.Client() as client:
        yield client
