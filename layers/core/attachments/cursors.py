"""Cursors: where a page ended, opaque to clients and bound to the query that it continues."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping

from attachments.errors import InvalidCursorError


def encode_cursor(position: str | None, query: Mapping[str, str | None]) -> str | None:
    """The cursor of the next page, None after the last."""
    if position is None:
        return None
    text = json.dumps([position, _seal(position, query)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, query: Mapping[str, str | None]) -> str | None:
    """The position that a cursor stands for.

    Raises InvalidCursorError if it was altered or belongs to another query. The seal needs no key:
    every query checks access by itself, so a forged position shows nothing that the caller may not
    ask for anyway.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position, seal = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidCursorError("The cursor was altered.", fields=_FIELD) from error
    if not isinstance(position, str) or not _POSITION.fullmatch(position):
        raise InvalidCursorError("The cursor was altered.", fields=_FIELD)
    if seal != _seal(position, query):
        raise InvalidCursorError("The cursor belongs to another query.", fields=_FIELD)
    return position


_POSITION = re.compile(r"[!-~]{1,100}")
_FIELD = {"cursor": "Use `next_cursor` of the page before, with the same query."}


def _seal(position: str, query: Mapping[str, str | None]) -> str:
    text = json.dumps([position, sorted(query.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
