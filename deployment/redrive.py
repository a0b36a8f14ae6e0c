"""Dead letters back to where they came from, after what kept them there was mended.

    python -m deployment.redrive .local/stack.json                 uploads, of a local stack
    python -m deployment.redrive offchat-attachments               of a deployed one, by its name
    python -m deployment.redrive offchat-attachments --webhooks    webhooks that were not taken

Each message goes to the end of its queue before it leaves the dead-letter queue, so a crash in
between brings an event twice, which is harmless, and loses none. A record that says `failed`
becomes `ready` or `rejected` when its event is inspected; a webhook is posted with the same id.
"""

import argparse
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from deployment import stacks

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

BATCH = 10  # the most that SQS takes and gives at once
WAIT_S = 1  # for messages: a short poll asks only some of the queue's servers


@dataclass
class Redrive:
    """Moves messages from `dead_letters` to `queue`, both queue URLs."""

    sqs: "SQSClient"
    dead_letters: str
    queue: str
    moved: int = 0
    _sent: set[str] = field(default_factory=set)

    def waiting(self) -> int:
        """About how many dead letters there are."""
        name: Any = "ApproximateNumberOfMessages"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.dead_letters, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def run(self) -> int:
        """How many were moved: all that were there, and none that failed once more meanwhile."""
        while messages := self._receive():
            known = [message for message in messages if message["MessageId"] in self._sent]
            for message in known:
                self._leave(message)
            for message in messages:
                if message not in known:
                    self._move(message)
            if known:
                break  # those that were moved come back: the queue has been gone through
        return self.moved

    def _receive(self) -> "list[MessageTypeDef]":
        received = self.sqs.receive_message(
            QueueUrl=self.dead_letters, MaxNumberOfMessages=BATCH, WaitTimeSeconds=WAIT_S
        )
        return received.get("Messages", [])

    def _move(self, message: "MessageTypeDef") -> None:
        sent = self.sqs.send_message(QueueUrl=self.queue, MessageBody=message["Body"])
        self._sent.add(sent["MessageId"])
        self.sqs.delete_message(QueueUrl=self.dead_letters, ReceiptHandle=message["ReceiptHandle"])
        self.moved += 1

    def _leave(self, message: "MessageTypeDef") -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.dead_letters,
            ReceiptHandle=message["ReceiptHandle"],
            VisibilityTimeout=0,
        )


def of_stack(stack: str, *, webhooks: bool = False) -> Redrive:
    """For a local stack's description (a path that ends in `.json`) or a deployed stack's name.

    Raises UnknownStackError.
    """
    found = stacks.of(stack)
    outputs = (
        ("WebhooksDeadLetters", "WebhooksQueue") if webhooks else ("DeadLetters", "UploadsQueue")
    )
    dead_letters, queue = map(found.output, outputs)
    return Redrive(found.client("sqs"), dead_letters, queue)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make redrive", description="Give dead letters to where they came from again."
    )
    parser.add_argument("stack", help="a stack.json, or the name of a deployed stack")
    parser.add_argument("--webhooks", action="store_true", help="those of webhooks, not of uploads")
    parser.add_argument("--count", action="store_true", help="only say how many there are")
    chosen = parser.parse_args(arguments)
    try:
        redrive = of_stack(chosen.stack, webhooks=chosen.webhooks)
        if chosen.count:
            print(f"About {redrive.waiting()} dead letters.")
        else:
            to = "receiver" if chosen.webhooks else "inspector"
            print(f"{redrive.run()} dead letters are on their way to the {to}.")
    except (stacks.UnknownStackError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
