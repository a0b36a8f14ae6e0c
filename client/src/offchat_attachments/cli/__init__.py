"""The command line: `attachments`, or `python -m offchat_attachments.cli`."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command of `sys.argv` and end with its exit code."""
    try:
        from offchat_attachments.cli.commands import run
    except ModuleNotFoundError as error:
        if error.name not in {"click", "platformdirs", "rich"}:
            raise
        sys.exit("The command line needs more: pip install 'offchat-attachments[cli]'")
    sys.exit(run(sys.argv[1:]))
