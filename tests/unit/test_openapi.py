"""The API document: made from the code, committed, whole, and true to its own schemas."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from attachments.problems import INTERNAL, PROBLEMS
from attachments.routes import ROUTES
from openapi.document import DOCUMENT, ROOT
from openapi.document import text as generated
from tests.conformance import Conformance, committed

Json = dict[str, Any]
OPERATIONS = [(method, path) for path, item in committed()["paths"].items() for method in item]
EVERY_OPERATION = pytest.mark.parametrize(
    ("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS]
)


@pytest.fixture(scope="module")
def conformance() -> Conformance:
    return Conformance(committed())


def operation_at(method: str, path: str) -> Json:
    operation: Json = committed()["paths"][path][method]
    return operation


def responses_of(method: str, path: str) -> Iterator[tuple[str, str, Json]]:
    """Status, JSON pointer and response of an operation, references followed."""
    escaped = path.replace("/", "~1")
    for status, response in operation_at(method, path)["responses"].items():
        if "$ref" not in response:
            yield status, f"/paths/{escaped}/{method}/responses/{status}", response
            continue
        name = response["$ref"].rpartition("/")[2]
        shared = committed()["components"]["responses"][name]
        yield status, f"/components/responses/{name}", shared


def test_the_committed_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text() == generated(), "docs/openapi.json is old: run `make openapi`."


def test_the_document_is_valid_openapi_3_1() -> None:
    assert committed()["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(committed()).validate()


def test_every_route_is_documented_with_its_trailing_slash() -> None:
    routes = {(route.method.lower(), re.sub(r"<(\w+)>", r"{\1}/", route.path)) for route in ROUTES}
    routes = {(method, f"{path}/".replace("//", "/")) for method, path in routes}
    assert set(OPERATIONS) == routes


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation_at(method, path)["operationId"] for method, path in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_request_needs_a_token() -> None:
    [requirement] = committed()["security"]
    schemes = committed()["components"]["securitySchemes"]
    assert [schemes[name]["scheme"] for name in requirement] == ["bearer"]
    assert not [pair for pair in OPERATIONS if "security" in operation_at(*pair)]


@EVERY_OPERATION
def test_an_operation_lists_what_every_route_can_answer(method: str, path: str) -> None:
    statuses = set(operation_at(method, path)["responses"])
    assert statuses >= {"400", "401", "403", "413", "415", "429", "500", "503"}
    assert [status for status in statuses if status < "300"]


@EVERY_OPERATION
def test_every_answer_and_error_has_examples_that_keep_to_its_schema(
    method: str, path: str, conformance: Conformance
) -> None:
    for status, pointer, response in responses_of(method, path):
        for media_type, content in response.get("content", {}).items():
            assert content["examples"], (status, media_type)
            schema = f"{pointer}/content/{media_type.replace('/', '~1')}/schema"
            for name, example in content["examples"].items():
                assert conformance.schema_errors(schema, example["value"]) == [], (status, name)
        assert "content" in response or status == "304", status


@EVERY_OPERATION
def test_every_body_has_examples_that_keep_to_its_schema(
    method: str, path: str, conformance: Conformance
) -> None:
    body = operation_at(method, path).get("requestBody")
    if body is None:
        assert method in ("get", "delete")
        return
    pointer = f"/paths/{path.replace('/', '~1')}/{method}/requestBody/content"
    for media_type, content in body["content"].items():
        assert content["examples"]
        for example in content["examples"].values():
            schema = f"{pointer}/{media_type.replace('/', '~1')}/schema"
            assert conformance.schema_errors(schema, example["value"]) == []


def test_every_problem_but_405_stands_in_an_example() -> None:
    """A method that a path does not know has no operation to stand in."""
    shown = set(re.findall(r"urn:offchat:problem:([a-z-]+)", json.dumps(_examples(committed()))))
    kinds = {kind for _, kind, _, _ in (*PROBLEMS.values(), INTERNAL)}
    assert shown == kinds - {"method-not-allowed"}


def _examples(node: Any) -> list[Any]:
    if isinstance(node, list):
        return [found for inner in node for found in _examples(inner)]
    if not isinstance(node, dict):
        return []
    own = [node["examples"]] if "examples" in node else []
    return own + [found for inner in node.values() for found in _examples(inner)]


def test_links_lead_to_operations_and_fill_their_parameters() -> None:
    by_name = {operation_at(*pair)["operationId"]: operation_at(*pair) for pair in OPERATIONS}
    links = [
        link
        for pair in OPERATIONS
        for _, _, response in responses_of(*pair)
        for link in response.get("links", {}).values()
    ]
    assert links
    for link in links:
        known = {parameter["name"] for parameter in by_name[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= known


def test_no_function_imports_what_makes_the_document() -> None:
    functions = sorted({route.function for route in ROUTES})
    program = (
        "import importlib, sys\n"
        f"for name in {functions}: importlib.import_module(f'functions.{{name}}.app')\n"
        "print(*[name for name in sys.modules if name.split('.')[0] == 'openapi'"
        " or name.endswith('openapi.schema_generator')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}", "AWS_DEFAULT_REGION": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == ""


# ---------------------------------------------------------------- the check itself


PATH = "/api/chat/attachments/01a1f85f-9e9c-7dfa-a787-37243673316d"
DELETED = json.dumps({"message": "Attachment deleted successfully"})
SAID = {"content-type": "application/json", "x-request-id": "r"}


def test_an_answer_as_documented_passes_with_and_without_the_slash(
    conformance: Conformance,
) -> None:
    for path in (PATH, f"{PATH}/"):
        assert conformance.broken("DELETE", path, 200, SAID, DELETED) == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "told"),
    [
        (418, SAID, DELETED, "is not documented"),
        (200, {**SAID, "content-type": "text/html"}, DELETED, "media type"),
        (200, {"content-type": "application/json"}, DELETED, "X-Request-Id is missing"),
        (200, SAID, '{"message": 7}', "$.message"),
        (404, {**SAID, "content-type": "application/problem+json"}, "{}", "required property"),
    ],
    ids=["status", "media type", "header", "body", "problem"],
)
def test_an_answer_that_is_not_as_documented_is_told(
    conformance: Conformance, status: int, headers: dict[str, str], body: str, told: str
) -> None:
    found = conformance.broken("DELETE", PATH, status, headers, body)
    assert told in " ".join(found)
