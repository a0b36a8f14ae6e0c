"""What waits and what differs: dead letters, and records against bucket and counters."""

from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from attachments.catalog import record_of
from attachments.counters import Counters, Marker
from attachments.model import Attachment, Status
from deployment.doctor.checks import WrongError
from deployment.stacks import Stack

RECORDS = 300  # that are looked at; the sweep looks at all of them in turn
AT_ONCE = 8
MARKERS = 100  # of one question


def dead_letters(stack: Stack) -> str:
    for output, says, todo in (
        ("DeadLetters", "{} uploads could not be inspected.", "docs/operations.md, UploadsDead."),
        ("AnnounceDeadLetters", "{} changes were not told.", "docs/operations.md, AnnounceDead."),
        ("WebhooksDeadLetters", "{} webhooks were not taken.", "docs/operations.md, WebhooksDead."),
    ):
        name = "ApproximateNumberOfMessages"
        answer = stack.client("sqs").get_queue_attributes(
            QueueUrl=stack.output(output), AttributeNames=[name]
        )
        waiting = int(answer["Attributes"][name])
        if waiting:
            raise WrongError(says.format(waiting), f"See {todo}")
    return "none"


def drift(stack: Stack) -> str:
    """The bytes of ready records are there, in the version that is served."""
    ready = [record for record in _some(stack) if record.status is Status.READY]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        missing = [id_ for id_ in threads.map(lambda each: _missing(stack, each), ready) if id_]
    if missing:
        says = f"The bytes of {len(missing)} of {len(ready)} ready files are gone: {missing[0]} …"
        raise WrongError(says, "See docs/operations.md, FilesMissing.")
    return f"{len(ready)} ready files have their bytes"


def counts(stack: Stack) -> str:
    """The usage report counts files as what they are."""
    counters = Counters(stack.dynamodb(), stack.resource("Counters"))
    generation, records = counters.generations().read, _some(stack)
    markers: dict[str, Marker] = {}
    for begin in range(0, len(records), MARKERS):
        ids = [record.id for record in records[begin : begin + MARKERS]]
        markers |= counters.markers(generation, ids)
    wrong = [record.id for record in records if markers.get(record.id) != Marker.of(record)]
    if wrong:
        says = f"{len(wrong)} of {len(records)} files are counted wrong, or are not counted yet."
        raise WrongError(says, "Ask again in a minute; then `make recount`.")
    return f"{len(records)} files are counted as what they are"


def _some(stack: Stack) -> list[Attachment]:
    answer = stack.dynamodb().scan(
        TableName=stack.resource("Attachments"), ConsistentRead=True, Limit=RECORDS
    )
    return [record_of(item) for item in answer["Items"]]


def _missing(stack: Stack, record: Attachment) -> str | None:
    assert record.version is not None
    try:
        stack.client("s3").head_object(
            Bucket=stack.output("Bucket"),
            Key=record.upload_key,
            VersionId=record.version.version_id,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchVersion", "NoSuchKey", "405"):
            return record.id
        raise
    return None
