"""An event source mapping of a DynamoDB stream: what Lambda does between a table and a function.

It reads the stream from its beginning, invokes the function with up to `batch_size` changes in
their order, one batch at a time, and goes on when they are done. What failed comes again: from the
first record that the function named, or all of it, in halves. After `max_retries` it is given up,
and the dead-letter queue is told where in the stream it is. AWS pages: "Using AWS Lambda with
Amazon DynamoDB", "Retaining discarded records in DynamoDB event sources".

Other than on AWS, it tries again after `RETRY_AFTER_S`, and a stream has one shard.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.lambda_client import InvokeError, LambdaClient

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sqs import SQSClient

POLL_S = 0.25
PAUSE_AFTER_ERROR_S = 1.0
RETRY_AFTER_S = 1.0
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StreamMapping:
    """A stream that feeds a function; `dead_letters` is the URL of a queue."""

    function: str
    stream_arn: str
    batch_size: int
    max_retries: int
    dead_letters: str

    @property
    def source_arn(self) -> str:
        return self.stream_arn


@dataclass
class StreamPoller:
    """`log` gets a line for each batch that failed. While it is not `enabled`, the stream waits."""

    mapping: StreamMapping
    streams: "DynamoDBStreamsClient"
    sqs: "SQSClient"
    functions: LambdaClient
    _: KW_ONLY
    log: Callable[[str], None]
    retry_after_s: float = RETRY_AFTER_S
    enabled: bool = True
    _done: str | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            if not self.enabled:
                await asyncio.sleep(POLL_S)
                continue
            try:
                records = await asyncio.to_thread(self._read)
                await self._process(records)
            except (BotoCoreError, ClientError) as error:
                self.log(f"{self.mapping.function}: the stream does not go on: {error}")
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)
            else:
                if not records:
                    await asyncio.sleep(POLL_S)

    def _read(self) -> list[Record]:
        """The changes after the last one that is done."""
        arn = self.mapping.stream_arn
        [shard] = self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        where: Any = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._done}
            if self._done
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        iterator = self.streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], **where
        )["ShardIterator"]
        answer = self.streams.get_records(ShardIterator=iterator, Limit=self.mapping.batch_size)
        return [_as_lambda_has_it(record, arn) for record in answer["Records"]]

    async def _process(self, records: list[Record], tries: int = 0) -> None:
        """Everything, in its order, until it is done or given up."""
        while records:
            first = await self._invoke(records)
            if first:
                self._done = _number(records[first - 1])
                records, tries = records[first:], 0
            elif len(records) > 1:
                half = len(records) // 2
                await self._process(records[:half], tries)
                records = records[half:]
            elif tries == self.mapping.max_retries:
                await asyncio.to_thread(self._give_up, records, tries)
                self._done = _number(records[-1])
                return
            else:
                tries += 1
            if records:
                await asyncio.sleep(self.retry_after_s)

    async def _invoke(self, records: list[Record]) -> int:
        """How many of the records are done: all before the first that must come again."""
        function = self.mapping.function
        try:
            answer = await self.functions.invoke(function, {"Records": records})
            failures = (answer or {}).get("batchItemFailures") or []
            failed = {failure["itemIdentifier"] for failure in failures}
        except InvokeError as error:
            self.log(f"{function}: batch of {len(records)} failed: {error}")
            return 0
        if not failed:
            return len(records)
        self.log(f"{function}: {len(failed)} of {len(records)} must come again")
        numbers = [_number(record) for record in records]
        # A name that is no record's fails the whole batch, as on AWS.
        return min((numbers.index(name) if name in numbers else 0) for name in failed)

    def _give_up(self, records: list[Record], tries: int) -> None:
        self.log(f"{self.mapping.function}: gave up {len(records)} after {tries} retries")
        arn = self.mapping.stream_arn
        arrivals = [record["dynamodb"]["ApproximateCreationDateTime"] for record in records]
        told = {
            "requestContext": {
                "functionArn": self.mapping.function,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": tries + 1,
            },
            "version": "1.0",
            "timestamp": _instant(time.time()),
            "DDBStreamBatchInfo": {
                "shardId": self.streams.describe_stream(StreamArn=arn)["StreamDescription"][
                    "Shards"
                ][0]["ShardId"],
                "startSequenceNumber": _number(records[0]),
                "endSequenceNumber": _number(records[-1]),
                "approximateArrivalOfFirstRecord": _instant(min(arrivals)),
                "approximateArrivalOfLastRecord": _instant(max(arrivals)),
                "batchSize": len(records),
                "streamArn": arn,
            },
        }
        self.sqs.send_message(QueueUrl=self.mapping.dead_letters, MessageBody=json.dumps(told))


def _number(record: Record) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


def _as_lambda_has_it(record: Any, arn: str) -> Record:
    """A record of GetRecords as JSON: its time in seconds, and the stream that it is of."""
    written: datetime = record["dynamodb"]["ApproximateCreationDateTime"]
    told = {**record["dynamodb"], "ApproximateCreationDateTime": int(written.timestamp())}
    return {**record, "dynamodb": told, "eventSourceARN": arn}


def _instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))
