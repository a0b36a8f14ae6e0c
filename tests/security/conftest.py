"""Two judges of what is signed: the local stack's gate, and Ceph's RADOS Gateway."""

import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from attachments.storage import SignedRequest
from local.gate import Gate
from local.template import load
from tests.local.probe_functions.background import Background
from tests.security import rgw
from tests.security.s3_server import BUCKET, REGION, SITE, S3Server, client_of
from tests.security.signed import signed_put

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CORSRuleTypeDef

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
NOTES = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for note in terminalreporter.config.stash.get(NOTES, []):
        terminalreporter.write_line(note)
    steps = [
        report
        for outcome in ("passed", "failed", "error", "")  # "" has what came before and after
        for report in terminalreporter.stats.get(outcome, [])
        if "tests/security/" in report.nodeid
    ]
    held = [step.nodeid for step in steps if step.when == "call" and step.passed]
    judges = Counter(judge for test in held for judge in re.findall(r"\[(gate|gateway)\b", test))
    if judges:
        counts = ", ".join(f"{count} before the {judge}" for judge, count in judges.items())
        took_s = sum(step.duration for step in steps)
        terminalreporter.write_line(f"Promises of signing kept in {took_s:.0f} s: {counts}.")


@pytest.fixture(scope="session")
def notes(request: pytest.FixtureRequest) -> list[str]:
    """What the summary says at the end."""
    return request.config.stash.setdefault(NOTES, [])


@pytest.fixture(scope="session")
def gate() -> Iterator[S3Server]:
    access_key, secret_key = "AKIALOCALGATE", "local/secret+key"
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    gate = Gate(
        f"http://{host}:{port}",
        credentials=Credentials(access_key, secret_key),
        region=REGION,
    )
    with (
        Background() as background,
        background.entered(gate.serving()) as endpoint,
        _server("gate", endpoint, access_key, secret_key) as server,
    ):
        yield server
    moto.stop()


@pytest.fixture(scope="session")
def gateway_is_installed(notes: list[str]) -> None:
    """Skips where Ceph is not, but in CI installs it."""
    if not (missing := rgw.missing()):
        return
    if os.environ.get("CI") != "true":
        pytest.skip(f"Ceph's gateway is not here ({missing[0]}): {' '.join(rgw.INSTALL)}")
    began = time.monotonic()
    rgw.install()
    notes.append(f"Ceph's gateway was installed in {time.monotonic() - began:.0f} s.")


@pytest.fixture(scope="session")
def gateway(gateway_is_installed: None, notes: list[str]) -> Iterator[S3Server]:
    began = time.monotonic()
    with (
        rgw.running() as found,
        _server("gateway", found.endpoint, found.access_key, found.secret_key) as server,
    ):
        notes.append(f"Ceph's gateway {rgw.version()} was up in {time.monotonic() - began:.1f} s.")
        yield server


@pytest.fixture(scope="session", params=["gate", "gateway"])
def server(request: pytest.FixtureRequest) -> S3Server:
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def file_id() -> str:
    return str(uuid4())


@pytest.fixture
def key(file_id: str) -> str:
    return f"uploads/{file_id}"


@pytest.fixture
def upload(server: S3Server, key: str) -> SignedRequest:
    return signed_put(server, key)


@contextmanager
def _server(name: str, endpoint: str, access_key: str, secret_key: str) -> Iterator[S3Server]:
    with closing(client_of(endpoint, access_key, secret_key)) as client, httpx.Client() as web:
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        cors = _bucket_cors_rule()
        client.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [cors]})
        yield S3Server(name, endpoint, access_key, client, web)


def _bucket_cors_rule() -> "CORSRuleTypeDef":
    """As the template has it, for one site."""
    bucket = load(TEMPLATE)["Resources"]["Files"]["Properties"]
    [rule] = bucket["CorsConfiguration"]["CorsRules"]
    return {
        "AllowedOrigins": [SITE],
        "AllowedMethods": rule["AllowedMethods"],
        "AllowedHeaders": rule["AllowedHeaders"],
        "ExposeHeaders": rule["ExposedHeaders"],
        "MaxAgeSeconds": rule["MaxAge"],
    }
