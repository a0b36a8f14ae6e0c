"""The service in memory: who may do what, records, and the activity log."""

import json
import re
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from offchat_attachments.client import MEGABYTE, Client
from offchat_attachments.models import FileType, Status
from offchat_attachments.testing.bucket import HOST, Bucket, Signed
from offchat_attachments.testing.records import (
    Message,
    Record,
    RefusalError,
    User,
    file_type_of,
    now,
)
from offchat_attachments.testing.usage import usage_of

PAGE = 50
LAST_DAY = "9999-12-31"
# The service's own limits, unless it is deployed with others.
MAX_MEGABYTES = {
    FileType.VIDEO: 100,
    FileType.IMAGE: 20,
    FileType.AUDIO: 50,
    FileType.DOCUMENT: 50,
    FileType.OTHER: 25,
}
Handler = Callable[[User, httpx.Request, str], tuple[int, Any]]


class FakeService(httpx.BaseTransport):
    """Answers a client's requests, those to S3 too. Threads may share it.

    `max_bytes` limits files by type; `part_size` is that of every upload. `media` is what every
    later inspection finds, such as `{"duration": 2}`; `rejection`, if set, is why it refuses; with
    `inspecting` false files stay pending until `inspect`.
    """

    address = "https://attachments.invalid"

    def __init__(self, *, part_size: int = 5 * MEGABYTE) -> None:
        self.part_size = part_size
        self.max_bytes = {kind: size * MEGABYTE for kind, size in MAX_MEGABYTES.items()}
        self.media: dict[str, object] = {}
        self.rejection: str | None = None
        self.inspecting = True
        self.bucket = Bucket(self._arrived)
        self._users: dict[str, User] = {}
        self._conversations: dict[str, set[str]] = {}
        self._messages: dict[str, Message] = {}
        self._records: dict[str, Record] = {}
        self._keys: dict[tuple[str, str], tuple[Any, str]] = {}
        self._log: list[dict[str, Any]] = []
        self._lock = threading.RLock()

    # ------------------------------------------------------------ for the test

    def token(self, user_id: str, *, admin: bool = False) -> str:
        """A token of a user."""
        token = secrets.token_urlsafe(16).strip("_-")
        self._users[token] = User(user_id, admin)
        return token

    def revoke(self, token: str) -> None:
        """The token has ended."""
        del self._users[token]

    def client(self, user_id: str, *, admin: bool = False, **options: Any) -> Client:
        """A client of a user, which never waits between attempts; `options` are Client's."""
        usual: dict[str, Any] = {"transport": self, "pause": lambda _: None}
        return Client(self.address, self.token(user_id, admin=admin), **usual | options)

    def conversation(self, *participants: str) -> str:
        """A new conversation of these users."""
        conversation_id = str(uuid4())
        self._conversations[conversation_id] = set(participants)
        return conversation_id

    def message(self, sender: str, conversation_id: str) -> str:
        """A new message in it."""
        message_id = str(uuid4())
        self._messages[message_id] = Message(conversation_id, sender)
        return message_id

    def inspect(self, attachment_id: str, *, rejection: str | None = None) -> None:
        """Make a pending attachment ready, or rejected for this reason."""
        record = self._records[attachment_id]
        record.uploaded_at = now()
        if rejection is None:
            record.status, record.media = Status.READY, dict(self.media)
            return
        record.status, record.reason = Status.REJECTED, rejection
        self.bucket.objects.pop(record.key, None)

    # ------------------------------------------------------------ requests

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        with self._lock:
            if request.url.host == HOST:
                return self.bucket.handle(request)
            try:
                status, body = self._answer(request)
                return httpx.Response(status, json=body)
            except RefusalError as refusal:
                return httpx.Response(refusal.status, json=refusal.body)

    def _answer(self, request: httpx.Request) -> tuple[int, Any]:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        user = self._users.get(token)
        if user is None:
            raise RefusalError(401, "unauthenticated", "The token does not hold.")
        routes: tuple[tuple[str, str, Handler], ...] = (
            ("POST", r"/(videos/)?upload/", self._upload),
            ("POST", r"/attachments/([^/]+)/sign/", self._sign),
            ("POST", r"/attachments/([^/]+)/copy/", self._copy),
            ("GET", r"/attachments/([^/]+)/", self._get),
            ("GET", r"/attachments/([^/]+)/download/", self._download),
            ("DELETE", r"/attachments/([^/]+)/", self._delete),
            ("GET", r"/messages/([^/]+)/attachments/", self._of_message),
            ("GET", r"/conversations/([^/]+)/attachments/", self._of_conversation),
            ("GET", r"/attachments/()", self._of_everybody),
            ("GET", r"/reports/activity/()", self._activity),
            ("GET", r"/reports/usage/()", self._usage),
        )
        path = request.url.path.removeprefix("/api/chat")
        for method, pattern, handler in routes:
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                return handler(user, request, found[1] or "")
        raise RefusalError(404, "not-found", "There is no such path.")

    def _upload(self, user: User, request: httpx.Request, route: str) -> tuple[int, Any]:
        body = json.loads(request.content)
        message = self._message_of(user, body["message_id"])
        if route and not body["mime_type"].startswith("video/"):
            raise RefusalError(415, "unsupported-type", "Videos can be MP4, WebM and the like.")
        limit = self.max_bytes[file_type_of(body["mime_type"])]
        if body["file_size"] > limit:
            raise RefusalError(413, "too-large", f"It may have at most {limit} bytes.")
        record = self._once(
            user,
            request,
            "upload_requested",
            lambda: Record(
                conversation_id=message.conversation_id, uploaded_by=user.user_id, **body
            ),
        )
        return 201, {**record.json(), "upload": self._put_of(record)}

    def _once(
        self, user: User, request: httpx.Request, action: str, make: Callable[[], Record]
    ) -> Record:
        """A new record, or that of an earlier request with the same key."""
        key, told = request.headers.get("idempotency-key", ""), (request.url.path, request.content)
        earlier = self._keys.get((user.user_id, key)) if key else None
        if earlier is None:
            record = make()
            self._records[record.id] = record
            self._keys[user.user_id, key] = told, record.id
            self._note(action, record, user)
            return record
        if earlier[0] != told:
            raise RefusalError(422, "idempotency-conflict", "The key was used for another request.")
        if earlier[1] not in self._records:
            raise RefusalError(409, "conflict", "The attachment of this key was deleted.")
        return self._records[earlier[1]]

    def _put_of(self, record: Record) -> dict[str, Any] | None:
        """The request for a pending attachment's bytes."""
        if record.status is not Status.PENDING:
            return None
        headers = {"Content-Type": record.mime_type, "If-None-Match": "*"}
        if record.sha256:
            headers["x-amz-checksum-sha256"] = record.sha256
        signed = Signed("PUT", record.key, record.file_size, headers)
        return {**self.bucket.sign(signed), "part_size": self.part_size}

    def _sign(self, user: User, request: httpx.Request, attachment_id: str) -> tuple[int, Any]:
        record = self._visible(user, attachment_id)
        if record.uploaded_by != user.user_id:
            raise RefusalError(403, "forbidden", "You are not allowed to do this.")
        if record.status is not Status.PENDING:
            raise RefusalError(409, "conflict", "The attachment is pending no more.")
        asked = json.loads(request.content)
        if asked["key"] != record.key:
            raise RefusalError(422, "invalid-request", "This is not the key of the attachment.")
        query = {name: asked[name] for name in ("uploadId", "partNumber") if name in asked}
        length = None
        if "partNumber" in asked:
            start = (asked["partNumber"] - 1) * self.part_size
            length = min(self.part_size, record.file_size - start)
            if not 0 <= start < record.file_size:
                raise RefusalError(422, "invalid-request", "There is no such part.")
        completing = asked["method"] == "POST" and "uploadId" in asked
        headers = {"If-None-Match": "*"} if completing else {}
        return 200, self.bucket.sign(Signed(asked["method"], record.key, length, headers), **query)

    def _copy(self, user: User, request: httpx.Request, attachment_id: str) -> tuple[int, Any]:
        source = self._visible(user, attachment_id)
        message_id = json.loads(request.content)["message_id"]
        message = self._message_of(user, message_id)
        if source.status is not Status.READY:
            raise RefusalError(409, "not-ready", "Only what is ready can be forwarded.")
        record = self._once(
            user,
            request,
            "file_forwarded",
            lambda: Record(
                message_id=message_id,
                conversation_id=message.conversation_id,
                uploaded_by=user.user_id,
                file_name=source.file_name,
                file_size=source.file_size,
                mime_type=source.mime_type,
                status=Status.READY,
                uploaded_at=now(),
                media=source.media,
            ),
        )
        if record.key not in self.bucket.objects:
            self.bucket.objects[record.key] = self.bucket.objects[source.key]
            self._note("file_forwarded", source, user)
            self._note("file_uploaded", record, user)
        return 201, record.json()

    def _get(self, user: User, _: httpx.Request, attachment_id: str) -> tuple[int, Any]:
        return 200, self._visible(user, attachment_id).json()

    def _download(self, user: User, _: httpx.Request, attachment_id: str) -> tuple[int, Any]:
        record = self._visible(user, attachment_id)
        if record.status is not Status.READY:
            raise RefusalError(409, "not-ready", "The file cannot be downloaded.")
        self._note("file_downloaded", record, user)
        expires_at = datetime.now(UTC) + timedelta(minutes=15)
        return 200, {
            "id": record.id,
            "url": self.bucket.sign(Signed("GET", record.key))["url"],
            "thumbnail_url": None,
            "expires_at": expires_at.isoformat(),
        }

    def _delete(self, user: User, _: httpx.Request, attachment_id: str) -> tuple[int, Any]:
        record = self._visible(user, attachment_id)
        if record.uploaded_by != user.user_id and not user.admin:
            raise RefusalError(403, "forbidden", "You are not allowed to do this.")
        self._note("file_deleted", record, user)
        del self._records[record.id]
        self.bucket.objects.pop(record.key, None)
        return 200, {"message": "Attachment deleted successfully"}

    # ------------------------------------------------------------ lists

    def _of_message(self, user: User, request: httpx.Request, message_id: str) -> tuple[int, Any]:
        message = self._messages.get(message_id)
        self._require_in(user, message.conversation_id if message else "")
        return self._listed(user, request, lambda record: record.message_id == message_id)

    def _of_conversation(
        self, user: User, request: httpx.Request, conversation_id: str
    ) -> tuple[int, Any]:
        self._require_in(user, conversation_id)
        return self._listed(user, request, lambda record: record.conversation_id == conversation_id)

    def _of_everybody(self, user: User, request: httpx.Request, _: str) -> tuple[int, Any]:
        _require_admin(user)
        asked = request.url.params
        first, last = asked.get("from", ""), asked.get("to", LAST_DAY)
        return self._listed(user, request, lambda record: first <= record.created_at[:10] <= last)

    def _listed(
        self, user: User, request: httpx.Request, fits: Callable[[Record], bool]
    ) -> tuple[int, Any]:
        kind = request.url.params.get("type")
        found = [
            record.json()
            for record in reversed(self._records.values())
            if fits(record) and self._sees(user, record) and kind in (None, record.file_type)
        ]
        return 200, _page(found, request)

    def _activity(self, user: User, request: httpx.Request, _: str) -> tuple[int, Any]:
        _require_admin(user)
        asked = request.url.params
        found = [
            entry
            for entry in reversed(self._log)
            if asked.get("user") in (None, entry["user_id"])
            and asked.get("attachment") in (None, entry["attachment_id"])
            and _within(entry["at"], asked.get("from"), asked.get("to"))
        ]
        return 200, _page(found, request)

    def _usage(self, user: User, request: httpx.Request, _: str) -> tuple[int, Any]:
        _require_admin(user)
        return 200, usage_of(list(self._records.values()), request.url.params)

    # ------------------------------------------------------------ rules

    def _visible(self, user: User, attachment_id: str) -> Record:
        record = self._records.get(attachment_id)
        if record is None or not self._sees(user, record):
            raise RefusalError(404, "not-found", "There is no such thing, or not for you.")
        return record

    def _sees(self, user: User, record: Record) -> bool:
        inside = user.user_id in self._conversations[record.conversation_id]
        ready = record.status is Status.READY or record.uploaded_by == user.user_id
        return user.admin or (inside and ready)

    def _require_in(self, user: User, conversation_id: str) -> None:
        known = self._conversations.get(conversation_id)
        if known is None or not (user.admin or user.user_id in known):
            raise RefusalError(404, "not-found", "There is no such thing, or not for you.")

    def _message_of(self, user: User, message_id: str) -> Message:
        """A message that the user may attach to."""
        try:
            UUID(message_id)
        except ValueError as error:
            detail = "This is not a UUID."
            raise RefusalError(422, "invalid-request", detail, message_id=detail) from error
        message = self._messages.get(message_id)
        if message is None:
            raise RefusalError(404, "not-found", "There is no such message, or not for you.")
        self._require_in(user, message.conversation_id)
        if message.sender != user.user_id and not user.admin:
            raise RefusalError(403, "forbidden", "You are not allowed to do this.")
        return message

    def _arrived(self, key: str) -> None:
        record = self._records.get(key.removeprefix("uploads/"))
        if record is None:
            del self.bucket.objects[key]
            return
        if self.inspecting:
            self.inspect(record.id, rejection=self.rejection)
        action = "file_rejected" if record.status is Status.REJECTED else "file_uploaded"
        self._note(action, record, User(record.uploaded_by))

    def _note(self, action: str, record: Record, user: User) -> None:
        inside = user.user_id in self._conversations[record.conversation_id]
        self._log.append(
            {
                "id": str(uuid4()),
                "action": action,
                "user_id": user.user_id,
                "attachment_id": record.id,
                "message_id": record.message_id,
                "conversation_id": record.conversation_id,
                "at": now(),
                "admin_override": user.admin and not inside,
                "description": "",
            }
        )


def _require_admin(user: User) -> None:
    if not user.admin:
        raise RefusalError(403, "forbidden", "You are not allowed to do this.")


def _within(at: str, first: str | None, last: str | None) -> bool:
    """Whether an instant lies between two, where these are given."""
    instant = datetime.fromisoformat(at)
    return (first is None or datetime.fromisoformat(first) <= instant) and (
        last is None or instant <= datetime.fromisoformat(last)
    )


def _page(found: list[dict[str, Any]], request: httpx.Request) -> dict[str, Any]:
    start = int(request.url.params.get("cursor", 0))
    more = start + PAGE < len(found)
    return {
        "items": found[start : start + PAGE],
        "next_cursor": str(start + PAGE) if more else None,
    }
