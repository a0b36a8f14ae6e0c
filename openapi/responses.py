"""The answers of an operation: successes, problems, and what API Gateway says by itself."""

from collections.abc import Iterable
from typing import Any

from attachments import problems
from openapi.operation import OF_EVERY_ROUTE, Answer, Operation

Json = dict[str, Any]
REQUEST_ID = "JKJaXmPLvHcESHA="
# API Gateway's own answers (its guide, "Quotas for HTTP APIs" and "Troubleshooting HTTP APIs"):
# a body over 10 MB, its throttling, a function that failed or took longer than 30 s.
OF_API_GATEWAY = {
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
KINDS = sorted({kind for _, kind, _, _ in (*problems.PROBLEMS.values(), problems.INTERNAL)})
SCHEMAS: Json = {
    "Problem": {
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "properties": {
            "type": {"type": "string", "enum": [f"urn:offchat:problem:{kind}" for kind in KINDS]},
            "title": {"type": "string", "description": "The same for every problem of the type."},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What to do about it."},
            "request_id": {"type": "string", "description": "Under which it is logged."},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/WrongField"}},
        },
        "required": ["type", "title", "status", "detail", "request_id"],
        "additionalProperties": False,
    },
    "WrongField": {
        "type": "object",
        "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
        "required": ["field", "detail"],
        "additionalProperties": False,
    },
    "GatewayMessage": {
        "type": "object",
        "description": "API Gateway's own refusal, before or instead of a function's answer.",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    },
}
HEADERS: Json = {
    "X-Request-Id": {
        "description": "Under which the request is logged.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before asking again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit": {
        "description": "What is left of a limit, and for how many seconds.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "The limit (draft-ietf-httpapi-ratelimit-headers-09).",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "The scheme of the token (RFC 6750).",
        "schema": {"const": "Bearer"},
    },
}


def of(operation: Operation, body: Json) -> Json:
    """All answers of an operation by status; `body` is the schema of the successful one."""
    answers = {str(answer.status): _success(answer, body) for answer in operation.answers}
    shared = _problems(OF_EVERY_ROUTE)
    for status, response in _problems((*OF_EVERY_ROUTE, *operation.errors)).items():
        ref = {"$ref": f"#/components/responses/{_name(status)}"}
        answers[status] = ref if response == shared.get(status) else response
    return dict(sorted(answers.items()))


def common() -> Json:
    """The answers that every route can give, as components."""
    return {_name(status): response for status, response in _problems(OF_EVERY_ROUTE).items()}


def _name(status: str) -> str:
    return f"Problem{status}"


def _success(answer: Answer, body: Json) -> Json:
    response: Json = {"description": answer.says, "headers": _request_id(required=True)}
    for name, says in answer.headers.items():
        response["headers"][name] = {"description": says, "schema": {"type": "string"}}
    if answer.examples:
        shown = {name: {"value": value} for name, value in answer.examples.items()}
        response["content"] = {"application/json": {"schema": body, "examples": shown}}
    if answer.links:
        response["links"] = {
            operation: {"operationId": operation, "parameters": dict(parameters)}
            for operation, parameters in answer.links.items()
        }
    return response


def _problems(errors: Iterable[Exception]) -> Json:
    """The errors as the edge renders them, by status, with API Gateway's own beside them."""
    found: dict[int, list[tuple[Json, dict[str, str]]]] = {status: [] for status in OF_API_GATEWAY}
    for error in errors:
        status, body, headers = problems.render(error, REQUEST_ID)
        found.setdefault(int(status), []).append((body, headers))
    return {str(status): _problem(status, found[status]) for status in sorted(found)}


def _problem(status: int, rendered: list[tuple[Json, dict[str, str]]]) -> Json:
    titles = list(dict.fromkeys(body["title"] for body, _ in rendered))
    response: Json = {
        "description": f"{'; or: '.join(titles) or OF_API_GATEWAY[status]}.",
        "headers": _request_id(required=status not in OF_API_GATEWAY),
        "content": {},
    }
    for name in sorted({name for _, headers in rendered for name in headers}):
        response["headers"][name] = {"$ref": f"#/components/headers/{name}"}
    if rendered:
        kinds = sorted({body["type"] for body, _ in rendered})
        schema = {
            "$ref": "#/components/schemas/Problem",
            "properties": {"type": {"enum": kinds}, "status": {"const": status}},
        }
        shown = {_example_name(body, at): {"value": body} for at, (body, _) in enumerate(rendered)}
        response["content"][problems.MEDIA_TYPE] = {"schema": schema, "examples": shown}
    if status in OF_API_GATEWAY:
        response["content"]["application/json"] = {
            "schema": {"$ref": "#/components/schemas/GatewayMessage"},
            "examples": {"API Gateway": {"value": {"message": OF_API_GATEWAY[status]}}},
        }
    return response


def _example_name(body: Json, at: int) -> str:
    kind: str = body["type"].rpartition(":")[2]
    return f"{kind} {at + 1}" if at else kind


def _request_id(*, required: bool) -> Json:
    if not required:
        return {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    return {"X-Request-Id": {**HEADERS["X-Request-Id"], "required": True}}
