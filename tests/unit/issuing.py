"""A request for an upload, and its ticket."""

import base64
import hashlib
from typing import Any

from attachments.model import Caller
from attachments.settings import MEGABYTE as MB
from functions.issue_upload.issue_upload import issue_upload
from functions.issue_upload.schemas import IssuedUpload, UploadRequest
from tests.builders import MESSAGE, SENDER, settings_of
from tests.fakes import World

SHA256 = base64.b64encode(hashlib.sha256(b"x").digest()).decode()


def video(**changes: Any) -> UploadRequest:
    fields = {
        "message_id": MESSAGE,
        "file_name": "holiday.mp4",
        "file_size": 7 * MB,
        "mime_type": "video/mp4",
    }
    return UploadRequest(**{**fields, **changes})


def issue(
    world: World,
    request: UploadRequest | None = None,
    *,
    caller: Caller = SENDER,
    video_only: bool = False,
    key: str | None = None,
    **settings: Any,
) -> IssuedUpload:
    return issue_upload(
        request or video(),
        caller=caller,
        video_only=video_only,
        idempotency_key=key,
        settings=settings_of(**settings),
        catalog=world.catalog,
        chat=world.chat,
        guards=world.guards,
        storage=world.storage,
        clock=world.clock,
    )
