"""The doctor: green on a stack as it should be, red with the right sentence for whatever breaks."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployment import stacks
from deployment.doctor.__main__ import CHECKS, examine, main
from deployment.doctor.checks import State
from tests.conftest import KeyServer
from tests.stack.breaking import another_secret, setting, trigger_off
from tests.stack.client import Stack, eventually, note
from tests.stack.running import running

ROOT = Path(__file__).parents[2]
OF_THE_API = ("IssueUpload", "ServeAttachments", "SyncChat", "Report")


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, stacks.Stack]]:
    """A stack of these tests alone, with a file that is ready."""
    folder = tmp_path_factory.mktemp("patient")
    with running(folder) as stack:
        stack.sender.upload(stack.message(), note())
        described = folder / "described.json"
        described.write_text(json.dumps(stack.description))
        yield stack, stacks.of(str(described))


def told(stack: stacks.Stack, name: str) -> tuple[State, str]:
    [verdict] = examine(stack, only=name)
    return verdict.state, f"{verdict.says} {verdict.todo}"


# ---------------------------------------------------------------- ways to break a stack


@contextmanager
def bucket_without(stack: stacks.Stack, part: str) -> Iterator[None]:
    """CORS or lifecycle gone, put back afterwards."""
    s3, bucket = stack.client("s3"), {"Bucket": stack.output("Bucket")}
    if part == "cors":
        rules = s3.get_bucket_cors(**bucket)["CORSRules"]
        s3.delete_bucket_cors(**bucket)
        try:
            yield
        finally:
            s3.put_bucket_cors(**bucket, CORSConfiguration={"CORSRules": rules})
    else:
        rules = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
        s3.delete_bucket_lifecycle(**bucket)
        try:
            yield
        finally:
            s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": rules})


@contextmanager
def exposed_less(stack: stacks.Stack) -> Iterator[None]:
    s3, bucket = stack.client("s3"), {"Bucket": stack.output("Bucket")}
    rules = s3.get_bucket_cors(**bucket)["CORSRules"]
    less = [{**rule, "ExposeHeaders": ["Location"]} for rule in rules]
    s3.put_bucket_cors(**bucket, CORSConfiguration={"CORSRules": less})
    try:
        yield
    finally:
        s3.put_bucket_cors(**bucket, CORSConfiguration={"CORSRules": rules})


@contextmanager
def a_rule_that_deletes(stack: stacks.Stack) -> Iterator[None]:
    s3, bucket = stack.client("s3"), {"Bucket": stack.output("Bucket")}
    rules = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
    more = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    s3.put_bucket_lifecycle_configuration(
        **bucket, LifecycleConfiguration={"Rules": [*rules, more]}
    )
    try:
        yield
    finally:
        s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": rules})


@contextmanager
def no_events(stack: stacks.Stack) -> Iterator[None]:
    s3, bucket = stack.client("s3"), {"Bucket": stack.output("Bucket")}
    known = s3.get_bucket_notification_configuration(**bucket)
    known.pop("ResponseMetadata")
    s3.put_bucket_notification_configuration(**bucket, NotificationConfiguration={})
    try:
        yield
    finally:
        s3.put_bucket_notification_configuration(**bucket, NotificationConfiguration=known)


@contextmanager
def public(stack: stacks.Stack) -> Iterator[None]:
    s3, bucket = stack.client("s3"), {"Bucket": stack.output("Bucket")}
    known = s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(**bucket)
    try:
        yield
    finally:
        s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration=known)


@contextmanager
def no_versions(stack: stacks.Stack) -> Iterator[None]:
    s3, bucket = stack.client("s3"), {"Bucket": stack.output("Bucket")}
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Suspended"})
    try:
        yield
    finally:
        s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})


@contextmanager
def a_dead_letter(stack: stacks.Stack, output: str) -> Iterator[None]:
    sqs, queue = stack.client("sqs"), stack.output(output)
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    try:
        yield
    finally:
        sqs.purge_queue(QueueUrl=queue)


@contextmanager
def lost_bytes(stack: stacks.Stack) -> Iterator[None]:
    """A ready file's version is deleted; its record goes too afterwards."""
    table, client = stack.resource("Attachments"), stack.dynamodb()
    [item, *_] = [
        item for item in client.scan(TableName=table)["Items"] if item["status"] == "ready"
    ]
    copy = {**item, "id": "0192f000-0000-7000-8000-00000000dead"}
    client.put_item(TableName=table, Item=copy)
    try:
        yield
    finally:
        client.delete_item(TableName=table, Key={"id": copy["id"]})


