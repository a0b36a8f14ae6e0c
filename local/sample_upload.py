"""An upload that nobody has inspected: record and object of `events/inspect_upload.json`."""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from local.data_plane import DataPlane, StartError
from local.demo import PARTICIPANTS
from local.samples import make_clip
from local.template import REGION, SESSION

ROOT = Path(__file__).parents[1]


def place(data: DataPlane, description: Mapping[str, Any], video: Path) -> None:
    """Put it into a data plane, by a process with a function's environment; no queue tells of it.

    Its message and conversation are those of `description`. Raises StartError.
    """
    if not video.exists():
        make_clip(video)
    environment = {
        **data.stack.functions[0].environment,
        **data.addresses,
        "AWS_DEFAULT_REGION": REGION,
        "PYTHONPATH": str(ROOT / "layers" / "core"),
    }
    command = [sys.executable, "-m", "local.sample_upload", str(video.resolve())]
    ids = [description["message_id"], description["conversation_id"]]
    try:
        subprocess.run([*command, *ids], cwd=ROOT, env=environment, check=True)
    except subprocess.CalledProcessError as error:
        raise StartError(f"The sample could not be placed: {error}") from error
    SESSION.client("sqs", endpoint_url=data.moto).purge_queue(QueueUrl=data.stack.names["Uploads"])


def main() -> None:
    # Only the process that `place` starts has these on its path.
    from attachments import wiring
    from attachments.activity import entry
    from attachments.ids import utc_now
    from attachments.model import Action, Attachment, FileType, Message

    parser = argparse.ArgumentParser(prog="python -m local.sample_upload", description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("message")
    parser.add_argument("conversation")
    arguments = parser.parse_args()
    sender, now, body = PARTICIPANTS[0], utc_now(), arguments.video.read_bytes()
    wiring.chat().put_conversation(arguments.conversation, PARTICIPANTS, 1)
    message = Message(
        id=arguments.message, conversation_id=arguments.conversation, sender_id=sender, version=1
    )
    wiring.chat().put_message(message)
    attachment = Attachment(
        id=attachment_id(),
        message_id=arguments.message,
        conversation_id=arguments.conversation,
        uploaded_by=sender,
        file_name=arguments.video.name,
        file_type=FileType.VIDEO,
        file_size=len(body),
        mime_type="video/mp4",
        created_at=now,
        due_at=now + timedelta(days=1),
    )
    note = entry(Action.UPLOAD_REQUESTED, attachment, user_id=sender, at=now)
    wiring.catalog().create(attachment, note, None)
    wiring.storage().put_once(attachment.upload_key, body, mime_type=attachment.mime_type)


def attachment_id() -> str:
    """The attachment that the event tells of."""
    event = json.loads((ROOT / "events" / "inspect_upload.json").read_text())
    [record] = event["Records"]
    [stored] = json.loads(record["body"])["Records"]
    key: str = unquote_plus(stored["s3"]["object"]["key"])
    return key.removeprefix("uploads/")


if __name__ == "__main__":
    main()
