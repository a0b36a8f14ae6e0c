"""Where the service is, whose token counts, and where the journal lies."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from platformdirs import user_state_path

from offchat_attachments.api import Token
from offchat_attachments.client import Client
from offchat_attachments.errors import ConfigurationError
from offchat_attachments.journal import FileJournal

Command = TypeVar("Command", bound=Callable[..., Any])
Connect = Callable[..., Client]
WHO_ARE_YOU = (
    "Say who you are: put your token into OFFCHAT_TOKEN, or into a file and name it by "
    "--token-file or OFFCHAT_TOKEN_FILE. It is no option, because others see a command line."
)

_OPTIONS = (
    click.option(
        "--api", envvar="OFFCHAT_API", metavar="URL", required=True, show_envvar=True,
        help="Address of the service.",
    ),
    click.option(
        "--token-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="A file with the token, read anew at each request. [env var: OFFCHAT_TOKEN_FILE; "
        "the token itself: OFFCHAT_TOKEN]",
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for scripts."),
    click.option("--quiet", "-q", is_flag=True, help="No progress bar."),
)  # fmt: skip


def connection_options(command: Command) -> Command:
    """The options that every command has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def connect(api: str, token: Token, **options: Any) -> Client:
    """A client that resumes uploads of earlier processes; `options` are Client's."""
    folder = Path(os.environ.get("OFFCHAT_STATE_DIR") or user_state_path("offchat-attachments"))
    return Client(api, token, journal=FileJournal(folder / "uploads"), **options)


def token_from(environment: Mapping[str, str], token_file: Path | None) -> Token:
    """The token: by the option, else the environment. Raises UsageError if there is none."""
    token = environment.get("OFFCHAT_TOKEN", "")
    if token_file is None and token:
        return token
    named = token_file or environment.get("OFFCHAT_TOKEN_FILE")
    if not named:
        raise click.UsageError(WHO_ARE_YOU)
    path = Path(named)

    def read() -> str:
        try:
            return path.read_text()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(f"The token file {path} cannot be read: {reason}.") from error

    return read
