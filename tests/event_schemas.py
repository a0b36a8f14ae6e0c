"""Events held against their committed schemas."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from openapi.events import FOLDER

Json = dict[str, Any]


@cache
def committed() -> dict[tuple[str, int], Json]:
    """The schemas as they are committed, by type and version."""
    schemas = {}
    for path in FOLDER.glob("*.json"):
        kind, _, version = path.stem.rpartition(".v")
        schemas[kind, int(version)] = json.loads(path.read_text())
    return schemas


def broken(event: Json) -> list[str]:
    """What an event does not keep of the schema of its type and version."""
    schema = committed().get((event["type"], event["version"]))
    if schema is None:
        return [f"no schema for {event['type']}, version {event['version']}"]
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]
