"""A stack as the tests meet it: its users over HTTP, its bucket where they hold keys, and the
process that `make run` starts.

Of a stack they know what `stack.json` says, and no more.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import boto3
import httpx
import jwt
import pytest

from local.samples import make_clip
from tests.conformance import Conformance, committed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).resolve().parents[2]
PROBLEM = "application/problem+json"
DOCUMENTED = Conformance(committed())
LOCAL_SETTINGS = {"PORT", "DEMO", "FILE", "PARAMETERS"}
PATIENCE_S = 60.0  # a busy machine inspects ten videos at once in less
Json = dict[str, Any]
T = TypeVar("T")


def eventually(
    look: Callable[[], T], holds: Callable[[T], bool] = bool, *, within_s: float = PATIENCE_S
) -> T:
    """What `look` sees once it holds; after the deadline what it saw last, for an assertion."""
    deadline = time.monotonic() + within_s
    while not holds(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return seen


# ---------------------------------------------------------------- what is sent


@dataclass(frozen=True)
class File:
    """A file of a user, and what their client says of it."""

    name: str
    mime_type: str
    body: bytes

    @property
    def route(self) -> str:
        return "/videos/upload/" if self.mime_type.startswith("video/") else "/upload/"

    @property
    def digest(self) -> str:
        return b64encode(sha256(self.body).digest()).decode()

    def request(self, message_id: str, /, **changed: object) -> Json:
        """The body of an upload request."""
        said = {
            "message_id": message_id,
            "file_name": self.name,
            "file_size": len(self.body),
            "mime_type": self.mime_type,
        }
        return said | changed


def sample(extension: str, *, seconds: int) -> Path:
    """A clip of 1280x720 pixels and 30 frames a second, made once and kept."""
    path = ROOT / ".build" / "clips" / f"sample-{seconds}s.{extension}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as draft:
            make_clip(Path(draft) / path.name, seconds=seconds).replace(path)
    return path


def note(text: str = "Bring the tent.") -> File:
    """A small document: what is not about video needs no video."""
    return File("note.txt", "text/plain", f"{text}\n".encode())


def put(upload: Json, body: bytes, **changed: str | None) -> httpx.Response:
    """Send bytes as an upload ticket says; `changed` replaces its headers, None leaves one out."""
    headers = {name.lower(): value for name, value in upload["headers"].items()}
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    sent = {name: value for name, value in headers.items() if value is not None}
    return httpx.put(upload["url"], content=body, headers=sent, timeout=60)


# ---------------------------------------------------------------- who sends it


def as_documented(response: httpx.Response) -> None:
    """Fails for an answer that the API document does not tell of."""
    body = response.read().decode()
    request = response.request
    told = DOCUMENTED.broken(
        request.method, request.url.path, response.status_code, response.headers, body
    )
    assert told == []


class User(httpx.Client):
    """Someone with a token; paths begin behind `/api/chat`. Every answer is as documented.

    Who asks too often waits, as clients do: a quick stack is asked more than it allows.
    """

    def request(self, *arguments: Any, **options: Any) -> httpx.Response:
        while (answer := super().request(*arguments, **options)).status_code == 429:
            time.sleep(float(answer.headers["retry-after"]))
        return answer

    def __init__(self, api: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        super().__init__(
            base_url=f"{api}/api/chat",
            headers=headers,
            timeout=60,
            event_hooks={"response": [as_documented]},
        )
        claims = jwt.decode(token, options={"verify_signature": False}) if token else {}
        self.id: str = claims.get("sub", "")

    def ask(self, message_id: str, file: File, **changed: object) -> Json:
        """A ticket: the pending record, and the request for its bytes."""
        response = self.post(file.route, json=file.request(message_id, **changed))
        assert response.status_code == 201, response.text
        ticket: Json = response.json()
        return ticket

    def send_file(self, message_id: str, file: File) -> Json:
        """Upload a file as a client does; the pending record."""
        ticket = self.ask(message_id, file)
        sent = put(ticket["upload"], file.body)
        assert sent.status_code == 200, sent.text
        return ticket

    def attachment(self, attachment_id: str) -> Json:
        response = self.get(f"/attachments/{attachment_id}/")
        assert response.status_code == 200, response.text
        record: Json = response.json()
        return record

    def settled(self, attachment_id: str) -> Json:
        """The record after inspection."""
        return eventually(
            lambda: self.attachment(attachment_id), lambda record: record["status"] != "pending"
        )

    def upload(self, message_id: str, file: File) -> Json:
        """Upload a file and wait until it is ready."""
        record = self.settled(self.send_file(message_id, file)["id"])
        assert record["status"] == "ready", record
        return record

    def pages(self, path: str, **query: str | int) -> Iterator[list[Json]]:
        """The items of each page of a list."""
        asked = dict(query)
        while True:
            response = self.get(path, params=asked)
            assert response.status_code == 200, response.text
            page = response.json()
            yield page["items"]
            if page["next_cursor"] is None:
                return
            asked["cursor"] = page["next_cursor"]

    def items(self, path: str, **query: str | int) -> list[Json]:
        """All items of a list."""
        return [item for page in self.pages(path, **query) for item in page]


class Stack:
    """A running stack."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.description = dict(description)
        api, tokens = description["api"], description["tokens"]
        self.api: str = api
        self.users = {who: User(api, token) for who, token in tokens.items()}
        self.sender = self.users["sender"]
        self.participant = self.users["participant"]
        self.stranger = self.users["stranger"]
        self.admin = self.users["admin"]
        self.service = self.users["service"]
        self.nobody = User(api, None)

    def close(self) -> None:
        for user in (*self.users.values(), self.nobody):
            user.close()

    @property
    def origin(self) -> str:
        """An origin that may call the API: the dashboard's."""
        url = httpx.URL(self.description.get("dashboard", self.api))
        return f"{url.scheme}://{url.netloc.decode()}"

    def conversation(self) -> str:
        """A new conversation of sender and participant."""
        conversation_id = str(uuid4())
        self.members(conversation_id, [self.sender, self.participant], version=1)
        return conversation_id

    def members(self, conversation_id: str, users: Sequence[User], *, version: int) -> Json:
        body = {"participants": [user.id for user in users], "version": version}
        return self.sync("PUT", f"/conversations/{conversation_id}/", body)

    def message(self, conversation_id: str | None = None) -> str:
        """A new message of the sender; in a new conversation if none is given."""
        message_id = str(uuid4())
        body = {
            "conversation_id": conversation_id or self.conversation(),
            "sender_id": self.sender.id,
            "version": 1,
        }
        self.sync("PUT", f"/messages/{message_id}/", body)
        return message_id

    def sync(self, method: str, path: str, body: Json) -> Json:
        """What the chat backend tells."""
        response = self.service.request(method, path, json=body)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    def history(self, attachment_id: str) -> list[Json]:
        """The activity entries of an attachment, oldest first."""
        return self.admin.items("/reports/activity/", attachment=attachment_id)[::-1]

    # ------------------------------------------------------------ with keys of the account

    @property
    def aws(self) -> Mapping[str, str]:
        """Where and by which keys to look into the bucket; skips the test without them."""
        if "aws" not in self.description:
            pytest.skip("stack.json gives no `aws` keys to look into the bucket with.")
        aws: Mapping[str, str] = self.description["aws"]
        return aws

    @cached_property
    def session(self) -> boto3.Session:
        """With the keys of the account; its clients need `endpoint_url` besides."""
        return boto3.Session(
            region_name=self.aws["region"],
            aws_access_key_id=self.aws["access_key_id"],
            aws_secret_access_key=self.aws["secret_access_key"],
        )

    @property
    def endpoint_url(self) -> str | None:
        """Where a local stack's AWS is; None for the real one."""
        return self.aws.get("endpoint_url")

    @cached_property
    def s3(self) -> "S3Client":
        return self.session.client("s3", endpoint_url=self.endpoint_url)

    def stored(self, attachment_id: str) -> list[str]:
        """Keys of all object versions and delete markers of an attachment."""
        found = [
            self.s3.list_object_versions(Bucket=self.description["bucket"], Prefix=prefix)
            for prefix in (f"uploads/{attachment_id}", f"thumbnails/{attachment_id}/")
        ]
        versions = [version["Key"] for page in found for version in page.get("Versions", [])]
        return versions + [mark["Key"] for page in found for mark in page.get("DeleteMarkers", [])]


