"""Shows what other systems hear of a stack, as it happens, until Ctrl-C.

    python -m deployment.watch_events .local/stack.json      a local stack, by its description
    python -m deployment.watch_events offchat-attachments    a deployed one, by its name

It listens as any other system would: by a rule on the bus and a queue behind it. Both are its own,
and it removes them at its end. What happened before it began is not shown.
"""

import argparse
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from deployment import stacks

SOURCE = "offchat.attachments"
TARGET = "queue"
WAIT_S = 2
KEPT_S = 3600  # by a queue whose watcher was killed
COLOURS = {"ready": "32", "rejected": "33", "failed": "31", "deleted": "90"}
Json = dict[str, Any]


@dataclass(frozen=True)
class Watch:
    """A queue that hears of everything on a bus."""

    sqs: Any
    queue: str

    def events(self) -> Iterator[Json]:
        """What has come meanwhile, in EventBridge's envelope; waits for some seconds."""
        received = self.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_S
        )
        for message in received.get("Messages", []):
            yield json.loads(message["Body"])
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])


@contextmanager
def watching(stack: stacks.Stack) -> Iterator[Watch]:
    """Listen to a stack's bus while the context lasts. Raises UnknownStackError, ClientError."""
    bus, name = stack.output("EventBus"), f"watch-{uuid4()}"
    events, sqs = stack.client("events"), stack.client("sqs")
    of_rule = {"Name": name, "EventBusName": bus}
    with ExitStack() as cleanup:
        rule = events.put_rule(**of_rule, EventPattern=json.dumps({"source": [SOURCE]}))["RuleArn"]
        cleanup.callback(events.delete_rule, **of_rule)
        kept = {"MessageRetentionPeriod": str(KEPT_S)}
        queue = sqs.create_queue(QueueName=name, Attributes=kept)["QueueUrl"]
        cleanup.callback(sqs.delete_queue, QueueUrl=queue)
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        policy = {"Policy": json.dumps(_only_from(rule, arn))}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=policy)
        of_targets = {"Rule": name, "EventBusName": bus}
        events.put_targets(**of_targets, Targets=[{"Id": TARGET, "Arn": arn}])
        cleanup.callback(events.remove_targets, **of_targets, Ids=[TARGET])
        yield Watch(sqs, queue)


def _only_from(rule: str, queue: str) -> Json:
    """The policy by which EventBridge may put what this rule matches into the queue."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
            }
        ],
    }


def line(event: Json) -> str:
    """One event for people: when, what became of which attachment, and what it is."""
    detail = event["detail"]
    data, became = detail["data"], detail["type"].rpartition(".")[2]
    said = [
        detail["timestamp"][11:19],
        _coloured(f"{became:<8}", COLOURS.get(became, "0")),
        data["id"],
        f"by {data['uploaded_by']}",
        data["mime_type"],
        f"{data['file_size']:,} bytes",
    ]
    if data.get("width"):
        said.append(f"{data['width']}x{data['height']}")
    if data.get("duration_ms"):
        said.append(f"{data['duration_ms'] / 1000:.1f} s")
    if data.get("reason"):
        said.append(data["reason"])
    return "  ".join(said)


def _coloured(text: str, colour: str) -> str:
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() else text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make events", description="Show what other systems hear, as it happens."
    )
    parser.add_argument("stack", help="a stack.json, or the name of a deployed stack")
    parser.add_argument("--json", action="store_true", help="one JSON document a line, for scripts")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with watching(stacks.of(chosen.stack)) as watch:
            print("Watching until Ctrl-C.", file=sys.stderr, flush=True)
            while True:
                for event in watch.events():
                    print(json.dumps(event) if chosen.json else line(event), flush=True)
    except KeyboardInterrupt:
        return 0
    except (stacks.UnknownStackError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
