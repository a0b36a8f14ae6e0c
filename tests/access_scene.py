"""The scene that the access matrix is about, and how each of its cells is asked.

The sender and a participant share a conversation; one who left had sent a message of their own in
it. Another conversation knows none of them.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from attachments.activity import entry
from attachments.ids import new_id, utc_now
from attachments.model import Action, Attachment, Caller, FileType, Message, Status
from attachments.routes import ROUTES
from tests.access_matrix import Cell
from tests.builders import (
    ADMIN,
    CONVERSATION,
    MESSAGE,
    NOON,
    PARTICIPANT,
    SENDER,
    SERVICE,
    STRANGER,
)
from tests.doors import Answer, Doors
from tests.fakes import World

FUNCTIONS = {(route.method, route.path): route.function for route in ROUTES}
FORMER, ELSEWHERE = Caller("former"), Caller("elsewhere")
CALLERS: dict[str, Caller | None] = {
    "uploader": SENDER,
    "participant": PARTICIPANT,
    "former": FORMER,
    "stranger": STRANGER,
    "admin": ADMIN,
    "service": SERVICE,
    "nobody": None,
}


@dataclass(frozen=True)
class Files:
    """What somebody sent: a conversation, a message in it, and its attachments."""

    sender: Caller
    conversation_id: str
    message_id: str
    ready: str
    pending: str
    document: str
    deleted: str


@dataclass(frozen=True)
class Scene:
    """`private`: a message in a conversation with themselves, of those who sent none with files."""

    world: World
    sent: dict[str, Files]
    private: dict[str, str]

    def about(self, cell: Cell) -> Files:
        """What a cell is asked about, as if it were theirs."""
        if cell.about == "other":
            return self.sent["elsewhere"]
        if cell.about == "unknown":
            fresh = {name: new_id() for name in ("conversation_id", "message_id", "ready")}
            return replace(self.sent["uploader"], sender=Caller(new_id()), **fresh)
        return self.sent["former" if cell.caller == "former" else "uploader"]

    def attachment(self, cell: Cell) -> str:
        files = self.about(cell)
        known = {"own": "ready", "other": "ready", "unknown": "ready"}
        found: str = getattr(files, known.get(cell.about, cell.about))
        return found


def scene() -> Scene:
    """A new world with all of it."""
    world = World()
    world.chat.put_conversation(CONVERSATION, ["sender", "participant", "former"], 2)
    elsewhere = new_id()
    world.chat.put_conversation(elsewhere, [ELSEWHERE.user_id], 1)
    sent = {
        "uploader": _send(world, SENDER, CONVERSATION, MESSAGE),
        "former": _send(world, FORMER, CONVERSATION, new_id()),
        "elsewhere": _send(world, ELSEWHERE, elsewhere, new_id()),
    }
    world.chat.put_conversation(CONVERSATION, ["sender", "participant"], 3)
    private = {name: _note_to_self(world, name) for name in ("participant", "former", "stranger")}
    return Scene(world, sent, private)


def _note_to_self(world: World, user: str) -> str:
    message = Message(id=new_id(), conversation_id=new_id(), sender_id=user, version=1)
    world.chat.put_conversation(message.conversation_id, [user], 1)
    world.chat.put_message(message)
    return message.id


def _send(world: World, sender: Caller, conversation_id: str, message_id: str) -> Files:
    message = Message(
        id=message_id, conversation_id=conversation_id, sender_id=sender.user_id, version=1
    )
    world.chat.put_message(message)

    def add(
        status: Status, file_type: FileType = FileType.VIDEO, created_at: datetime = NOON
    ) -> Attachment:
        return world.add(
            status,
            created_at=created_at,
            message_id=message_id,
            conversation_id=conversation_id,
            uploaded_by=sender.user_id,
            file_type=file_type,
        )

    ready = add(Status.READY)
    note = entry(Action.FILE_UPLOADED, ready, user_id=sender.user_id, at=NOON)
    world.activity.add(note)
    return Files(
        sender=sender,
        conversation_id=conversation_id,
        message_id=message_id,
        ready=ready.id,
        pending=add(Status.PENDING, created_at=utc_now()).id,
        document=add(Status.READY, FileType.DOCUMENT).id,
        deleted=add(Status.DELETED).id,
    )


# ---------------------------------------------------------------- requests that would be right


def _upload(scene: Scene, cell: Cell) -> dict[str, Any]:
    message_id = scene.about(cell).message_id
    body = {"message_id": message_id, "file_name": "a.mp4", "file_size": 1}
    return {"body": {**body, "mime_type": "video/mp4"}}


def _single_put(scene: Scene, cell: Cell) -> dict[str, Any]:
    return {"body": {"method": "PUT", "key": f"uploads/{scene.attachment(cell)}"}}


def _forward(scene: Scene, cell: Cell) -> dict[str, Any]:
    return {"body": {"message_id": scene.private.get(cell.caller, MESSAGE)}}


def _participants(scene: Scene, cell: Cell) -> dict[str, Any]:
    return {"body": {"participants": [scene.about(cell).sender.user_id], "version": 9}}


def _message(scene: Scene, cell: Cell) -> dict[str, Any]:
    files = scene.about(cell)
    body = {"conversation_id": files.conversation_id, "sender_id": files.sender.user_id}
    return {"body": {**body, "version": 9}}


def _version(scene: Scene, cell: Cell) -> dict[str, Any]:
    return {"query": "version=9"}


def _day(scene: Scene, cell: Cell) -> dict[str, Any]:
    return {"query": f"from={NOON.date()}&to={NOON.date()}"}


def _history(scene: Scene, cell: Cell) -> dict[str, Any]:
    return {"query": f"attachment={scene.attachment(cell)}"}


def _nothing(scene: Scene, cell: Cell) -> dict[str, Any]:
    return {}


# What a route needs beside its path.
REQUESTS: dict[tuple[str, str], Callable[[Scene, Cell], dict[str, Any]]] = {
    ("POST", "/api/chat/videos/upload"): _upload,
    ("POST", "/api/chat/upload"): _upload,
    ("POST", "/api/chat/attachments/<attachment_id>/sign"): _single_put,
    ("POST", "/api/chat/attachments/<attachment_id>/copy"): _forward,
    ("GET", "/api/chat/attachments"): _day,
    ("GET", "/api/chat/reports/activity"): _history,
    ("PUT", "/api/chat/conversations/<conversation_id>"): _participants,
    ("DELETE", "/api/chat/conversations/<conversation_id>"): _version,
    ("PUT", "/api/chat/messages/<message_id>"): _message,
    ("DELETE", "/api/chat/messages/<message_id>"): _version,
}


def path_of(scene: Scene, cell: Cell) -> str:
    """The path with the ids of what it is asked about."""
    files = scene.about(cell)
    ids = {
        "<attachment_id>": scene.attachment(cell) if "<attachment_id>" in cell.path else "",
        "<message_id>": files.message_id,
        "<conversation_id>": files.conversation_id,
        "<user_id>": files.sender.user_id,
    }
    path = cell.path
    for name, value in ids.items():
        path = path.replace(name, value)
    return path


class Walk:
    """Asks cell after cell. Those that only read share a scene; every other has its own."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._shared = scene()

    def ask(self, cell: Cell) -> Answer:
        """The answer that a cell really gets."""
        counts_entries = cell.path.startswith(("/api/chat/reports/", "/api/chat/users/"))
        alone = cell.method != "GET" or counts_entries
        staged = scene() if alone else self._shared
        self._doors.world = staged.world
        request = REQUESTS.get((cell.method, cell.path), _nothing)(staged, cell)
        return self._doors.call(
            FUNCTIONS[cell.method, cell.path],
            cell.method,
            f"{path_of(staged, cell)}/",
            caller=CALLERS[cell.caller],
            **request,
        )

    def wrong(self, cell: Cell) -> str | None:
        """What differs from the cell, None if nothing does."""
        answer = self.ask(cell)
        if answer.status != cell.status:
            return f"{cell.name}: {answer.status} instead of {cell.status}"
        if cell.items is not None and len(answer.json["items"]) != cell.items:
            return f"{cell.name}: {len(answer.json['items'])} items instead of {cell.items}"
        return None


