"""What the code of a route does not say: its answers, its errors, and an example of each.

Each function with routes has a module of its name beside this one, with `TAG` and `OPERATIONS`:
one `Operation` for each handler, by the handler's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attachments import errors
from attachments.http_edge import NEW_FLOW

Example = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A success. `examples` are bodies by name, none for an answer without a body.

    `headers` maps names to what they say, `links` operations to where their parameters are found
    in this answer (OpenAPI 3.1, "Link Object").
    """

    status: int = 200
    says: str
    examples: Mapping[str, Example] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One route. `errors` are those beside the ones of every route, as the code raises them.

    `headers` are request headers that the handler reads: name to (schema, what it does).
    """

    summary: str
    who: str
    answers: tuple[Answer, ...]
    errors: tuple[Exception, ...] = ()
    says: str = ""
    bodies: Mapping[str, Example] = field(default_factory=dict)
    headers: Mapping[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)


# What the edge itself can answer, whichever the route.
OF_EVERY_ROUTE: tuple[Exception, ...] = (
    errors.MalformedBodyError("The body is not valid JSON."),
    errors.UnauthenticatedError("The token has expired."),
    errors.ForbiddenError(),
    errors.TooLargeError("The body may have 256 KB."),
    errors.UnsupportedTypeError(NEW_FLOW),
    errors.LimitExceededError(
        "You may make 600 such requests a minute. Try again in 41 s.",
        headers={
            "RateLimit-Policy": '"calls";q=600;w=60',
            "RateLimit": '"calls";r=0;t=41',
            "Retry-After": "41",
        },
    ),
    RuntimeError("a defect of ours"),
    errors.KeysUnavailableError("The key server does not answer."),
)
NOT_FOUND = errors.NotFoundError()
CHANGING = errors.StaleRecordError("")
ALTERED_CURSOR = errors.InvalidCursorError(
    "The cursor belongs to another query.",
    fields={"cursor": "Use `next_cursor` of the page before, with the same query."},
)


def wrong(name: str, problem: str) -> errors.InvalidRequestError:
    """A field or parameter that is wrong, as the edge words it."""
    return errors.InvalidRequestError(f"Wrong or missing: {name}.", fields={name: problem})