# ---------------------------------------------------------------- what is answered


def problem(response: httpx.Response, status: int) -> Json:
    """The body of a refusal, which must be a whole problem document (RFC 9457)."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    body: Json = response.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:offchat:problem:")
    assert body["title"]
    assert len(body["detail"]) > 10
    assert body["request_id"] == response.headers["x-request-id"] != ""
    return body


def wrong_fields(body: Json) -> set[str]:
    """The fields that a problem names."""
    return {error["field"] for error in body.get("errors", [])}


def without_request_id(response: httpx.Response) -> bytes:
    """The bytes of a problem, but for what differs in every answer."""
    return response.content.replace(response.json()["request_id"].encode(), b"")


# ---------------------------------------------------------------- `make run`


# The tests are a handful of users who ask more often than people do.
HIGH_LIMITS = (
    "CallsPerMinute=100000 SignCallsPerMinute=100000 UploadsPerMinute=100000"
    " AdminCallsPerMinute=100000 MaxPendingUploads=10000"
)


class LocalRun:
    """`python -m local`, or another `module` that is started as it is, as a process of its own;
    its output lies in `folder/output`."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        module: str = "local",
        environment: Mapping[str, str] | None = None,
        root: Path = ROOT,
    ) -> None:
        clean = {k: v for k, v in os.environ.items() if k not in LOCAL_SETTINGS}
        clean["PARAMETERS"] = HIGH_LIMITS
        self.folder = folder
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, "--folder", str(folder), *arguments],
                cwd=root,
                env={**clean, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def until(self, look: Callable[[], T], *, within_s: float = PATIENCE_S) -> T:
        """What `look` sees as soon as it sees something; fails if the stack ends before."""
        seen = eventually(
            look, lambda seen: bool(seen) or self.process.poll() is not None, within_s=within_s
        )
        if not seen:
            pytest.fail(f"The local stack did not get there:\n{self.output[-4000:]}")
        return seen

    def ready(self, *, within_s: float = PATIENCE_S) -> Json:
        """stack.json, once the stack has written it."""
        path = self.folder / "stack.json"
        self.until(path.exists, within_s=within_s)
        description: Json = json.loads(path.read_text())
        return description

    def interrupt(self) -> list[str]:
        """Ctrl-C, as a terminal sends it to the whole group; the processes that stay behind."""
        family = {self.process.pid, *_descendants(self.process.pid)}
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return eventually(
            lambda: [line for pid, _, line in _processes() if pid in family],
            lambda left: not left,
            within_s=5,
        )


def _processes() -> Iterator[tuple[int, int, str]]:
    """Process id, parent and description of all that live (a zombie does not)."""
    command = ["ps", "-A", "-o", "pid=,ppid=,stat=,args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        pid, parent, state, *_ = line.split()
        if not state.startswith("Z"):
            yield int(pid), int(parent), line


def _descendants(ancestor: int) -> set[int]:
    found = {ancestor}
    processes = list(_processes())
    while more := {pid for pid, parent, _ in processes if parent in found} - found:
        found |= more
    return found - {ancestor}
