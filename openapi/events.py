"""The JSON Schema of each event that other systems are told, one file for each and its version."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from functions.announce.announcements import ANNOUNCEMENTS, Announcement, announcement_of
from functions.announce.changes import Change
from openapi import examples
from openapi.document import ROOT

FOLDER = ROOT / "docs" / "events"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def files() -> Mapping[Path, str]:
    """The schemas as they are committed, by where."""
    shown = {type(example): example for example in _examples()}
    return {
        FOLDER / f"{_constant(kind, 'type')}.v{_constant(kind, 'version')}.json": text(
            kind, shown[kind]
        )
        for kind in ANNOUNCEMENTS
    }


def text(kind: type[Announcement], example: Announcement) -> str:
    """The schema of one event, as JSON."""
    schema = kind.model_json_schema(mode="serialization")
    head: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": f"urn:offchat:event:{_constant(kind, 'type')}:{_constant(kind, 'version')}",
    }
    document = {**head, **schema, "examples": [example.model_dump(mode="json")]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _constant(kind: type[Announcement], field: str) -> Any:
    return kind.model_fields[field].default


def _examples() -> list[Announcement]:
    at = examples.NOW + timedelta(seconds=4)
    pending, ready = examples.ATTACHMENTS["pending"], examples.ATTACHMENTS["ready"]
    becoming = [
        (pending, ready),
        (pending, examples.ATTACHMENTS["rejected"]),
        (pending, pending.failed(reason="The file could not be inspected.")),
        (ready, ready.deleted(now=at)),
    ]
    told = [
        announcement_of(Change(sequence_number="1", at=at.replace(microsecond=0), old=old, new=new))
        for old, new in becoming
    ]
    return [event for event in told if event is not None]