# ---------------------------------------------------------------- rights and overrides

ADMINS = ("none of these", "participant", "left", "sender")
#              none of these   participant   left    sender (and uploader, and in it)
OVERRIDES = """
    upload         yes            yes         yes     no
    download       yes            no          yes     no
    delete         yes            yes         yes     no
"""


def overrides() -> Iterator[tuple[str, str, bool]]:
    """(act, which admin, whether the log calls it an override)."""
    for line in OVERRIDES.strip().splitlines():
        act, *answers = line.split()
        for admin, answer in zip(ADMINS, answers, strict=True):
            yield act, admin, answer == "yes"


def logged_override(doors: Doors, act: str, admin: str) -> bool:
    """What the log says after this admin did this to what was sent in the conversation."""
    staged = scene()
    doors.world = staged.world
    who = {"none of these": "admin", "participant": "participant", "left": "former"}
    user = who.get(admin, "sender")
    files = staged.sent["former" if admin == "left" else "uploader"]
    caller = Caller(user, admin=True)
    attachment = f"/api/chat/attachments/{files.ready}/"
    match act:
        case "upload":
            cell = Cell("POST", "", "own", "former" if admin == "left" else "uploader", 201, None)
            answer = doors.call(
                "issue_upload", "POST", "/api/chat/upload/", caller=caller, **_upload(staged, cell)
            )
        case "download":
            path = f"{attachment}download/"
            answer = doors.call("serve_attachments", "GET", path, caller=caller)
        case _:
            answer = doors.call("serve_attachments", "DELETE", attachment, caller=caller)
    assert answer.status in {200, 201}, answer.body
    return staged.world.activity.entries[-1].admin_override


def may_sign(doors: Doors, admin: str) -> bool:
    """Whether this admin may sign the upload that is under way: only if it is their own."""
    staged = scene()
    doors.world = staged.world
    who = {"none of these": "admin", "participant": "participant", "left": "former"}
    files = staged.sent["former" if admin == "left" else "uploader"]
    answer = doors.call(
        "issue_upload",
        "POST",
        f"/api/chat/attachments/{files.pending}/sign/",
        caller=Caller(who.get(admin, "sender"), admin=True),
        body={"method": "PUT", "key": f"uploads/{files.pending}"},
    )
    assert answer.status in {200, 403}, answer.body
    return answer.status == 200


SIGNERS = {"none of these": False, "participant": False, "left": True, "sender": True}


def interleaved(cells: list[Cell], *, step: int = 37) -> list[Cell]:
    """The same cells in an order in which neighbours differ: what is wrong shows early."""
    return list(itertools.chain.from_iterable(cells[begin::step] for begin in range(step)))
