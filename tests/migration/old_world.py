"""An old database with its media folder, as the Django app leaves them behind: 200 rows, of which
some are broken, each in its own way."""

import io
import os
import random
import wave
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image
from sqlalchemy import Connection, create_engine, text

from tests.stack.client import sample

ROWS = 200
BEGAN = datetime(2023, 5, 17, 9, 30, 0, 123000, tzinfo=UTC)
VIDEOS = {
    "mp4": "video/mp4",
    "webm": "video/webm",
    "ogg": "video/ogg",
    "mov": "video/quicktime",
    "avi": "video/x-msvideo",
    "mkv": "video/x-matroska",
}
ATTACHMENTS = """CREATE TABLE attachments (
    id UUID PRIMARY KEY, message_id UUID, file VARCHAR(255), file_name VARCHAR(255),
    file_type VARCHAR(20), file_size INTEGER, mime_type VARCHAR(100), duration INTEGER,
    thumbnail VARCHAR(255), width INTEGER, height INTEGER, bitrate INTEGER, codec VARCHAR(50),
    uploaded_at TIMESTAMP)"""
MESSAGES = "CREATE TABLE messages (id UUID PRIMARY KEY, conversation_id UUID, sender_id VARCHAR)"
PARTICIPANTS = "CREATE TABLE conversation_participants (conversation_id UUID, user_id VARCHAR)"


@dataclass(frozen=True)
class Good:
    """A row that must come."""

    id: str
    message_id: str
    file_name: str
    file_type: str
    body: bytes
    uploaded_at: datetime


@dataclass
class OldWorld:
    """What was made: rows that must come, and why the others cannot, by their id as stored."""

    url: str
    media: Path
    good: list[Good] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    seen_by_inspection: set[str] = field(default_factory=set)


