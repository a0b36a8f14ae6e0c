"""What a command prints: lines for people, or one JSON object a line for scripts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from offchat_attachments.cli.exit_codes import OK, code_of
from offchat_attachments.errors import ApiError, AuthenticationError, NetworkError, OffChatError
from offchat_attachments.models import Activity, Answer, Attachment
from offchat_attachments.progress import Progress

UNITS = ("KB", "MB", "GB")


class Output:
    """`as_json`: JSON Lines, results on stdout and errors on stderr. `code` is the exit code."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self._as_json = as_json
        self._bars = not (as_json or quiet) and Console(stderr=True).is_terminal
        self.code = OK

    def result(self, answer: Answer, line: str) -> None:
        """One thing that was asked for."""
        click.echo(json.dumps(dict(answer.json)) if self._as_json else printable(line))

    def said(self, line: str, **fields: Any) -> None:
        """Something that was done and has no record."""
        click.echo(json.dumps(fields) if self._as_json else printable(line))

    @contextmanager
    def about(self, subject: str) -> Iterator[None]:
        """Tells an error and lets the next subject have its turn, unless that would fail too."""
        try:
            yield
        except OffChatError as error:
            self.code = self.code or code_of(error)
            self._tell(subject, error)
            if isinstance(error, AuthenticationError | NetworkError):
                raise click.exceptions.Exit(self.code) from error

    @contextmanager
    def bar(self, name: str, *, then: str = "") -> Iterator[Progress | None]:
        """A progress bar on a terminal; `then` is what happens after the last byte."""
        if not self._bars:
            yield None
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        with Bars(*columns, console=console, transient=True, redirect_stdout=False) as bars:
            task = bars.add_task(printable(name), total=None)

            def show(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total)
                if then and done >= total:
                    bars.update(task, description=printable(f"{name} ({then})"))

            yield show

    def _tell(self, subject: str, error: OffChatError) -> None:
        if not self._as_json:
            click.echo(printable(f"{subject}: {error}"), err=True)
            return
        told: dict[str, Any] = {
            "subject": subject,
            "error": type(error).__name__,
            "detail": str(error),
            "exit_code": code_of(error),
        }
        if isinstance(error, ApiError):
            told |= {"status": error.problem.status, "type": error.problem.kind}
            told |= {"request_id": error.problem.request_id}
        click.echo(json.dumps(told), err=True)


def printable(text: str) -> str:
    """Without characters that steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def in_words(attachment: Attachment) -> str:
    """An attachment in one line."""
    size = f"{attachment.width}x{attachment.height}" if attachment.width else ""
    about = (attachment.file_type, size, attachment.duration_formatted or "", attachment.reason)
    return "  ".join(
        (
            attachment.id,
            f"{attachment.status:<8}",
            f"{human_size(attachment.file_size):>10}",
            _one_line(attachment.file_name),
            _one_line(" ".join(text for text in about if text)),
        )
    )


def in_full(attachment: Attachment) -> str:
    """An attachment, a field a line, without what is not known."""
    known = {name: value for name, value in attachment.json.items() if value is not None}
    width = max(map(len, known))
    lines = (f"{name:<{width}}  {_one_line(_text(value))}" for name, value in known.items())
    return "\n".join(lines)


def entry_in_words(entry: Activity) -> str:
    """An entry of the activity log in one line."""
    by = f"{entry.user_id} (as admin)" if entry.admin_override else entry.user_id
    return "  ".join(
        (f"{entry.at:%Y-%m-%d %H:%M:%SZ}", f"{entry.action:<16}", entry.attachment_id, by)
    )


def human_size(size: int) -> str:
    """In the largest unit that leaves at least one of it; 1 KB is 1,024 bytes."""
    if size < 1024:
        return f"{size} bytes"
    power = min((size.bit_length() - 1) // 10, len(UNITS))
    return f"{size / 1024**power:.1f} {UNITS[power - 1]}"


def _one_line(text: str) -> str:
    return text.replace("\n", " ")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
