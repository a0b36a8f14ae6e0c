"""Looks at a stack and says in plain words what is wrong with it.

    python -m deployment.doctor .local/stack.json      a local stack, by its description
    python -m deployment.doctor offchat-attachments    a deployed one, by its name

It changes nothing; its own video is removed again. Exits with 1 if anything is wrong.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from deployment import stacks
from deployment.doctor import bucket, functions, records, trip, webhooks
from deployment.doctor.checks import Check, CouldNotLookError, State, Verdict, WrongError

CHECKS = (
    Check("bucket CORS", bucket.cors, "CORS errors in the browser"),
    Check("API CORS", trip.cors, "CORS errors in the browser"),
    Check("upload events", bucket.events, "It stays pending"),
    Check("inspector's trigger", functions.queue, "It stays pending"),
    Check("public access", bucket.private, "Anybody can read the files"),
    Check("lifecycle", bucket.lifecycle, "Files vanish"),
    Check("versions", bucket.versions, "Files vanish"),
    Check("ffmpeg", functions.programs, "Every video fails"),
    Check("token settings", functions.tokens, "Everybody gets 401"),
    Check("key server", functions.key_server, "Everybody gets 401"),
    Check("dead letters", records.dead_letters, "It stays pending"),
    Check("webhooks", webhooks.webhooks, "Webhooks do not arrive"),
    Check("bytes of ready files", records.drift, "Files vanish"),
    Check("usage counters", records.counts, "The usage report is wrong"),
    Check("round trip", trip.round_trip, "It stays pending"),
)
COLOURS = {State.OK: "32", State.WRONG: "31", State.UNKNOWN: "33"}


def examine(stack: stacks.Stack, *, only: str | None = None) -> Iterator[Verdict]:
    """Every check, or one by its name; one that fails keeps no other from its work."""
    for check in (check for check in CHECKS if only in (None, check.name)):
        try:
            yield Verdict(check, State.OK, check.look(stack))
        except WrongError as wrong:
            yield Verdict(check, State.WRONG, wrong.says, wrong.todo)
        except (
            CouldNotLookError,
            stacks.UnknownStackError,
            httpx.HTTPError,
            BotoCoreError,
            ClientError,
        ) as error:
            yield Verdict(check, State.UNKNOWN, str(error))
        except Exception as error:
            says = f"The check itself failed: {type(error).__name__}: {error}"
            yield Verdict(check, State.UNKNOWN, says)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make doctor", description="Look at a stack and say what is wrong with it."
    )
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument("stack", nargs="?", help="a stack.json, or the name of a deployed stack")
    named.add_argument("--stack", dest="name", help="the same")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each check")
    parser.add_argument("--tokens", type=Path, help="tokens of a service and a sender, as JSON")
    chosen = parser.parse_args(arguments)
    try:
        stack = stacks.of(chosen.stack or chosen.name)
        if chosen.tokens:
            stack = replace(stack, tokens=json.loads(chosen.tokens.read_text()))
    except (stacks.UnknownStackError, BotoCoreError, ClientError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    verdicts = []
    for verdict in examine(stack):
        print(_as_json(verdict) if chosen.json else _as_line(verdict), flush=True)
        verdicts.append(verdict)
    bad = [verdict for verdict in verdicts if verdict.state is not State.OK]
    if not chosen.json:
        print(f"\n{stack.name}: {_summary(len(bad), len(verdicts))}")
    return 1 if bad else 0


def _summary(bad: int, all_of_them: int) -> str:
    return f"{bad} of {all_of_them} checks need you." if bad else "nothing is wrong."


def _as_line(verdict: Verdict) -> str:
    state = f"{verdict.state:<14}"
    if sys.stdout.isatty():
        state = f"\033[{COLOURS[verdict.state]}m{state}\033[0m"
    line = f"{state} {verdict.check.name}: {verdict.says}"
    if verdict.todo:
        line += f"\n{'':<15}{verdict.todo} (docs/troubleshooting.md, “{verdict.check.section}”)"
    return line


def _as_json(verdict: Verdict) -> str:
    return json.dumps(
        {
            "check": verdict.check.name,
            "state": verdict.state,
            "says": verdict.says,
            "todo": verdict.todo,
            "section": verdict.check.section,
        }
    )


if __name__ == "__main__":
    sys.exit(main())