class Maker:
    """Writes the rows; ids come from `seed`."""

    def __init__(self, world: OldWorld, connection: Connection, seed: int, sender: str) -> None:
        self.world, self.connection = world, connection
        self.sqlite = connection.dialect.name == "sqlite"
        self._random = random.Random(seed)
        self.sender = sender
        self.rows = 0
        self.conversation = self.uuid()
        self.told(PARTICIPANTS)
        for user in (sender, "somebody"):
            self.insert(
                "conversation_participants", conversation_id=self.conversation, user_id=user
            )

    def uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def told(self, sql: str, **values: Any) -> None:
        self.connection.execute(text(sql), values)

    def insert(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        self.told(f"INSERT INTO {table} ({names}) VALUES ({marks})", **values)

    def message(self, **changed: Any) -> str:
        message = self.uuid()
        said = {"conversation_id": self.conversation, "sender_id": self.sender} | changed
        self.insert("messages", id=message, **said)
        return message

    def row(self, file_name: str, mime_type: str, body: bytes, /, **changed: Any) -> dict[str, Any]:
        """A row with its file; `changed` says what is otherwise in the row."""
        path = f"attachments/{self.rows:03}-{file_name}"
        target = self.world.media / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        at = BEGAN + timedelta(hours=self.rows)
        values = {
            "id": self.uuid(),
            "file": path,
            "file_name": file_name,
            "file_type": mime_type.partition("/")[0],
            "file_size": len(body),
            "mime_type": mime_type,
            "uploaded_at": at.replace(tzinfo=None).isoformat(" ") if self.sqlite else at,
        } | changed
        if "message_id" not in values:
            values["message_id"] = self.message()
        self.insert("attachments", **values)
        self.rows += 1
        return values

    def good(self, file_name: str, file_type: str, mime_type: str, body: bytes) -> None:
        at = BEGAN + timedelta(hours=self.rows)
        changed: dict[str, Any] = {}
        if self.sqlite and self.rows % 2:  # Django's own spelling in SQLite
            changed["id"] = UUID(self.uuid()).hex
        row = self.row(file_name, mime_type, body, **changed)
        self.world.good.append(
            Good(str(UUID(row["id"])), row["message_id"], file_name, file_type, body, at)
        )

    def broken(self, reason: str, body: bytes = b"text\n", **changed: Any) -> dict[str, Any]:
        name, mime_type = changed.pop("named", ("note.txt", "text/plain"))
        row = self.row(name, mime_type, body, **changed)
        self.world.broken[str(row["id"])] = reason
        return row


def make(database: str, folder: Path, *, seed: int, sender: str) -> OldWorld:
    """All of it, in an empty database; `database` is a URL of SQLAlchemy's."""
    world = OldWorld(database, folder / "media")
    engine = create_engine(database.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text(ATTACHMENTS))
        connection.execute(text(MESSAGES))
        maker = Maker(world, connection, seed, sender)
        _break(maker, folder)
        for extension, mime_type in VIDEOS.items():
            body = sample(extension, seconds=1).read_bytes()
            maker.good(f"clip.{extension}", "video", mime_type, body)
        for number in range(10):
            maker.good(f"tone-{number}.wav", "audio", "audio/wav", _tone())
            maker.good(f"photo-{number}.png", "image", "image/png", _photo(number))
        while maker.rows < ROWS:
            body = f"Bring the tent, {maker.rows}.\n".encode()
            maker.good(f"Übersicht {maker.rows}.txt", "document", "text/plain", body)
    engine.dispose()
    return world


def _break(maker: Maker, folder: Path) -> None:
    """One row for each way to be broken."""
    (folder / "secret.txt").write_text("secret\n")
    os.makedirs(maker.world.media / "attachments" / "folder")
    (maker.world.media / "attachments" / "link").symlink_to(folder / "secret.txt")
    outside = "Its file lies outside of the media folder."
    maker.broken("Its file is not in the media folder.", file="attachments/gone.txt")
    maker.broken("Its file has another size than the row says.", file_size=7)
    maker.broken(outside, file="../secret.txt", file_size=7)
    maker.broken(outside, file=str(folder / "secret.txt"), file_size=7)
    maker.broken(outside, file="attachments/link", file_size=7)
    maker.broken("Its file is no regular file.", file="attachments/folder")
    maker.broken("It names no file.", file=None)
    maker.broken("Its file is empty.", b"")
    maker.broken("Its file name cannot be shown.", file_name="../..")
    maker.broken("It does not say when it was uploaded.", uploaded_at=None)
    maker.broken("It was uploaded in the future.", uploaded_at="2199-01-01 00:00:00")
    maker.broken("Its message is not there.", message_id=maker.uuid())
    maker.broken("Its message is not there.", message_id=None)
    maker.broken(
        "Its conversation's id is no UUID.", message_id=maker.message(conversation_id=None)
    )
    maker.broken(
        "A user of its conversation has no id that can be used.",
        message_id=maker.message(sender_id="x" * 200),
    )
    clip = ("clip.mp4", "video/mp4")
    large = maker.broken(
        "Its file is larger than the stack allows.", file_size=101 * 2**20, named=clip
    )
    os.truncate(maker.world.media / large["file"], 101 * 2**20)  # sparse
    whole = sample("mp4", seconds=1).read_bytes()
    cut = maker.broken("The inspection rejects its file.", whole[: len(whole) // 2], named=clip)
    maker.world.seen_by_inspection.add(cut["id"])
    if maker.sqlite:  # which does not mind what a UUID or a time looks like
        maker.broken("Its id is no UUID.", id="seventeen")
        maker.broken("It does not say when it was uploaded.", uploaded_at="yesterday")
        twice = maker.broken("An earlier row has the same id.")
        # The spelling with hyphens sorts first, and has no file: it is what is reported as such.
        del maker.world.broken[twice["id"]]
        maker.world.broken[UUID(twice["id"]).hex] = "An earlier row has the same id."
        maker.row("note.txt", "text/plain", b"again\n", id=UUID(twice["id"]).hex)
        maker.world.good.append(
            Good(
                twice["id"],
                twice["message_id"],
                "note.txt",
                "document",
                b"text\n",
                BEGAN + timedelta(hours=maker.rows - 2),
            )
        )


def _tone() -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    return made.getvalue()


def _photo(number: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (400 + number, 300), (number * 20, 80, 160)).save(made, "PNG")
    return made.getvalue()
