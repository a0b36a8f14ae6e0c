"""The whole document: every function's routes from its resolver, completed by `OPERATIONS`."""

import json
import re
import tomllib
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any

from attachments.routes import ROUTES
from openapi import responses
from openapi.operation import Operation

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "openapi.json"
# Powertools' own validation errors; ours are problems.
NOT_OURS = {"HTTPValidationError", "ResponseValidationError", "ValidationError"}
UUID = {"type": "string", "format": "uuid"}
ABOUT = (
    "Videos and files of a chat: reserve an upload here, send the bytes straight to S3, ask for "
    "the record. A path works with and without its trailing slash. What a caller may not see "
    "answers exactly like what does not exist. Errors are problems (RFC 9457). An unknown path "
    "answers 404, another method 405 with `Allow`."
)
Json = dict[str, Any]


def document() -> Json:
    """The API as OpenAPI 3.1.

    Raises KeyError for a route without an `Operation`, and ValueError for two schemas of one name.
    """
    paths: Json = {}
    schemas: Json = dict(responses.SCHEMAS)
    tags = []
    for function in dict.fromkeys(route.function for route in ROUTES):
        told = import_module(f"openapi.{function}")
        part = _part(function)
        for path, methods in part["paths"].items():
            for method, found in methods.items():
                handler = _handler(found["operationId"], path, method)
                operation: Operation = told.OPERATIONS[handler]
                paths.setdefault(f"{path}/", {})[method] = {
                    "operationId": handler,
                    "tags": [told.TAG],
                    **_completed(found, operation),
                }
        _merge(schemas, part["components"]["schemas"])
        tags.append({"name": told.TAG})
    return {
        "openapi": "3.1.0",
        "info": _info(),
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": responses.common(),
            "headers": responses.HEADERS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _info() -> Json:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "title": "OffChat Attachments",
        "version": project["version"],
        "description": ABOUT,
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def _part(function: str) -> Json:
    """What the function's resolver says of itself, under readable schema names."""
    app = import_module(f"functions.{function}.app").app
    told = app.get_openapi_json_schema(title="part", version="1")
    named = re.sub(r"PageView_(\w+?)View_", r"\1Page", told)
    part: Json = json.loads(named, parse_float=_whole)
    return part


def _whole(number: str) -> float:
    """Powertools writes every bound with a fraction."""
    value = float(number)
    return int(value) if value.is_integer() else value


def _handler(operation_id: str, path: str, method: str) -> str:
    """The handler's name: Powertools appends path and method to it."""
    return operation_id.removesuffix("_" + method).removesuffix(re.sub(r"\W", "_", path))


def _merge(schemas: Json, more: Json) -> None:
    for name, schema in more.items():
        if name not in NOT_OURS and schemas.setdefault(name, schema) != schema:
            raise ValueError(f"Two functions have different schemas of the name {name}.")


def _completed(found: Json, operation: Operation) -> Json:
    """The operation with its words, its request headers, and all its answers."""
    body = found["responses"][str(HTTPStatus.OK.value)]["content"]["application/json"]["schema"]
    completed: Json = {
        "summary": operation.summary,
        "description": f"{operation.says} For {operation.who}.".strip(),
    }
    parameters = [_parameter(parameter) for parameter in found.get("parameters", [])]
    parameters += [
        {"name": name, "in": "header", "required": False, "schema": schema, "description": says}
        for name, (schema, says) in operation.headers.items()
    ]
    if parameters:
        completed["parameters"] = parameters
    if "requestBody" in found:
        completed["requestBody"] = found["requestBody"]
        [content] = found["requestBody"]["content"].values()
        content["examples"] = {name: {"value": value} for name, value in operation.bodies.items()}
    completed["responses"] = responses.of(operation, body)
    return completed


def _parameter(parameter: Json) -> Json:
    """Ids in paths are UUIDs, also where other text is answered 404; user ids are any text."""
    if parameter["in"] != "path" or parameter["name"] == "user_id":
        return parameter
    return {**parameter, "schema": UUID}
