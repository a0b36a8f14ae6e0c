"""S3 events through SQS: each new object is inspected, once, whatever is delivered how often."""

import os
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.ids import utc_now
from functions.inspect_upload import measures
from functions.inspect_upload.events import objects_created
from functions.inspect_upload.inspect import Inspected, Inspection
from functions.inspect_upload.sandbox import Sandbox, hide_credentials

logger = Logger()
hide_credentials()


@cache
def inspection() -> Inspection:
    return Inspection(
        catalog=wiring.catalog(),
        storage=wiring.storage(),
        deletion=wiring.deletion(),
        settings=wiring.settings(),
        sandbox=Sandbox(Path(os.environ["FFMPEG_DIR"])),
        clock=utc_now,
        tell=_told,
    )


def _told(inspected: Inspected) -> None:
    measures.publish(inspected, now=utc_now())


def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Inspect every object that the event tells of.

    An exception returns the message to the queue; after `MAX_RECEIVES` it is a dead letter.
    """
    for record in event["Records"]:
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        last_try = receives >= int(os.environ["MAX_RECEIVES"])
        for created in objects_created(record["body"], bucket=wiring.settings().bucket):
            logger.append_keys(attachment_id=created.attachment_id, receives=receives)
            try:
                outcome = inspection().run(created, last_try=last_try)
            except Exception as error:
                measures.publish_error(error, attachment_id=created.attachment_id)
                raise
            logger.info("inspected", outcome=outcome)
