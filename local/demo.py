"""The demo: a conversation with a message, and a video sent with it as a client would send it."""

import json
import mimetypes
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from local.console import heading, note

WAIT_S = 60
PARTICIPANTS = ["sender", "participant"]
EXTRA_TYPES = {".mkv": "video/x-matroska", ".webm": "video/webm", ".ogg": "video/ogg"}


class DemoError(Exception):
    """The stack did not do what the demo asked; the message says what came instead."""


def seed(stack: dict[str, Any]) -> None:
    """Tell the stack, as the chat backend would, of a conversation and a message in it."""
    with _client(stack, "service") as client:
        conversation, message = stack["conversation_id"], stack["message_id"]
        body: dict[str, Any] = {"participants": PARTICIPANTS, "version": 1}
        _expect(client.put(f"/api/chat/conversations/{conversation}/", json=body), 200)
        body = {"conversation_id": conversation, "sender_id": PARTICIPANTS[0], "version": 1}
        _expect(client.put(f"/api/chat/messages/{message}/", json=body), 200)


def upload(stack: dict[str, Any], path: Path, folder: Path) -> dict[str, Any]:
    """Upload a video, wait for its record, save its thumbnail; the record."""
    suffix = path.suffix.lower()
    mime_type = EXTRA_TYPES.get(suffix) or mimetypes.guess_type(path.name)[0] or "video/mp4"
    with _client(stack, "sender") as client:
        began = time.perf_counter()
        request = {
            "message_id": stack["message_id"],
            "file_name": path.name,
            "file_size": path.stat().st_size,
            "mime_type": mime_type,
        }
        ticket = _expect(client.post("/api/chat/videos/upload/", json=request), 201)
        note(f"  pending   {ticket['id']}  ({request['file_size']:,} bytes)")
        put = ticket["upload"]
        with path.open("rb") as body:
            headers = {**put["headers"], "Content-Length": str(request["file_size"])}
            sent = httpx.put(put["url"], content=body, headers=headers, timeout=600)
        if sent.status_code != 200:
            raise DemoError(f"S3 refused the upload: {sent.status_code} {sent.text}")
        uploaded = time.perf_counter()
        note(f"  uploaded  in {uploaded - began:.2f} s, straight to S3")
        record = _settled(client, ticket["id"])
        note(f"  {record['status']:<9} {time.perf_counter() - uploaded:.2f} s after the last byte")
        if record["thumbnail_url"]:
            picture = folder / f"{record['id']}.jpg"
            picture.write_bytes(httpx.get(record["thumbnail_url"]).raise_for_status().content)
            note(f"  thumbnail {picture}")
    return record


def instructions(stack: dict[str, Any]) -> None:
    """How to do the same by hand."""
    api, token = stack["api"], stack["tokens"]["sender"]
    heading("Upload a video of your own with curl (or: make run FILE=path/to/video.mp4)")
    note(
        f"""\
  export API={api} MESSAGE={stack["message_id"]}
  export TOKEN={token}
  FILE=holiday.mp4
  curl -s $API/api/chat/videos/upload/ -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{{"message_id":"'$MESSAGE'","file_name":"'$FILE'",
    "file_size":'$(wc -c <$FILE)',"mime_type":"video/mp4"}}'
  curl -T $FILE -H 'Content-Type: video/mp4' -H 'If-None-Match: *' '<upload.url of the answer>'
  curl -s $API/api/chat/attachments/<id of the answer>/ -H "Authorization: Bearer $TOKEN\""""
    )


def show(record: dict[str, Any]) -> None:
    heading("The record")
    print(json.dumps(record, indent=2), flush=True)


def new_ids() -> dict[str, str]:
    return {"conversation_id": str(uuid4()), "message_id": str(uuid4())}


def _settled(client: httpx.Client, attachment_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        record = _expect(client.get(f"/api/chat/attachments/{attachment_id}/"), 200)
        if record["status"] != "pending":
            return record
        time.sleep(0.1)
    raise DemoError(f"The upload was not inspected within {WAIT_S} s.")


def _client(stack: dict[str, Any], who: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {stack['tokens'][who]}"}
    return httpx.Client(base_url=stack["api"], headers=headers, timeout=30)


def _expect(response: httpx.Response, status: int) -> dict[str, Any]:
    if response.status_code != status:
        raise DemoError(f"{response.request.method} {response.url}: {response.text}")
    answer: dict[str, Any] = response.json()
    return answer
