"""The demo: a conversation with a message, and a video sent with it by the Python client."""

import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from local.console import heading, note
from offchat_attachments import Attachment, Client

PATIENCE_S = 180  # sam builds an image before its first answer
PARTICIPANTS = ["sender", "participant"]


class DemoError(Exception):
    """The stack did not do what the demo asked; the message says what came instead."""


def seed(stack: dict[str, Any]) -> None:
    """Tell the stack, as the chat backend would, of a conversation and a message in it."""
    conversation, message = stack["conversation_id"], stack["message_id"]
    headers = {"Authorization": f"Bearer {stack['tokens']['service']}"}
    with httpx.Client(base_url=stack["api"], headers=headers, timeout=PATIENCE_S) as backend:
        for path, body in (
            (f"conversations/{conversation}", {"participants": PARTICIPANTS}),
            (
                f"messages/{message}",
                {"conversation_id": conversation, "sender_id": PARTICIPANTS[0]},
            ),
        ):
            answer = backend.put(f"/api/chat/{path}/", json={**body, "version": 1})
            if answer.status_code != 200:
                raise DemoError(f"{answer.request.method} {answer.url}: {answer.text}")


def upload(stack: dict[str, Any], path: Path, folder: Path) -> Attachment:
    """Upload a video, wait for its record, save its thumbnail; the record."""
    with Client(stack["api"], stack["tokens"]["sender"]) as client:
        began = time.perf_counter()
        sent = client.upload(path, message_id=stack["message_id"], video_only=True, wait=False)
        uploaded = time.perf_counter()
        note(f"  {sent.id}")
        note(f"  uploaded  {sent.file_size:,} bytes in {uploaded - began:.2f} s, straight to S3")
        ready = client.wait(sent.id)
        note(f"  {ready.status:<9} {time.perf_counter() - uploaded:.2f} s after the last byte")
        if ready.thumbnail_url:
            picture = folder / f"{ready.id}.jpg"
            picture.write_bytes(httpx.get(ready.thumbnail_url).raise_for_status().content)
            note(f"  thumbnail {picture}")
    return ready


def instructions(stack: dict[str, Any], attachment_id: str) -> None:
    """How to do the same by hand."""
    heading("The same with files of yours, in another shell")
    note(
        f"""\
  export PATH="{Path(sys.executable).parent}:$PATH" OFFCHAT_API={stack["api"]}
  export OFFCHAT_TOKEN={stack["tokens"]["sender"]}
  attachments upload holiday.mp4 --message {stack["message_id"]}
  attachments list --message {stack["message_id"]}
  attachments download {attachment_id}
  attachments --help"""
    )


def show(attachment: Attachment) -> None:
    heading("The record")
    print(json.dumps(attachment.json, indent=2), flush=True)


def new_ids() -> dict[str, str]:
    return {"conversation_id": str(uuid4()), "message_id": str(uuid4())}
