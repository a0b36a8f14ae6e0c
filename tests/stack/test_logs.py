"""Logs hold no token and no signed URL, whatever was asked, answered or broken."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from attachments.routes import ROUTES
from tests.stack.client import File, Json, LocalRun, Stack, note, problem

# Presigned URLs (SigV4's query), tokens, and the header that carries them.
# A token has three parts: a request id alone may begin as one does.
SECRETS = re.compile(
    r"X-Amz-(Signature|Credential|Security-Token)|\beyJ[\w-]{8,}\.[\w-]|Bearer \S", re.I
)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[LocalRun]:
    """A stack of this test alone, which logs all it can."""
    run = LocalRun(tmp_path, "--port", "0", "--no-demo", "--parameter", "LogLevel=DEBUG")
    yield run
    assert run.interrupt() == []


def client_of(stack: Stack, service: Any) -> Any:
    aws = stack.aws
    return boto3.client(
        service,
        endpoint_url=aws["endpoint_url"],
        region_name=aws["region"],
        aws_access_key_id=aws["access_key_id"],
        aws_secret_access_key=aws["secret_access_key"],
    )


def use_everything(stack: Stack, ids: Json) -> set[str]:
    """Every route as everybody, with tokens where none belong; the statuses that came of it."""
    seen = set()
    token = stack.description["tokens"]["sender"]
    for route in ROUTES:
        path = re.sub(r"<(\w+)>", lambda match: ids[match[1]], route.path)
        path = path.removeprefix("/api/chat")
        for user in (*stack.users.values(), stack.nobody):
            for body in (None, {"version": 1, "token": token, "file_name": token}):
                query = {"token": token, "cursor": token}
                response = user.request(route.method, path, json=body, params=query)
                seen.add(str(response.status_code))
    forged = token[:-3] + "AAA"
    for authorization in (forged, f"Bearer {forged}", f"Bearer {token},{token}", "Bearer"):
        headers = {"Authorization": authorization}
        problem(stack.nobody.get("/attachments/", headers=headers), 401)
    return seen


def test_no_log_line_holds_a_token_or_a_signed_url(run: LocalRun) -> None:
    stack = Stack(run.ready())
    conversation = stack.conversation()
    message = stack.message(conversation)
    ready = stack.sender.upload(message, note())
    refused = stack.sender.send_file(message, File("a.mp4", "video/mp4", b"no video\n"))
    assert stack.sender.settled(refused["id"])["status"] == "rejected"
    download = stack.sender.get(f"/attachments/{ready['id']}/download/").json()
    pending = stack.sender.ask(message, note())
    ids = {
        "attachment_id": ready["id"],
        "message_id": message,
        "conversation_id": conversation,
        "user_id": "somebody-else",  # who is erased by it
    }
    seen = use_everything(stack, ids)
    assert seen >= {"200", "400", "401", "403", "404", "422"}

    # Without its table every download fails, and the whole exception is logged.
    last = stack.sender.upload(stack.message(), note())
    client_of(stack, "dynamodb").delete_table(TableName=stack.description["tables"]["activity"])
    problem(stack.sender.get(f"/attachments/{last['id']}/download/"), 500)

    secrets = client_of(stack, "secretsmanager")
    [entry] = secrets.list_secrets()["SecretList"]
    known = [
        *stack.description["tokens"].values(),
        secrets.get_secret_value(SecretId=entry["ARN"])["SecretString"],
        *(parse_qs(urlsplit(url).query)["X-Amz-Signature"][0] for url in (
            download["url"], pending["upload"]["url"]
        )),
    ]  # fmt: skip
    stack.close()
    lines = (run.folder / "functions.log").read_text().splitlines()
    said = [json.loads(line.partition(" ")[2]) for line in lines if line.endswith("}")]
    assert {"inspected", "request refused", "request failed"} <= {e.get("message") for e in said}
    assert any("exception" in entry for entry in said)
    leaks = [
        line for line in lines if SECRETS.search(line) or any(secret in line for secret in known)
    ]
    assert leaks == []


@pytest.mark.parametrize(
    "line", ["https://b/k?X-Amz-Signature=00", "token eyJhbGciOiJIUzI1NiJ9.e30.x", "Bearer abc"]
)
def test_a_secret_in_a_line_would_be_seen(line: str) -> None:
    assert SECRETS.search(line)
