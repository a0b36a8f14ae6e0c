"""What is done to the system in the crash matrix: each act through the doors of the functions."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import attachments.ids
from attachments import wiring
from attachments.model import FileType
from functions.inspect_upload import app as inspect_upload
from functions.inspect_upload.findings import Accepted, Declared, Finding, Picture
from functions.inspect_upload.object_reader import ObjectReader
from functions.inspect_upload.sandbox import Sandbox
from tests.builders import CONVERSATION, MESSAGE
from tests.faults import calls
from tests.faults.doors import Doors
from tests.faults.stored import Stores, outside_s3

OTHER_MESSAGE = "0192f000-0000-7000-8000-00000000000f"
TEXT = b"Bring the tent.\n"
PAST_ALL_DEADLINES = timedelta(hours=3)
SOON = timedelta(minutes=10)  # when deletions are due, but no upload is
Json = dict[str, Any]


def move_clock(span: timedelta) -> None:
    """From here on the functions of this process live that much later."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + span

    attachments.ids.datetime = Later  # type: ignore[attr-defined]


def glance(reader: ObjectReader, declared: Declared, *, sandbox: Sandbox) -> Finding:
    """Reads the object as an inspector does, and draws a picture of any file at once."""
    body = b"".join(reader.stream(0, reader.size))
    picture = Picture(b"a JPEG of " + body, 320, 180, 0, None)
    return Accepted(file_type=FileType.OTHER, mime_type=declared.mime_type, picture=picture)


