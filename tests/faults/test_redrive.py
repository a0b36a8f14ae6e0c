"""Failed inspections: nothing else suffers, nothing is lost, and a redrive completes them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from deployment.redrive import Redrive, main, of_stack
from deployment.stacks import UnknownStackError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ROOT = Path(__file__).parents[2]
FAULTS = ("failed", "throttled", "cut", "killed")
Json = dict[str, Any]

# ---------------------------------------------------------------- a poison object among ten


@pytest.fixture(scope="module")
def seen() -> Json:
    """What became of ten uploads, one of which cannot be read: see `tests.faults.poison`."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.poison"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    said: Json = json.loads(ran.stdout)
    return said


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_poison_object_among_ten_keeps_none_of_the_others_from_being_ready(
    seen: Json, fault: str
) -> None:
    delivered = seen[fault]["delivered"]
    assert delivered["others"] == {"ready": 9}
    assert delivered["dead_letters"] == 1
    assert delivered["objects"] == {"thumbnails": 9, "uploads": 10}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_its_retries_its_record_says_failed_and_why_and_the_bytes_stay(
    seen: Json, fault: str
) -> None:
    # An inspector that was killed each time cannot write it: then the sweep does.
    when = "swept" if fault == "killed" else "delivered"
    if fault == "killed":
        assert seen[fault]["delivered"]["poisoned"] == "pending"
    found = seen[fault][when]
    assert found["poisoned"] == "failed"
    assert found["reason"]
    assert found["activity"] == {"upload_requested": 10, "file_uploaded": 9, "file_failed": 1}
    assert seen[fault]["swept"]["objects"]["uploads"] == 10


@pytest.mark.parametrize("fault", FAULTS)
def test_a_redrive_after_a_fix_completes_it(seen: Json, fault: str) -> None:
    assert seen[fault]["redriven"] == {"moved": 1}
    assert seen[fault]["mended"] == {
        "others": {"ready": 9},
        "poisoned": "ready",
        "reason": None,
        "dead_letters": 0,
        "activity": {"upload_requested": 10, "file_uploaded": 10, "file_failed": 1},
        "objects": {"thumbnails": 10, "uploads": 10},
    }


# ---------------------------------------------------------------- the redrive itself


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator["SQSClient"]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("deployment.redrive.WAIT_S", 0)
    with mock_aws():
        yield boto3.client("sqs")


@pytest.fixture
def redrive(sqs: "SQSClient") -> Redrive:
    """Two queues of this test's own."""
    dead_letters = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    return Redrive(sqs, dead_letters, sqs.create_queue(QueueName="uploads")["QueueUrl"])


def bury(redrive: Redrive, *bodies: str) -> None:
    for body in bodies:
        redrive.sqs.send_message(QueueUrl=redrive.dead_letters, MessageBody=body)


def bodies(redrive: Redrive, url: str) -> list[str]:
    found: list[str] = []
    while True:
        received = redrive.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        messages = received.get("Messages", [])
        if not messages:
            return sorted(found)
        found += [message["Body"] for message in messages]


def test_every_dead_letter_goes_back_as_it_was(redrive: Redrive) -> None:
    sent = [f"message {number:02}" for number in range(25)]
    bury(redrive, *sent)
    assert redrive.waiting() == 25
    assert redrive.run() == 25
    assert bodies(redrive, redrive.queue) == sent
    assert redrive.waiting() == 0


def test_without_dead_letters_there_is_nothing_to_do(redrive: Redrive) -> None:
    assert redrive.run() == 0


def test_what_fails_again_meanwhile_is_left_and_does_not_go_round_for_ever(
    redrive: Redrive, sqs: "SQSClient"
) -> None:
    """SQS keeps a message's id when it becomes a dead letter again."""
    both = Redrive(sqs, redrive.dead_letters, redrive.dead_letters)
    bury(both, "poison")
    assert both.run() == 1
    assert both.waiting() == 1


def test_a_crash_between_sending_and_deleting_loses_nothing(redrive: Redrive) -> None:
    class CrashError(Exception):
        pass

    def crash(**_: Any) -> None:
        raise CrashError

    bury(redrive, "message")
    redrive.sqs.meta.events.register("before-call.sqs.DeleteMessage", crash)
    with pytest.raises(CrashError):
        redrive.run()
    assert bodies(redrive, redrive.queue) == ["message"]
    name: Any = "ApproximateNumberOfMessagesNotVisible"
    held = redrive.sqs.get_queue_attributes(QueueUrl=redrive.dead_letters, AttributeNames=[name])
    assert held["Attributes"][name] == "1"  # it shows again after a while, and goes a second time


def test_a_deployed_stack_is_found_by_its_outputs(sqs: "SQSClient") -> None:
    queue = {"Type": "AWS::SQS::Queue"}
    template = {
        "Resources": {"Uploads": queue, "UploadsDeadLetters": queue},
        "Outputs": {
            "UploadsQueue": {"Value": {"Ref": "Uploads"}},
            "DeadLetters": {"Value": {"Ref": "UploadsDeadLetters"}},
        },
    }
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(StackName="deployed", TemplateBody=json.dumps(template))
    redrive = of_stack("deployed")
    bury(redrive, "message")
    assert redrive.run() == 1
    assert bodies(redrive, redrive.queue) == ["message"]


def test_a_local_stack_is_found_by_its_description(tmp_path: Path) -> None:
    aws = {
        "endpoint_url": "http://127.0.0.1:1",
        "region": "us-east-1",
        "access_key_id": "a",
        "secret_access_key": "b",
    }
    queues = {"uploads": "http://127.0.0.1:1/1/up", "dead_letters": "http://127.0.0.1:1/1/dead"}
    path = tmp_path / "stack.json"
    path.write_text(json.dumps({"aws": aws, "queues": queues}))
    redrive = of_stack(str(path))
    assert (redrive.queue, redrive.dead_letters) == (queues["uploads"], queues["dead_letters"])
    assert redrive.sqs.meta.endpoint_url == aws["endpoint_url"]


@pytest.mark.parametrize("said", ["", "no JSON", "{}", "[]", '{"aws": {}, "queues": {}}'])
def test_what_describes_no_stack_is_said_in_one_sentence(
    tmp_path: Path, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "stack.json"
    path.write_text(said)
    assert main([str(path)]) == 1
    assert "does not describe a stack" in capsys.readouterr().err


def test_a_stack_that_is_not_there_is_said_in_one_sentence(
    sqs: "SQSClient", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnknownStackError):
        of_stack("nowhere")
    assert main(["nowhere"]) == 1
    assert main([str(tmp_path / "stack.json")]) == 1
    assert "No local stack is running" in capsys.readouterr().err


def test_the_command_says_what_it_did(
    redrive: Redrive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deployment.redrive.of_stack", lambda _, **__: redrive)
    bury(redrive, "one", "two")
    assert main(["stack", "--count"]) == 0
    assert main(["stack"]) == 0
    counted, moved = capsys.readouterr().out.splitlines()
    assert counted == "About 2 dead letters."
    assert moved.startswith("2 dead letters")
