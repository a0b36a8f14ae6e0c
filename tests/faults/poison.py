"""A poison object among ten: whoever reads it fails, or is killed, until it is mended.

    python -m tests.faults.poison

prints what became of the ten, for each fault, before and after the redrive, as JSON.
"""

import json
import os
import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3

from attachments import wiring
from deployment.redrive import Redrive
from functions.inspect_upload import app as inspect_upload
from tests.faults import calls
from tests.faults.acts import PAST_ALL_DEADLINES, Chat, move_clock, use_glances
from tests.faults.boundaries import AtOperation, Boundaries, Fault, without_backoff
from tests.faults.scene import Context
from tests.faults.snapshots import Child, Cloud
from tests.faults.stored import Stores, outside_s3
from tests.faults.wired import wired_cloud

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

FAULTS = (Fault.FAILED, Fault.THROTTLED, Fault.CUT, Fault.KILLED)
UPLOADS = 10
Seen = dict[str, Any]


def tell(cloud: Cloud, fault: Fault) -> dict[str, Seen]:
    """The story of one fault."""
    use_glances()
    sqs: SQSClient = boto3.client("sqs")
    with cloud.answering():
        chat = Chat()
        chat.begin()
        told = [chat.uploaded(f"{number}.txt") for number in range(UPLOADS)]
    poison = AtOperation(fault, operation="GetObject", key=told[3]["key"])

    def story() -> dict[str, Seen]:
        seen = {}
        _drain(cloud, sqs, poison)
        seen["delivered"] = _look(sqs)
        move_clock(PAST_ALL_DEADLINES)
        calls.sweep()
        seen["swept"] = _look(sqs)
        redrive = Redrive(sqs, os.environ["TEST_DEAD_LETTERS"], os.environ["TEST_UPLOADS"])
        seen["redriven"] = {"moved": redrive.run()}
        _drain(cloud, sqs, None)
        seen["mended"] = _look(sqs)
        return seen

    clients = (wiring.dynamodb(), wiring.storage()._client, outside_s3(), sqs)
    return cloud.copied(story, clients)


def _drain(cloud: Cloud, sqs: "SQSClient", poison: Boundaries | None) -> None:
    """What Lambda does with the queue, until it is empty; a failed message comes back at once."""
    url = os.environ["TEST_UPLOADS"]
    while True:
        received = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=1,
            VisibilityTimeout=0,
            MessageSystemAttributeNames=["All"],
        )
        messages = received.get("Messages", [])
        if not messages:
            return
        done, _ = cloud.process(partial(_invoke, messages[0], poison))
        if done:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])


def _invoke(message: "MessageTypeDef", poison: Boundaries | None) -> bool:
    if poison is not None:
        poison.watch(wiring.storage()._client)
    record = {"body": message["Body"], "attributes": message["Attributes"]}
    try:
        inspect_upload.handler({"Records": [record]}, Context())
    except Exception:
        return False
    return True


def _look(sqs: "SQSClient") -> Seen:
    stores = Stores.wired()
    name: Any = "ApproximateNumberOfMessages"
    waiting = sqs.get_queue_attributes(
        QueueUrl=os.environ["TEST_DEAD_LETTERS"], AttributeNames=[name]
    )
    records = list(stores.rows(stores.settings.attachments_table))
    poisoned = next(record for record in records if record["file_name"] == "3.txt")
    return {
        "others": Counter(record["status"] for record in records if record is not poisoned),
        "poisoned": poisoned["status"],
        "reason": poisoned.get("reason"),
        "dead_letters": int(waiting["Attributes"][name]),
        "activity": Counter(
            entry["action"] for entry in stores.rows(stores.settings.activity_table)
        ),
        "objects": Counter(version["Key"].split("/")[0] for version in stores.versions()),
    }


def main() -> int:
    without_backoff()
    cloud = wired_cloud()
    seen = {str(fault): Child(partial(tell, cloud, fault)).result() for fault in FAULTS}
    print(json.dumps(seen, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
