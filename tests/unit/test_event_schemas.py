"""The schemas of events: made from the code, committed, and true to what is told."""

import json
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from openapi.events import FOLDER, files
from tests.event_schemas import broken, committed

EACH = pytest.mark.parametrize("schema", committed().values(), ids=lambda schema: schema["$id"])


def test_the_committed_schemas_are_what_the_code_says() -> None:
    written = {path: path.read_text() for path in FOLDER.glob("*.json")}
    assert written == files(), "docs/events is old: run `make openapi`."


def test_there_is_a_schema_for_each_of_the_four_events() -> None:
    expected = {f"attachment.{what}" for what in ("ready", "rejected", "failed", "deleted")}
    assert {kind for kind, _ in committed()} == expected


@EACH
def test_a_schema_is_valid_names_itself_and_its_example_keeps_to_it(schema: Any) -> None:
    Draft202012Validator.check_schema(schema)
    [example] = schema["examples"]
    assert schema["$id"] == f"urn:offchat:event:{example['type']}:{example['version']}"
    assert broken(example) == []


@EACH
def test_a_schema_sees_what_is_missing_and_what_is_of_another_kind(schema: Any) -> None:
    [example] = schema["examples"]
    assert set(schema["required"]) == {"id", "type", "version", "timestamp", "data"}
    for field in ("id", "timestamp", "data"):
        assert broken({**example, field: None}), field
    for field in example["data"]:
        less = deepcopy(example)
        del less["data"][field]
        assert broken(less), field


@EACH
def test_another_version_or_type_has_no_schema_yet(schema: Any) -> None:
    [example] = schema["examples"]
    assert broken({**example, "version": 2})
    assert broken({**example, "type": "attachment.seen"})


@EACH
def test_a_consumer_of_this_version_may_meet_fields_that_it_does_not_know(schema: Any) -> None:
    more = json.loads(json.dumps(schema["examples"][0]))
    more["data"]["added_later"] = True
    assert broken(more) == []