@dataclass
class Chat:
    """Those who act: a sender, a participant, the chat backend. Everything by its door."""

    def request(
        self,
        user: str,
        method: str,
        path: str,
        body: Json | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        """Status and body of what a user, or the chat backend as `service`, is answered."""
        doors = Doors(wiring.settings())
        answer = doors.call(user, method, f"/api/chat{path}", body, **headers)
        return answer.status, answer.body

    def tell(self, path: str, body: Json) -> None:
        """The chat backend tells of something new."""
        status, answer = self.request("service", "PUT", path, body)
        assert status == 200, answer

    def begin(self) -> None:
        """A conversation with two messages of the sender."""
        people = {"participants": ["sender", "participant"], "version": 1}
        self.tell(f"/conversations/{CONVERSATION}/", people)
        for message in (MESSAGE, OTHER_MESSAGE):
            sent = {"conversation_id": CONVERSATION, "sender_id": "sender", "version": 1}
            self.tell(f"/messages/{message}/", sent)

    def ask(
        self,
        name: str,
        body: bytes = TEXT,
        *,
        message: str = MESSAGE,
        mime_type: str = "text/plain",
        key: str | None = None,
    ) -> tuple[int, Any]:
        """The sender asks for an upload."""
        asked = {
            "message_id": message,
            "file_name": name,
            "file_size": len(body),
            "mime_type": mime_type,
        }
        path = "/videos/upload/" if mime_type.startswith("video/") else "/upload/"
        keyed = {"idempotency_key": key} if key else {}
        return self.request("sender", "POST", path, asked, **keyed)

    def put(self, attachment_id: str, body: bytes = TEXT) -> Json:
        """Bytes arrive; what S3 says of them in its event."""
        key = f"uploads/{attachment_id}"
        bucket = wiring.settings().bucket
        answer = outside_s3().put_object(Bucket=bucket, Key=key, Body=body)
        return {
            "key": key,
            "size": len(body),
            "eTag": answer["ETag"].strip('"'),
            "versionId": answer["VersionId"],
        }

    def uploaded(self, name: str, body: bytes = TEXT, **asked: Any) -> Json:
        """What S3 says of an upload that has just arrived."""
        status, ticket = self.ask(name, body, **asked)
        assert status == 201, ticket
        return self.put(ticket["id"], body)

    def ready(self, name: str, **asked: Any) -> str:
        """The id of an attachment that was inspected."""
        told = self.uploaded(name, **asked)
        deliver(told)
        return str(told["key"]).removeprefix("uploads/")


def deliver(told: Json, *, receive: int = 1) -> bool:
    """Whether the inspector took the event; otherwise it goes back to the queue."""
    try:
        calls.deliver(calls.created(wiring.settings().bucket, **told), receive=receive)
    except Exception:
        return False
    return True


Act = Callable[[], bool]  # whether it was answered as done


@dataclass(frozen=True)
class Scenario:
    """`prepare` sets the scene and gives the act. An act that was not done is done again.

    `later`: the act comes this much after the scene was set; `swept`: the sweep this much after it,
    and `sweeps` of them, each that much after the one before.
    `once`, `perhaps`: see Stores.state. `glances`:
    the inspector only glances at files, so that every file has a thumbnail.
    """

    name: str
    prepare: Callable[[Chat], Act]
    later: timedelta = timedelta()
    swept: timedelta = PAST_ALL_DEADLINES
    sweeps: int = 1
    once: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    glances: bool = True
    again: bool = True


def asked(chat: Chat, *request: Any) -> Act:
    return lambda: chat.request(*request)[0] < 300


def issue(chat: Chat) -> Act:
    return lambda: chat.ask("a.txt", key="key-1")[0] == 201


def issue_again(chat: Chat) -> Act:
    assert chat.ask("a.txt", key="key-1")[0] == 201
    return issue(chat)


def inspect(chat: Chat) -> Act:
    told = chat.uploaded("a.txt")
    return lambda: deliver(told)


def inspect_untold(chat: Chat) -> Act:
    """The event names no version."""
    told = chat.uploaded("a.txt")
    return lambda: deliver({"key": told["key"], "size": told["size"]})


def inspect_last(chat: Chat) -> Act:
    told = chat.uploaded("a.txt")
    return lambda: deliver(told, receive=calls.RECEIVES)


def reject(chat: Chat) -> Act:
    told = chat.uploaded("a.mp4", mime_type="video/mp4")
    return lambda: deliver(told)


def intrude(chat: Chat) -> Act:
    told = chat.put(chat.ready("a.txt"), b"an intruder")
    return lambda: deliver(told)


def inspect_orphaned(chat: Chat) -> Act:
    """The message is deleted while its file is on the way."""
    told = chat.uploaded("a.txt")
    wiring.chat().delete_message(MESSAGE, 2, attachments.ids.utc_now())
    return lambda: deliver(told)


def download(chat: Chat) -> Act:
    return asked(chat, "participant", "GET", f"/attachments/{chat.ready('a.txt')}/download/")


def delete(chat: Chat) -> Act:
    attachment_id = chat.ready("a.txt")
    chat.put(attachment_id, b"an intruder")
    path = f"/attachments/{attachment_id}/"
    # What is deleted is not there: so says a repetition.
    return lambda: chat.request("sender", "DELETE", path)[0] in (200, 404)


def fill(chat: Chat) -> None:
    chat.ready("a.txt")
    chat.ask("b.txt")
    chat.ready("c.txt", message=OTHER_MESSAGE)


def delete_message(chat: Chat) -> Act:
    fill(chat)
    return asked(chat, "service", "DELETE", f"/messages/{MESSAGE}/", {"version": 2})


def delete_conversation(chat: Chat) -> Act:
    fill(chat)
    return asked(chat, "service", "DELETE", f"/conversations/{CONVERSATION}/", {"version": 2})


def erase_user(chat: Chat) -> Act:
    fill(chat)
    return asked(chat, "service", "DELETE", "/users/sender/")


def change_participants(chat: Chat) -> Act:
    """So many that it takes two transactions."""
    people = {"participants": [f"user {number}" for number in range(120)], "version": 2}
    return asked(chat, "service", "PUT", f"/conversations/{CONVERSATION}/", people)


def tell_message(chat: Chat) -> Act:
    sent = {"conversation_id": CONVERSATION, "sender_id": "participant", "version": 1}
    return asked(chat, "service", "PUT", "/messages/0192f000-0000-7000-8000-0000000000aa/", sent)


def sweep(chat: Chat) -> Act:
    """Everything that a sweep heals, at once."""
    stores = Stores.wired()
    chat.ask("never uploaded.txt")
    chat.uploaded("never inspected.txt")
    lost = chat.ready("lost.txt")
    for version in list(stores.versions()):
        if version["Key"] == f"uploads/{lost}":
            stores.s3.delete_object(
                Bucket=stores.settings.bucket, Key=version["Key"], VersionId=version["VersionId"]
            )
    chat.put(chat.ready("intruded.txt"), b"an intruder")
    chat.put("0192f000-0000-7000-8000-0000000000bb")  # nobody's
    nobodys = "thumbnails/0192f000-0000-7000-8000-0000000000bb/t.jpg"
    stores.s3.put_object(Bucket=stores.settings.bucket, Key=nobodys, Body=b"a JPEG")
    marked = wiring.catalog().get(chat.ready("deleted.txt"))
    wiring.deletion().mark(marked, user_id="sender")
    chat.ready("of a deleted message.txt", message=OTHER_MESSAGE)
    wiring.chat().delete_message(OTHER_MESSAGE, 2, attachments.ids.utc_now())
    return lambda: calls.sweep()["errors"] == 0


def inspect_video(chat: Chat) -> Act:
    """A real video, a real ffmpeg: `TEST_CLIP` and `TEST_FFMPEG_DIR` say where."""
    clip = Path(os.environ["TEST_CLIP"]).read_bytes()
    told = chat.uploaded("a.mp4", clip, mime_type="video/mp4")
    return lambda: deliver(told)


VIDEO = Scenario("inspect a video", inspect_video, glances=False)
SCENARIOS = (
    Scenario("issue", issue),
    Scenario("issue again", issue_again, later=timedelta(minutes=10)),
    Scenario("inspect", inspect),
    Scenario("inspect, no version told", inspect_untold),
    Scenario("inspect, last receive", inspect_last, perhaps=("file_failed",)),
    Scenario("reject", reject, glances=False),
    Scenario("intrude", intrude),
    Scenario("inspect, message gone", inspect_orphaned),
    Scenario("download", download, once=("file_downloaded",)),
    Scenario("delete", delete),
    Scenario("delete, never repeated", delete, again=False),
    Scenario("delete message", delete_message, swept=SOON),
    Scenario("delete message, never repeated", delete_message, swept=SOON, again=False),
    Scenario("delete conversation", delete_conversation, swept=SOON),
    Scenario("erase user", erase_user, swept=timedelta(minutes=11), sweeps=2),
    Scenario("change participants", change_participants),
    Scenario("tell message", tell_message),
    Scenario("sweep", sweep, later=PAST_ALL_DEADLINES, again=False),
)


def use_glances() -> None:
    """Have this process's inspector glance instead of starting programs."""
    glancing = replace(inspect_upload.inspection(), examine=glance)
    inspect_upload.inspection = lambda: glancing  # type: ignore[assignment]
