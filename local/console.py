"""What the terminal shows: the functions' JSON logs as lines that people read."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

MAX_LINE_BYTES = 2**20  # for whoever starts a process whose lines are read
COLOURS = {"ERROR": "31", "CRITICAL": "31", "WARNING": "33", "INFO": "36", "DEBUG": "90"}
# Keys that every entry has, or that only matter in CloudWatch.
UNSHOWN = {
    "level",
    "location",
    "message",
    "timestamp",
    "service",
    "exception",
    "exception_name",
    "stack_trace",
    "xray_trace_id",
}


def function_line(name: str, line: str) -> None:
    """Print one line of a function's output under its name."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if isinstance(entry, dict) and "_aws" in entry:
        return  # figures for CloudWatch
    if not isinstance(entry, dict):
        print(f"{_faint(f'{name:<16}')} {line}", flush=True)
        return
    level = str(entry.get("level", "INFO"))
    details = " ".join(
        f"{key}={_short(value)}"
        for key, value in entry.items()
        if key not in UNSHOWN and value is not None
    )
    print(
        f"{_faint(f'{name:<16}')} {_coloured(level)} {entry.get('message')} {_faint(details)}",
        flush=True,
    )
    if "exception" in entry:
        print(entry["exception"], flush=True)


def note(text: str) -> None:
    """A line of the local stack itself."""
    print(text, flush=True)


def heading(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _faint(text: str) -> str:
    return f"\033[90m{text}\033[0m" if sys.stdout.isatty() else text


def _coloured(level: str) -> str:
    colour = COLOURS.get(level, "0")
    return f"\033[{colour}m{level:<7}\033[0m" if sys.stdout.isatty() else f"{level:<7}"


async def lines_of(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """What a process prints, line by line; one that is longer than the stream's limit is lost."""
    while not stream.at_eof():
        with suppress(ValueError):
            async for line in stream:
                yield line.decode(errors="replace").rstrip("\r\n")
