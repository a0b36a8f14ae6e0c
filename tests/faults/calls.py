"""Messages of the queue as they are, for the inspector's door; and a pass of the sweep."""

import json
from typing import Any

from functions.inspect_upload import app as inspect_upload
from functions.sweep import app as sweep_app
from tests.faults.scene import Context

RECEIVES = 3  # the last one


def deliver(body: str, *, receive: int = 1) -> None:
    """A message of the queue, for the `receive`-th time. Raises what the inspector raises."""
    record = {"body": body, "attributes": {"ApproximateReceiveCount": str(receive)}}
    inspect_upload.handler({"Records": [record]}, Context())


def sweep() -> dict[str, int]:
    """One pass."""
    return sweep_app.handler({}, Context())


def created(bucket: str, key: str, **told: Any) -> str:
    """S3's message about a new object; `told` is what else it says of it."""
    return json.dumps(
        {
            "Records": [
                {
                    "eventName": "ObjectCreated:Put",
                    "eventTime": "2026-11-20T09:00:00.000Z",
                    "s3": {"bucket": {"name": bucket}, "object": {"key": key, **told}},
                }
            ]
        }
    )
