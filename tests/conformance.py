"""Answers held against the API document: status, media type, headers and body.

Whatever a test calls over the API's doors or over HTTP goes through here, so a route that can
answer something that is not documented is found by whichever test provokes it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from openapi.document import DOCUMENT

Json = dict[str, Any]
DOCUMENT_URI = "urn:offchat:openapi"


@cache
def committed() -> Json:
    """The document as it is committed."""
    document: Json = json.loads(DOCUMENT.read_text())
    return document


class Conformance:
    """What a document says of paths, and whether an answer keeps to it."""

    def __init__(self, document: Json) -> None:
        self.document = document
        resource = DRAFT202012.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource(DOCUMENT_URI, resource)
        self._paths = {
            re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "?"): path for path in document["paths"]
        }

    def operation(self, method: str, path: str) -> tuple[str, Json] | None:
        """The templated path and the operation, None for what the document does not know."""
        for pattern, template in self._paths.items():
            if pattern.fullmatch(path):
                found: Json | None = self.document["paths"][template].get(method.lower())
                return None if found is None else (template, found)
        return None

    def schema_errors(self, pointer: str, value: Any) -> list[str]:
        """How a value breaks the schema at a JSON pointer (RFC 6901) into the document."""
        validator = Draft202012Validator(
            {"$ref": f"{DOCUMENT_URI}#{pointer}"},
            registry=self._registry,
            format_checker=FormatChecker(),
        )
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def broken(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: str
    ) -> list[str]:
        """In which ways an answer is not as documented; unknown paths and methods pass."""
        known = self.operation(method, path)
        if known is None:
            return []
        template, operation = known
        where = f"{method} {template} {status}"
        response = operation["responses"].get(str(status))
        if response is None:
            return [f"{where} is not documented (openapi/, then `make openapi`)."]
        pointer = f"/paths/{_escaped(template)}/{method.lower()}/responses/{status}"
        if "$ref" in response:
            pointer = response["$ref"].removeprefix("#")
            response = self._at(pointer)
        said = {name.lower(): value for name, value in headers.items()}
        missing = _missing(response, said)
        return [f"{where}: {text}" for text in (*missing, *self._wrong(pointer, said, body))]

    def _wrong(self, pointer: str, headers: Mapping[str, str], body: str) -> Iterator[str]:
        content = self._at(pointer).get("content", {})
        if not content:
            if body:
                yield "it has a body, and should have none"
            return
        media_type = headers.get("content-type", "").partition(";")[0]
        if media_type not in content:
            yield f"its media type is {media_type}, and should be one of {list(content)}"
            return
        yield from self.schema_errors(
            f"{pointer}/content/{_escaped(media_type)}/schema", json.loads(body)
        )

    def _at(self, pointer: str) -> Json:
        found: Any = self.document
        for part in pointer.split("/")[1:]:
            found = found[part.replace("~1", "/").replace("~0", "~")]
        result: Json = found
        return result


def _missing(response: Json, headers: Mapping[str, str]) -> list[str]:
    return [
        f"the header {name} is missing"
        for name, told in response.get("headers", {}).items()
        if told.get("required") and name.lower() not in headers
    ]


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
