"""The queue poller and the schedule, with moto's SQS over HTTP and real function processes."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.lambda_client import LambdaClient
from local.queue_poller import QueueMapping, QueuePoller
from local.runtime import Runtime
from local.scheduler import period_s, run_schedule
from local.worker import Function
from tests.local.probe_functions.background import Background

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PROBES = Path(__file__).parent / "probe_functions"


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    with Background() as background:
        yield background


@pytest.fixture(scope="module")
def sqs() -> Iterator["SQSClient"]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "sqs",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield client
    client.close()
    server.stop()


class Stage:
    """A queue of three receives with its dead-letter queue, a function, and its notes."""

    def __init__(
        self, background: Background, sqs: "SQSClient", functions: LambdaClient, notes: Path
    ) -> None:
        self.background, self.sqs, self.functions, self.notes = background, sqs, functions, notes
        self.lines: list[str] = []
        name = notes.parent.name
        self.dead_letters = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": self.arn(self.dead_letters), "maxReceiveCount": 3}
        self.queue = sqs.create_queue(
            QueueName=name,
            Attributes={"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "360"},
        )["QueueUrl"]

    def arn(self, queue: str) -> str:
        got = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return got["Attributes"]["QueueArn"]

    def polling(self, *, retry_after_s: int = 0, **settings: Any) -> AbstractContextManager[None]:
        poller = QueuePoller(
            self.mapping(**settings),
            self.sqs,
            self.functions,
            log=self.lines.append,
            retry_after_s=retry_after_s,
        )
        return self.background.running(poller.run())

    def mapping(self, **settings: Any) -> QueueMapping:
        """Of batches of ten, ten at once, unless the settings say otherwise."""
        return QueueMapping(
            function="consume",
            queue_url=self.queue,
            queue_arn=self.arn(self.queue),
            **{"batch_size": 10, "max_concurrency": 10, **settings},
        )

    def send(self, *bodies: str) -> None:
        entries: Any = [
            {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)
        ]
        self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)

    def events(self) -> list[dict[str, Any]]:
        if not self.notes.exists():
            return []
        return [json.loads(line) for line in self.notes.read_text().splitlines()]

    def bodies(self) -> list[str]:
        return sorted(record["body"] for event in self.events() for record in event["Records"])

    def held(self, queue: str) -> int:
        """Messages in the queue, those in flight included."""
        return self.visible(queue) + self._count(queue, "ApproximateNumberOfMessagesNotVisible")

    def visible(self, queue: str) -> int:
        return self._count(queue, "ApproximateNumberOfMessages")

    def _count(self, queue: str, name: Any) -> int:
        got = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
        return int(got["Attributes"][name])


@pytest.fixture
def stage(background: Background, sqs: "SQSClient", tmp_path: Path) -> Iterator[Stage]:
    notes = tmp_path / "notes"
    function = Function(
        name="consume",
        handler="probe.consume",
        timeout_s=20,
        memory_mb=128,
        environment={"NOTES": str(notes)},
    )
    runtime = Runtime([function], root=PROBES, log=lambda _, __: None)
    with (
        background.entered(runtime.serving()) as endpoint,
        background.entered(LambdaClient.connected(endpoint)) as functions,
    ):
        yield Stage(background, sqs, functions, notes)


def eventually(condition: Callable[[], Any], within_s: float = 20) -> Any:
    end = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.01)
    return found


def test_a_message_reaches_the_function_as_lambdas_event_and_is_deleted(stage: Stage) -> None:
    stage.send("hello")
    with stage.polling():
        eventually(lambda: stage.held(stage.queue) == 0)
    [event] = stage.events()
    [record] = event["Records"]
    assert record.pop("messageId")
    assert record.pop("receiptHandle")
    attributes = record.pop("attributes")
    assert attributes["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(attributes)
    assert record == {
        "body": "hello",
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(b"hello").hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": stage.arn(stage.queue),
        "awsRegion": "us-east-1",
    }


def test_messages_arrive_in_batches(stage: Stage) -> None:
    stage.send(*(str(number) for number in range(7)))
    with stage.polling(batch_size=3, max_concurrency=1):
        eventually(lambda: stage.held(stage.queue) == 0)
    assert [len(event["Records"]) for event in stage.events()] == [3, 3, 1]


def test_a_message_that_always_fails_is_a_dead_letter_after_three_receives(stage: Stage) -> None:
    stage.send("fail")
    with stage.polling():
        eventually(lambda: stage.held(stage.dead_letters) == 1)
    assert stage.held(stage.queue) == 0
    counts = [event["Records"][0]["attributes"] for event in stage.events()]
    assert [count["ApproximateReceiveCount"] for count in counts] == ["1", "2", "3"]
    assert all("asked to fail" in line for line in stage.lines)
    assert len(stage.lines) == 3


def test_a_whole_batch_returns_when_the_function_fails(stage: Stage) -> None:
    stage.send("good", "fail")
    with stage.polling(batch_size=2):
        eventually(lambda: stage.held(stage.dead_letters) >= 1)
    # How the two come together again is SQS's choice; that the good one came again is not.
    assert stage.bodies().count("good") >= 2


def test_of_a_batch_only_what_the_function_names_comes_again(stage: Stage) -> None:
    stage.send("good", "report")
    stage.sqs.set_queue_attributes(QueueUrl=stage.queue, Attributes={"VisibilityTimeout": "1"})
    with stage.polling(batch_size=2, reports_failures=True, retry_after_s=300):
        eventually(lambda: stage.held(stage.dead_letters) == 1)
    assert stage.held(stage.queue) == 0
    assert stage.bodies() == ["good", "report", "report", "report"]
    assert all("1 of" in line and "must come again" in line for line in stage.lines)


@pytest.mark.parametrize("body", ["report nobody", "report nonsense"])
def test_a_report_that_names_no_message_fails_the_whole_batch(stage: Stage, body: str) -> None:
    stage.send(body)
    with stage.polling(reports_failures=True):
        eventually(lambda: stage.held(stage.dead_letters) == 1)
    assert stage.bodies() == [body] * 3


def test_who_does_not_report_is_not_asked(stage: Stage) -> None:
    stage.send("report")
    with stage.polling():
        eventually(lambda: stage.events() and stage.held(stage.queue) == 0)
    assert stage.bodies() == ["report"]


def test_a_failed_message_is_not_seen_before_its_retry(stage: Stage) -> None:
    stage.send("fail")
    with stage.polling(retry_after_s=300):
        eventually(lambda: stage.lines)
        stage.send("good")
        eventually(lambda: "good" in stage.bodies() and stage.held(stage.queue) == 1)
    assert stage.bodies() == ["fail", "good"]
    assert stage.visible(stage.queue) == 0


def test_no_more_than_max_concurrency_batches_are_at_work(stage: Stage) -> None:
    stage.send("work for 600", "work for 600", "waits")
    with stage.polling(batch_size=1, max_concurrency=2):
        eventually(lambda: len(stage.events()) == 2)
        assert stage.visible(stage.queue) == 1


def test_a_queue_that_cannot_be_read_is_told_and_tried_again(stage: Stage) -> None:
    queue = stage.queue
    polling = stage.polling()
    stage.sqs.delete_queue(QueueUrl=queue)
    with polling:
        eventually(lambda: any("cannot read" in line for line in stage.lines))
        stage.sqs.create_queue(QueueName=queue.rpartition("/")[2])
        stage.send("late")
        eventually(lambda: stage.bodies() == ["late"])


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("rate(1 minute)", 60),
        ("rate(5 minutes)", 300),
        ("rate(2 hours)", 7200),
        ("rate(1 day)", 86400),
    ],
)
def test_a_rate_is_a_period(expression: str, seconds: int) -> None:
    assert period_s(expression) == seconds


@pytest.mark.parametrize("expression", ["rate(soon)", "cron(0 12 * * ? *)"])
def test_what_is_no_rate_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        period_s(expression)


def test_a_schedule_invokes_its_function_again_and_again(
    stage: Stage, background: Background
) -> None:
    with background.running(run_schedule("consume", 0.05, stage.functions, log=stage.lines.append)):
        eventually(lambda: len(stage.events()) > 1)
    first, second = stage.events()[:2]
    assert first.pop("id") != second["id"]
    assert first.pop("time").endswith("Z")
    assert first == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/local"],
        "detail": {},
    }


def test_a_schedule_outlives_a_refusal(stage: Stage, background: Background) -> None:
    with background.running(run_schedule("nobody", 0.05, stage.functions, log=stage.lines.append)):
        eventually(lambda: len(stage.lines) > 1)
    assert "Function not found" in stage.lines[0]


def test_while_a_mapping_is_disabled_its_queue_waits(stage: Stage) -> None:
    mapping = stage.mapping()
    poller = QueuePoller(mapping, stage.sqs, stage.functions, log=stage.lines.append, enabled=False)
    stage.send("hello")
    with stage.background.running(poller.run()):
        time.sleep(0.5)
        assert stage.events() == []
        poller.enabled = True
        eventually(lambda: stage.bodies() == ["hello"])
