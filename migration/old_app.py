"""The Django app's database: read, and never written.

What of it is asked stands in `Queries`, and can be said otherwise: only the `attachments` table is
the same everywhere.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Subquery, column, create_engine, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

BATCH = 50  # rows that are brought over together
COLUMNS = ("id", "message_id", "file", "file_name", "file_size", "mime_type", "uploaded_at")


class OldAppError(Exception):
    """The database cannot be opened or asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Queries:
    """A SELECT for each thing that is asked, with these names of columns."""

    attachments: str = f"SELECT {', '.join(COLUMNS)} FROM attachments"  # noqa: S608 names of ours
    messages: str = "SELECT id, conversation_id, sender_id FROM messages"
    participants: str = "SELECT conversation_id, user_id FROM conversation_participants"


@dataclass(frozen=True, slots=True)
class OldMessage:
    """Where a message belongs, who sent it, and who reads it; as the database has it."""

    conversation_id: Any
    sender_id: Any
    participants: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class OldRow:
    """A row of `attachments` as it stands there; `message` is None where there is none."""

    values: Mapping[str, Any]
    message: OldMessage | None

    @property
    def name(self) -> str:
        """Its id, as the database shows it."""
        return str(self.values["id"])


class OldApp:
    """Opened read-only; a context that closes it."""

    def __init__(self, database: str, queries: Queries) -> None:
        """`database` is a URL, or the path of an SQLite file. Raises OldAppError."""
        self._engine = _engine(database)
        self._attachments = _asked(queries.attachments, *COLUMNS)
        self._messages = _asked(queries.messages, "id", "conversation_id", "sender_id")
        self._participants = _asked(queries.participants, "conversation_id", "user_id")

    def __enter__(self) -> "OldApp":
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def count(self) -> int:
        """How many rows there are. Raises OldAppError."""
        try:
            with self._engine.connect() as connection:
                asked = select(func.count()).select_from(self._attachments)
                return int(connection.execute(asked).scalar_one())
        except SQLAlchemyError as error:
            raise _failure(error) from error

    def batches(self) -> Iterator[list[OldRow]]:
        """All rows by id, `BATCH` at a time. Raises OldAppError."""
        try:
            with self._engine.connect() as rows, self._engine.connect() as more:
                asked = select(self._attachments).order_by(self._attachments.c.id)
                found = rows.execution_options(yield_per=BATCH).execute(asked)
                for batch in found.mappings().partitions(BATCH):
                    yield self._with_messages(more, [dict(row) for row in batch])
        except SQLAlchemyError as error:
            raise _failure(error) from error

    def _with_messages(
        self, connection: Connection, rows: Sequence[Mapping[str, Any]]
    ) -> list[OldRow]:
        wanted = {row["message_id"] for row in rows} - {None}
        messages = {
            each["id"]: each for each in _where(connection, self._messages, "id", list(wanted))
        }
        conversations = {each["conversation_id"] for each in messages.values()} - {None}
        readers: dict[Any, list[Any]] = {}
        for each in _where(connection, self._participants, "conversation_id", list(conversations)):
            readers.setdefault(each["conversation_id"], []).append(each["user_id"])
        known = {
            key: OldMessage(
                each["conversation_id"],
                each["sender_id"],
                tuple(readers.get(each["conversation_id"], ())),
            )
            for key, each in messages.items()
        }
        return [OldRow(row, known.get(row["message_id"])) for row in rows]


def _engine(database: str) -> Engine:
    try:
        url = make_url(database if "://" in database else f"sqlite:///{database}")
        if url.get_backend_name() == "sqlite":
            path = Path(url.database or "").resolve()
            if not path.is_file():
                raise OldAppError(f"There is no SQLite database {path}.")
            read_only = f"{path.as_uri()}?mode=ro"
            return create_engine(
                "sqlite://",
                creator=lambda: sqlite3.connect(read_only, uri=True),
                poolclass=NullPool,
            )
        if url.drivername in ("postgres", "postgresql"):
            return create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args={"options": "-c default_transaction_read_only=on"},
                poolclass=NullPool,
            )
    except ArgumentError as error:
        raise OldAppError("This is neither a database URL nor an SQLite file.") from error
    raise OldAppError(f"SQLite and PostgreSQL can be read, {url.drivername} cannot.")


def _asked(sql: str, *names: str) -> Subquery:
    return text(sql).columns(*(column(name) for name in names)).subquery()


def _where(
    connection: Connection, asked: Subquery, name: str, values: Sequence[Any]
) -> Sequence[Mapping[str, Any]]:
    if not values:
        return []
    found = connection.execute(select(asked).where(asked.c[name].in_(values)))
    return [dict(row) for row in found.mappings()]


def _failure(error: SQLAlchemyError) -> OldAppError:
    cause = getattr(error, "orig", None) or error
    return OldAppError(f"The database refuses: {str(cause).strip()}")
