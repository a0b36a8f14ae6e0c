"""Brings the Django app's attachments over.

    python -m migration STACK --database URL --media FOLDER        a dry run: nothing changes
    python -m migration STACK --database URL --media FOLDER --go   does it

STACK is a local stack's description (a path that ends in `.json`) or a deployed stack's name. The
database (SQLite or PostgreSQL) and the folder are only read. It may be stopped at any time and
begun again: it goes on. Exits with 1 if a row could not come.
"""

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from attachments.activity import ActivityLog
from attachments.catalog import Catalog
from attachments.chat import Chat
from attachments.guards import Guards
from attachments.ids import utc_now
from attachments.settings import read_settings
from attachments.storage import Storage
from attachments.users import Users
from deployment import stacks
from migration.importer import Importer, Outcome, Result, Target
from migration.old_app import OldApp, OldAppError, Queries

REPORT = Path(".local/migration.csv")
HEAD = ("id", "file", "reason", "detail")


def target_of(stack: stacks.Stack) -> Target:
    """What a stack consists of, as its own functions are told. Raises UnknownStackError."""
    settings, dynamodb = read_settings(stack.variables("IssueUpload")), stack.dynamodb()
    chat = Chat(dynamodb, settings.chat_table)
    catalog = Catalog(
        dynamodb,
        settings.attachments_table,
        chat=chat,
        users=Users(dynamodb, settings.chat_table),
        activity=ActivityLog(
            dynamodb, settings.activity_table, keep=settings.activity_life, clock=utc_now
        ),
        guards=Guards(dynamodb, settings.guards_table),
        clock=utc_now,
    )
    storage = Storage(stack.client("s3"), bucket=settings.bucket)
    return Target(catalog, chat, storage, settings, utc_now)


def main(arguments: list[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    if not chosen.database:
        print("Say which database: --database, or DATABASE_URL.", file=sys.stderr)
        return 2
    media = chosen.media.resolve()
    if not media.is_dir():
        print(f"There is no media folder {media}.", file=sys.stderr)
        return 2
    queries = Queries(chosen.attachments, chosen.messages, chosen.participants)
    if not chosen.go:
        print("A dry run: everything is looked at, nothing is changed. --go (GO=1) does it.")
    try:
        with OldApp(chosen.database, queries) as old:
            importer = Importer(target_of(stacks.of(chosen.stack)), media, dry=not chosen.go)
            batches = importer.run(old.batches())
            results = _shown(batches, old.count(), dry=not chosen.go)
            reasons = _reported(results, chosen.report)
    except (OldAppError, stacks.UnknownStackError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(f"{error}\nImport again: it goes on where it was.", file=sys.stderr)
        return 2
    for reason, count in reasons.most_common():
        print(f"{count:>7}  {reason}")
    print(f"Every row that could not come, and why: {chosen.report}" if reasons else "")
    return 1 if reasons else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make migrate", description="Bring the Django app's attachments over."
    )
    parser.add_argument("stack", help="a stack.json, or the name of a deployed stack")
    parser.add_argument(
        "--database",
        default=os.environ.get("DATABASE_URL", ""),
        help="postgresql://… or an SQLite file; by default DATABASE_URL",
    )
    parser.add_argument("--media", type=Path, required=True, help="the media root")
    parser.add_argument("--go", action="store_true", help="do it, instead of a dry run")
    parser.add_argument("--report", type=Path, default=REPORT, help=f"by default {REPORT}")
    for name in ("attachments", "messages", "participants"):
        query = getattr(Queries(), name)
        parser.add_argument(
            f"--{name}", default=query, metavar="SELECT", help=f"by default {query}"
        )
    return parser


def _shown(batches: Iterable[list[Result]], rows: int, *, dry: bool) -> Iterator[Result]:
    """The same results; how far it is, is said after each batch."""
    counts: Counter[Outcome] = Counter()
    for batch in batches:
        counts.update(result.outcome for result in batch)
        words = [f"{counts[each]} {_word(each, dry=dry)}" for each in Outcome if counts[each]]
        print(f"{counts.total()} of {rows} rows: {', '.join(words)}", flush=True)
        yield from batch


def _word(outcome: Outcome, *, dry: bool) -> str:
    return "would come" if dry and outcome is Outcome.CAME else str(outcome)


def _reported(results: Iterable[Result], path: Path) -> Counter[str]:
    """Writes who could not come; an earlier report stays until this one is whole."""
    reasons: Counter[str] = Counter()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    with draft.open("w", newline="", encoding="utf-8") as file:
        report = csv.writer(file)
        report.writerow(HEAD)
        for result in results:
            if result.outcome is Outcome.REFUSED:
                reasons[result.reason] += 1
                named = (result.row.name, str(result.row.values["file"] or ""))
                report.writerow((*named, result.reason, result.detail))
    draft.replace(path)
    return reasons


if __name__ == "__main__":
    sys.exit(main())