@contextmanager
def uncounted(stack: stacks.Stack) -> Iterator[None]:
    client, table = stack.dynamodb(), stack.resource("Counters")
    markers = [
        item for item in client.scan(TableName=table)["Items"] if item["pk"].startswith("marker#")
    ]
    for marker in markers:
        client.delete_item(TableName=table, Key={"pk": marker["pk"], "sk": marker["sk"]})
    try:
        yield
    finally:
        for marker in markers:
            client.put_item(TableName=table, Item=marker)


@dataclass(frozen=True)
class Case:
    check: str
    breaks: Callable[..., Any]
    says: str
    arguments: tuple[Any, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


CASES = (
    Case("bucket CORS", bucket_without, "browsers there cannot upload", ("cors",)),
    Case("bucket CORS", exposed_less, "Browsers may not read etag"),
    Case("upload events", no_events, "tells the queue nothing of new uploads"),
    Case("inspector's trigger", trigger_off, "trigger is disabled", ("UploadsQueue",)),
    Case("public access", public, "may be made public: BlockPublicAcls"),
    Case("lifecycle", bucket_without, "given up are kept", ("lifecycle",)),
    Case("lifecycle", a_rule_that_deletes, "deletes files that are served"),
    Case("versions", no_versions, "keeps no versions"),
    Case(
        "ffmpeg",
        setting,
        "ffprobe does not run",
        (("InspectUpload",),),
        (("FFMPEG_DIR", "/nowhere"),),
    ),
    Case(
        "token settings",
        setting,
        "differ in TOKEN_ISSUER",
        (("ServeAttachments",),),
        (("TOKEN_ISSUER", "another"),),
    ),
    Case(
        "token settings",
        setting,
        "neither a secret nor a key server",
        (OF_THE_API,),
        (("TOKEN_SECRET_ARN", ""),),
    ),
    Case(
        "token settings",
        setting,
        "SERVICE_CLAIM is 'role=user', and ServiceClaim 'role=service'",
        (OF_THE_API,),
        (("SERVICE_CLAIM", "role=user"),),
    ),
    Case("token settings", another_secret, "can be guessed", ("TokenSecret", "hunter2")),
    Case(
        "key server",
        setting,
        "does not answer with keys",
        (OF_THE_API,),
        (("JWKS_URL", "http://127.0.0.1:9/keys"),),
    ),
    Case("dead letters", a_dead_letter, "1 uploads could not be inspected", ("DeadLetters",)),
    Case("dead letters", a_dead_letter, "1 changes were not told", ("AnnounceDeadLetters",)),
    Case("dead letters", a_dead_letter, "1 webhooks were not taken", ("WebhooksDeadLetters",)),
    Case("bytes of ready files", lost_bytes, "are gone"),
    Case("usage counters", uncounted, "counted wrong, or are not counted yet"),
    Case(
        "round trip",
        setting,
        "S3 refused the upload",
        (("IssueUpload",),),
        (("BUCKET", "another-bucket"),),
    ),
)


def test_a_stack_as_it_should_be_is_green(
    patient: tuple[Stack, stacks.Stack], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = tmp_path / "stack.json"
    described.write_text(json.dumps(patient[0].description))
    code = eventually(lambda: main([str(described)]), lambda code: code == 0, within_s=20)
    said = capsys.readouterr().out
    assert code == 0, said
    assert said.rstrip().endswith("nothing is wrong.")
    for check in CHECKS:
        assert f"ok             {check.name}: " in said


def test_it_leaves_nothing_behind(patient: tuple[Stack, stacks.Stack]) -> None:
    stack, described = patient
    before = {item["id"] for item in stack.admin.items("/attachments/")}
    state, said = told(described, "round trip")
    assert state is State.OK, said
    assert {item["id"] for item in stack.admin.items("/attachments/")} == before


def test_a_trip_that_breaks_off_leaves_nothing_behind(patient: tuple[Stack, stacks.Stack]) -> None:
    stack, described = patient
    before = {item["id"] for item in stack.admin.items("/attachments/")}
    with setting(described, ("ServeAttachments",), S3_PUBLIC_ENDPOINT="http://127.0.0.1:9"):
        state, said = told(described, "round trip")
    assert state is State.UNKNOWN
    assert "refused" in said
    assert {item["id"] for item in stack.admin.items("/attachments/")} == before


def test_an_upload_that_s3_never_answers_leaves_nothing_behind(
    patient: tuple[Stack, stacks.Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, described = patient

    def cut(*_: object, **__: object) -> None:
        raise httpx.ReadError("the line was cut")

    monkeypatch.setattr(httpx, "put", cut)
    before = {item["id"] for item in stack.admin.items("/attachments/")}
    assert told(described, "round trip") == (State.UNKNOWN, "the line was cut ")
    assert {item["id"] for item in stack.admin.items("/attachments/")} == before


def test_a_check_that_fails_itself_is_said_and_keeps_no_other(
    patient: tuple[Stack, stacks.Stack],
) -> None:
    nothing = replace(patient[1], parameters={}, tokens={})
    verdicts = {verdict.check.name: verdict for verdict in examine(nothing)}
    assert len(verdicts) == len(CHECKS)
    assert verdicts["round trip"].state is State.UNKNOWN
    assert "The check itself failed: KeyError: 'TokenIssuer'" in verdicts["round trip"].says


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}: {case.says}")
def test_what_is_broken_is_said(patient: tuple[Stack, stacks.Stack], case: Case) -> None:
    _, stack = patient
    with case.breaks(stack, *case.arguments, **dict(case.variables)):
        state, said = told(stack, case.check)
    assert state is State.WRONG
    assert case.says in said
    assert told(stack, case.check)[0] is State.OK, "it is mended"


def test_an_origin_that_the_api_does_not_allow_is_said(patient: tuple[Stack, stacks.Stack]) -> None:
    _, stack = patient
    elsewhere = {**stack.parameters, "AllowedOrigins": "https://chat.example"}
    state, said = told(replace(stack, parameters=elsewhere), "API CORS")
    assert state is State.WRONG
    assert "does not allow https://chat.example: browsers there cannot call it" in said


def test_a_key_server_with_keys_is_green_and_without_named_ones_red(
    patient: tuple[Stack, stacks.Stack], key_server: KeyServer
) -> None:
    _, stack = patient
    with setting(stack, OF_THE_API, JWKS_URL=key_server.url):
        key_server.document = {"keys": [{"kty": "EC", "kid": "one"}]}
        assert told(stack, "key server") == (State.OK, "1 keys ")
        key_server.document = {"keys": [{"kty": "oct"}]}
        state, said = told(stack, "key server")
    assert state is State.WRONG
    assert "no RSA or EC key with a kid" in said


def test_every_check_is_broken_by_a_test() -> None:
    broken = {case.check for case in CASES} | {"API CORS", "webhooks"}  # test_webhooks.py
    assert broken == {check.name for check in CHECKS}


def test_every_check_has_its_section() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert [check.name for check in CHECKS if f"\n## {check.section}\n" not in text] == []


def test_what_cannot_be_looked_at_is_no_green(patient: tuple[Stack, stacks.Stack]) -> None:
    _, stack = patient
    away = replace(stack, endpoints={**stack.endpoints, "": "http://127.0.0.1:9"})
    assert told(away, "dead letters")[0] is State.UNKNOWN


@pytest.mark.parametrize("arguments", [["nowhere.json"], ["--stack", "nowhere.json"]])
def test_a_stack_that_is_not_there_is_said(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert "nowhere.json" in capsys.readouterr().err


def test_json_is_a_line_for_each_check(
    patient: tuple[Stack, stacks.Stack], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = tmp_path / "stack.json"
    described.write_text(json.dumps(patient[0].description))
    main([str(described), "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["check"] for line in lines] == [check.name for check in CHECKS]
