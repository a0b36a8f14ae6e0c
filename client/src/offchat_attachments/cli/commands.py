"""The commands: each reads its options, asks the client, and prints."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import click

from offchat_attachments.cli.exit_codes import IN_WORDS, INTERRUPTED, UNFORESEEN
from offchat_attachments.cli.output import Output, entry_in_words, in_full, in_words
from offchat_attachments.cli.settings import Connect, connect, connection_options, token_from
from offchat_attachments.client import CONNECTIONS, Client
from offchat_attachments.errors import ConfigurationError
from offchat_attachments.models import Attachment, FileType

T = TypeVar("T")
DAY = click.DateTime(["%Y-%m-%d"])
INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])
LIMIT = click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Most lines."
)
TYPE = click.option(
    "--type",
    "file_type",
    type=click.Choice([kind.value for kind in FileType]),
    help="Only files of this type.",
)
MESSAGE = click.option(
    "--message", "message_id", metavar="ID", required=True, help="The message to attach to."
)
IDS = click.argument("ids", metavar="ID...", nargs=-1, required=True)


def run(arguments: Sequence[str], connect: Connect = connect) -> int:
    """Run a command; its exit code. `connect` builds the client."""
    try:
        code = cli.main(
            list(arguments), prog_name="attachments", standalone_mode=False, obj=connect
        )
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as error:
        if not isinstance(error.__cause__, KeyboardInterrupt):
            return UNFORESEEN
        click.echo("Interrupted. The same command goes on from here.", err=True)
        return INTERRUPTED


@click.group(epilog=IN_WORDS, context_settings={"max_content_width": 100})
@click.version_option(package_name="offchat-attachments")
def cli() -> None:
    """Send and fetch the attachments of a chat.

    \b
    export OFFCHAT_API=https://api.example.com OFFCHAT_TOKEN=...
    attachments upload holiday.mp4 --message ID
    attachments list --message ID
    attachments download ID
    """


@dataclass
class Session:
    client: Client
    output: Output


@contextmanager
def session(
    api: str, token_file: Path | None, *, as_json: bool, quiet: bool, **more: Any
) -> Iterator[Session]:
    """A client for one command, which ends with the exit code of what failed."""
    context = click.get_current_context()
    output = Output(as_json=as_json, quiet=quiet)
    token = token_from(os.environ, token_file)
    try:
        with context.obj(api, token, **more) as client:
            yield Session(client, output)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    context.exit(output.code)


@cli.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@MESSAGE
@click.option("--video", is_flag=True, help="Let the service refuse anything but videos.")
@click.option("--mime-type", metavar="TYPE", help="What the files are, if names do not tell.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the inspection.")
@click.option(
    "--connections", type=click.IntRange(1, 32), default=CONNECTIONS, show_default=True,
    help="How many parts of a large file go at once.",
)  # fmt: skip
@connection_options
def upload(
    files: tuple[Path, ...],
    message_id: str,
    video: bool,
    mime_type: str | None,
    no_wait: bool,
    connections: int,
    **connection: Any,
) -> None:
    """Attach files to a message.

    An interrupted upload goes on where it ended when the same command runs again within a day and
    the file is the same.
    """
    with session(**connection, connections=connections) as now:
        for path in files:
            with now.output.about(str(path)):
                with now.output.bar(path.name, then="being inspected") as progress:
                    record = now.client.upload(
                        path,
                        message_id=message_id,
                        mime_type=mime_type,
                        video_only=video,
                        wait=not no_wait,
                        progress=progress,
                    )
                now.output.result(record, in_words(record))


@cli.command()
@IDS
@click.option("--wait", is_flag=True, help="Until the file is ready; exit code 7 if it is not.")
@connection_options
def status(ids: tuple[str, ...], wait: bool, **connection: Any) -> None:
    """Show what is known of attachments."""
    with session(**connection) as now:
        for attachment_id in ids:
            with now.output.about(attachment_id):
                ask = now.client.wait if wait else now.client.get
                record = ask(attachment_id)
                now.output.result(record, in_full(record))


@cli.command("list")
@click.option("--message", "message_id", metavar="ID", help="Attachments of a message.")
@click.option("--conversation", "conversation_id", metavar="ID", help="Of a conversation.")
@click.option("--all", "everybody", is_flag=True, help="Of everybody, for admins.")
@TYPE
@click.option("--from", "first", type=DAY, metavar="DAY", help="With --all: first day, in UTC.")
@click.option("--to", "last", type=DAY, metavar="DAY", help="With --all: last day, in UTC.")
@LIMIT
@connection_options
def list_(limit: int, as_json: bool, **options: Any) -> None:
    """List attachments: of a message, a conversation, or everybody."""
    connection = {name: options.pop(name) for name in ("api", "token_file", "quiet")}
    with session(**connection, as_json=as_json) as now, now.output.about("list"):
        for record in _at_most(limit, _listed(now.client, **options)):
            now.output.result(record, in_words(record))


def _listed(
    client: Client,
    *,
    message_id: str | None,
    conversation_id: str | None,
    everybody: bool,
    file_type: str | None,
    first: datetime | None,
    last: datetime | None,
) -> Iterator[Attachment]:
    if [bool(message_id), bool(conversation_id), everybody].count(True) != 1:
        raise click.UsageError("Say one of --message, --conversation and --all.")
    if not everybody and (first or last):
        raise click.UsageError("--from and --to go with --all.")
    if message_id:
        found = client.of_message(message_id)
        return (record for record in found if file_type in (None, record.file_type))
    if conversation_id:
        return client.of_conversation(conversation_id, file_type=file_type)
    return client.of_everybody(
        file_type=file_type, first=first and first.date(), last=last and last.date()
    )


@cli.command()
@IDS
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), default=Path(), metavar="PATH",
    help="The file to be, or a folder for it. Default: here, under its own name.",
)  # fmt: skip
@click.option("--force", "-f", is_flag=True, help="Replace a file that is there.")
@connection_options
def download(ids: tuple[str, ...], output: Path, force: bool, **connection: Any) -> None:
    """Fetch files. An interrupted download goes on where it ended."""
    if len(ids) > 1 and not output.is_dir():
        raise click.UsageError("Several files need a folder: --output FOLDER.")
    with session(**connection) as now:
        for attachment_id in ids:
            with now.output.about(attachment_id):
                with now.output.bar(attachment_id) as progress:
                    place = now.client.download(
                        attachment_id, output, force=force, progress=progress
                    )
                now.output.said(str(place), id=attachment_id, path=str(place))


@cli.command()
@IDS
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@connection_options
def delete(ids: tuple[str, ...], yes: bool, **connection: Any) -> None:
    """Delete attachments, bytes included."""
    if not yes:
        click.confirm(f"Delete {len(ids)} for everybody?", abort=True, err=True)
    with session(**connection) as now:
        for attachment_id in ids:
            with now.output.about(attachment_id):
                now.client.delete(attachment_id)
                now.output.said(f"{attachment_id}  deleted", id=attachment_id, status="deleted")


@cli.command()
@IDS
@MESSAGE
@connection_options
def forward(ids: tuple[str, ...], message_id: str, **connection: Any) -> None:
    """Attach files to another message, without a second upload."""
    with session(**connection) as now:
        for attachment_id in ids:
            with now.output.about(attachment_id):
                record = now.client.forward(attachment_id, message_id=message_id)
                now.output.result(record, in_words(record))


@cli.command()
@click.option("--user", "user_id", metavar="ID", help="Only of this user.")
@click.option("--attachment", "attachment_id", metavar="ID", help="Only about this.")
@click.option("--from", "first", type=INSTANT, metavar="INSTANT", help="Not before, in UTC.")
@click.option("--to", "last", type=INSTANT, metavar="INSTANT", help="Not after, in UTC.")
@LIMIT
@connection_options
def activity(
    user_id: str | None,
    attachment_id: str | None,
    first: datetime | None,
    last: datetime | None,
    limit: int,
    **connection: Any,
) -> None:
    """Show who did what, newest first, for admins."""
    with session(**connection) as now, now.output.about("activity"):
        entries = now.client.activity(
            user_id=user_id, attachment_id=attachment_id, first=_utc(first), last=_utc(last)
        )
        for entry in _at_most(limit, entries):
            now.output.result(entry, entry_in_words(entry))


def _utc(instant: datetime | None) -> datetime | None:
    """In UTC, which is also the zone of one that names none."""
    if instant is None:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _at_most(limit: int, found: Iterator[T]) -> Iterator[T]:
    """So many, and a word where there are more."""
    yield from islice(found, limit)
    if next(found, None) is not None:
        click.echo("There is more: a higher --limit shows it.", err=True)
