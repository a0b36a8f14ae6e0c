"""A conversation with a message, and what can be done in it by the functions' own parts."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from attachments import wiring
from attachments.activity import entry
from attachments.errors import NotFoundError, StaleRecordError
from attachments.ids import utc_now
from attachments.model import Action, Attachment, Caller, FileType, Message
from functions.inspect_upload.events import ObjectCreated
from functions.inspect_upload.findings import Accepted, Declared, Finding, Picture, Refused
from functions.inspect_upload.inspect import Inspection
from functions.inspect_upload.object_reader import ObjectReader
from functions.inspect_upload.sandbox import Sandbox
from functions.issue_upload.forward import forward
from functions.issue_upload.issue_upload import issue_upload
from functions.issue_upload.schemas import CopyRequest, IssuedUpload, UploadRequest
from functions.serve_attachments.serve import Serving
from functions.sweep.app import handler as sweep
from functions.sync_chat.sync import Sync
from tests.builders import CONVERSATION, MESSAGE, PARTICIPANT, SENDER, SERVICE, VIDEO, pending
from tests.faults import interleavings
from tests.faults.cloud import Cloud

BAD = b"the bytes of no video"
RECEIVES = 3
Operation = Callable[[], Any]


class Context(LambdaContext):
    """An invocation with time left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 200_000


def glance(reader: ObjectReader, declared: Declared, *, sandbox: Sandbox) -> Finding:
    """Reads the object as an inspector does, and is quick to judge it."""
    body = b"".join(reader.stream(0, reader.size))
    if body == BAD:
        return Refused("This is no video.")
    picture = Picture(b"a JPEG of " + body, 320, 180, 0, None)
    return Accepted(file_type=FileType.VIDEO, mime_type=declared.mime_type, picture=picture)


