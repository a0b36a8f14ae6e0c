"""Erase again whom a backup brought back.

    python -m deployment.replay_erasures STACK [--users FILE]

STACK is a local stack's description (a path that ends in `.json`) or a deployed stack's name. Every
user whom the Chat table marks as erased is marked anew, and every one of FILE, one id a line: a
mark ends after TombstoneDays, and the backup may be older. From the mark on the sweep looks for
all that names them, and stops when it finds nothing more. Doing it twice is harmless.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from attachments.ids import utc_now
from attachments.tokens import MAX_USER_ID_CHARACTERS
from attachments.users import Users
from deployment import stacks


class UnreadableListError(Exception):
    """The file is no list of user ids; the message says where."""


def replay(users: Users, also: Iterable[str] = ()) -> list[str]:
    """Mark all of them erased, from now on; the ids, in order."""
    found = sorted({*users.all_erased(), *also})
    for number, user_id in enumerate(found, 1):
        users.erase(user_id, utc_now())
        if number % 100 == 0:
            print(f"{number} of {len(found)} users are marked.", flush=True)
    return found


def listed(path: Path) -> list[str]:
    """The ids of a file, one a line; empty lines count for nothing. Raises UnreadableListError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableListError(f"{path} cannot be read: {error}.") from error
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_USER_ID_CHARACTERS or not line.isprintable():
            raise UnreadableListError(f"{path}, line {number}: this is no user id.")
    return [line.strip() for line in lines if line.strip()]


def of_stack(stack: str) -> Users:
    """The users of a stack. Raises UnknownStackError."""
    found = stacks.of(stack)
    return Users(found.dynamodb(), found.resource("Chat"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make replay-erasures", description="Erase again whom a backup brought back."
    )
    parser.add_argument("stack", help="a stack.json, or the name of a deployed stack")
    parser.add_argument("--users", type=Path, help="more users, one id a line")
    chosen = parser.parse_args(arguments)
    try:
        also = listed(chosen.users) if chosen.users else []
        replayed = replay(of_stack(chosen.stack), also)
    except (
        UnreadableListError,
        stacks.UnknownStackError,
        BotoCoreError,
        ClientError,
    ) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(replayed)} users are being erased again; the sweep goes on with it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
