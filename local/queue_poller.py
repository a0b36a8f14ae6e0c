"""An SQS event source mapping: what Lambda does between a queue and a function.

It long-polls the queue, invokes the function with up to `batch_size` messages, at most
`max_concurrency` times at once, and deletes what succeeded. What failed stays in the queue: SQS
shows it again, counts its receives, and moves it to the dead-letter queue (moto does, at the
receive after the last one allowed, as SQS). A mapping that `reports_failures` has its function name
the messages that failed, and these stay hidden for as long as the function made them. AWS pages:
"Using Lambda with Amazon SQS", "Handling errors for an SQS event source in Lambda".

Other than on AWS, messages of an invocation that failed come back after `RETRY_AFTER_S`, so that
nobody waits six minutes at a desk.
"""

import asyncio
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.lambda_client import InvokeError, LambdaClient
from local.template import REGION

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

POLL_S = 1
PAUSE_S = 0.1
PAUSE_AFTER_ERROR_S = 1.0
RETRY_AFTER_S = 2


@dataclass(frozen=True, kw_only=True)
class QueueMapping:
    """A queue that feeds a function."""

    function: str
    queue_url: str
    queue_arn: str
    batch_size: int
    max_concurrency: int
    reports_failures: bool = False
    enabled: bool = True

    @property
    def source_arn(self) -> str:
        return self.queue_arn


@dataclass
class QueuePoller:
    """`log` gets a line for each batch that failed. While it is not `enabled`, the queue waits."""

    mapping: QueueMapping
    sqs: "SQSClient"
    functions: LambdaClient
    _: KW_ONLY
    log: Callable[[str], None]
    retry_after_s: int = RETRY_AFTER_S
    enabled: bool = True

    async def run(self) -> None:
        """Until it is cancelled."""
        slots = asyncio.Semaphore(self.mapping.max_concurrency)
        async with asyncio.TaskGroup() as batches:
            while True:
                if not self.enabled:
                    await asyncio.sleep(PAUSE_S)
                    continue
                await slots.acquire()
                messages = await self._receive()
                if messages:
                    batch = batches.create_task(self._process(messages))
                    batch.add_done_callback(lambda _: slots.release())
                else:
                    slots.release()

    async def _receive(self) -> "list[MessageTypeDef]":
        try:
            received = await asyncio.to_thread(
                self.sqs.receive_message,
                QueueUrl=self.mapping.queue_url,
                MaxNumberOfMessages=self.mapping.batch_size,
                WaitTimeSeconds=POLL_S,
                MessageSystemAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError) as error:
            self.log(f"{self.mapping.function}: cannot read {self.mapping.queue_url}: {error}")
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)
            return []
        return received.get("Messages", [])

    async def _process(self, messages: "list[MessageTypeDef]") -> None:
        function = self.mapping.function
        try:
            event = {"Records": [self._record(message) for message in messages]}
            answer = await self.functions.invoke(function, event)
            settle = partial(self._settle, messages, self._named(messages, answer))
        except InvokeError as error:
            self.log(f"{function}: batch of {len(messages)} failed: {error}")
            settle = partial(self._show_again, messages)
        try:
            await asyncio.to_thread(settle)
        except (BotoCoreError, ClientError) as error:
            self.log(f"{function}: cannot write {self.mapping.queue_url}: {error}")

    def _named(self, messages: "list[MessageTypeDef]", answer: Any) -> set[str]:
        """The ids of the messages that the function says have failed.

        Raises InvokeError where it names none of them by its id: on AWS all of them failed then.
        """
        if not self.mapping.reports_failures:
            return set()
        function = self.mapping.function
        try:
            failures = (answer or {}).get("batchItemFailures") or []
            failed = {failure["itemIdentifier"] for failure in failures}
        except (AttributeError, KeyError, TypeError) as error:
            raise InvokeError(f"{function}: {answer} names no failures") from error
        if not failed <= {message["MessageId"] for message in messages}:
            raise InvokeError(f"{function}: {answer} names what is not in the batch")
        if failed:
            self.log(f"{function}: {len(failed)} of {len(messages)} must come again")
        return failed

    def _settle(self, messages: "list[MessageTypeDef]", failed: set[str]) -> None:
        for message in messages:
            if message["MessageId"] not in failed:
                url, handle = self.mapping.queue_url, message["ReceiptHandle"]
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)

    def _show_again(self, messages: "list[MessageTypeDef]") -> None:
        for message in messages:
            self.sqs.change_message_visibility(
                QueueUrl=self.mapping.queue_url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=self.retry_after_s,
            )

    def _record(self, message: "MessageTypeDef") -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.mapping.queue_arn,
            "awsRegion": REGION,
        }