class Scene:
    """What happens in it are calls of clients that stop before each, for the interleavings."""

    def __init__(self, cloud: Cloud) -> None:
        interleavings.watch(cloud.session)
        self.cloud = cloud
        self.sandbox = Sandbox(Path("/nowhere"))
        self._s3 = cloud.session.client("s3")

    def begin_anew(self) -> None:
        """The conversation and its message, and nothing else."""
        self.cloud.begin_anew()
        # So that the activity log tells what came first.
        self.cloud.clock.tick = timedelta(milliseconds=1)
        participants = [SENDER.user_id, PARTICIPANT.user_id]
        wiring.chat().put_conversation(CONVERSATION, participants, 1)
        wiring.chat().put_message(
            Message(id=MESSAGE, conversation_id=CONVERSATION, sender_id=SENDER.user_id, version=1)
        )

    def pending(
        self, number: int = 1, *, body: bytes | None = None, message: str = MESSAGE
    ) -> Attachment:
        """A record that waits for its upload, or that `body` has come for. Its id is always the
        same, so that a sweep meets it at the same point of every run."""
        now = utc_now()
        attachment = pending(
            id=f"0192f000-0000-7000-8000-0000000000a{number}",
            message_id=message,
            created_at=now,
            due_at=now + timedelta(hours=2),
        )
        note = entry(Action.UPLOAD_REQUESTED, attachment, user_id=SENDER.user_id, at=now)
        wiring.catalog().create(attachment, note)
        if body is not None:
            self.put(attachment, body)()
        return attachment

    def ready(self, number: int = 1) -> Attachment:
        attachment = self.pending(number, body=VIDEO)
        assert self.inspect(attachment)() == "ready"
        return wiring.catalog().get(attachment.id)

    # ------------------------------------------------------------ operations

    def put(self, attachment: Attachment, body: bytes = VIDEO) -> Operation:
        """A client sends its bytes."""

        def operation() -> None:
            self._s3.put_object(
                Bucket=self.cloud.settings.bucket,
                Key=attachment.upload_key,
                Body=body,
                ContentType=attachment.mime_type,
                IfNoneMatch="*",
            )

        return operation

    def inspect(self, attachment: Attachment) -> Operation:
        """The event of an attachment's object is delivered."""
        created = ObjectCreated(attachment.id, None, self.cloud.clock.now)

        def operation() -> str:
            return Inspection(
                catalog=wiring.catalog(),
                storage=wiring.storage(),
                deletion=wiring.deletion(),
                settings=wiring.settings(),
                sandbox=self.sandbox,
                clock=utc_now,
                examine=glance,
            ).run(created, last_try=False)

        return operation

    def put_and_inspect(self, attachment: Attachment) -> Operation:
        def operation() -> Any:
            self.put(attachment)()
            return self.inspect(attachment)()

        return operation

    def issue(self, *, key: str | None = None, size: int = len(VIDEO)) -> Operation:
        """The sender asks for an upload."""
        request = UploadRequest(
            message_id=UUID(MESSAGE), file_name="a.mp4", file_size=size, mime_type="video/mp4"
        )

        def operation() -> IssuedUpload:
            return issue_upload(
                request,
                caller=SENDER,
                video_only=True,
                idempotency_key=key,
                settings=wiring.settings(),
                catalog=wiring.catalog(),
                chat=wiring.chat(),
                guards=wiring.guards(),
                storage=wiring.storage(),
                clock=utc_now,
            )

        return operation

    def forward(self, attachment: Attachment, message: str = MESSAGE) -> Operation:
        """The sender sends it on with another message."""
        request = CopyRequest(message_id=UUID(message))

        def operation() -> Attachment:
            return forward(
                attachment.id,
                request,
                caller=SENDER,
                idempotency_key=None,
                settings=wiring.settings(),
                catalog=wiring.catalog(),
                chat=wiring.chat(),
                guards=wiring.guards(),
                storage=wiring.storage(),
                clock=utc_now,
            )

        return operation

    def inspect_all(self) -> Operation:
        """The event of each object that there is by then."""

        def operation() -> list[str]:
            keys = [version["Key"] for version in self.cloud.versions("uploads/")]
            return [self.inspect(pending(id=key.removeprefix("uploads/")))() for key in keys]

        return operation

    def upload(self) -> Operation:
        """All of an upload: asked for, sent, inspected."""

        def operation() -> Any:
            issued: IssuedUpload = self.issue()()
            return self.put_and_inspect(issued.attachment)()

        return operation

    def serving(self, caller: Caller = SENDER) -> Serving:
        return Serving(
            caller=caller,
            catalog=wiring.catalog(),
            chat=wiring.chat(),
            activity=wiring.activity(),
            storage=wiring.storage(),
            deletion=wiring.deletion(),
            clock=utc_now,
            url_seconds=wiring.settings().download_url_seconds,
        )

    def delete(self, attachment: Attachment, caller: Caller = SENDER) -> Operation:
        return lambda: self.serving(caller).delete(attachment.id)

    def download(self, attachment: Attachment, caller: Caller = PARTICIPANT) -> Operation:
        return lambda: self.serving(caller).download(attachment.id, video_only=False)

    def sync(self) -> Sync:
        return Sync(
            chat=wiring.chat(),
            deletion=wiring.deletion(),
            clock=utc_now,
            user_id=SERVICE.user_id,
            has_time=lambda: True,
        )

    def sweep(self) -> Operation:
        return lambda: sweep({}, Context())

    # ------------------------------------------------------------ what AWS does in the end

    def deliver_all(self) -> None:
        """Every object's event once more, and again while the inspection fails."""
        for version in self.cloud.versions("uploads/"):
            attachment_id = version["Key"].removeprefix("uploads/")
            attachment = pending(id=attachment_id)
            for _ in range(RECEIVES):
                with suppress(StaleRecordError, NotFoundError):
                    self.inspect(attachment)()
                    break

    def sweep_later(self) -> None:
        """All deadlines have passed, and a sweep looks."""
        self.cloud.clock.pass_time(timedelta(hours=3))
        self.sweep()()
