"""Identifiers and instants in the forms that are stored and shown."""

import os
import time
import uuid
from datetime import UTC, datetime

from attachments.errors import NotFoundError


def new_id() -> str:
    """A version 7 UUID: 48 bits of Unix milliseconds, then random (RFC 9562, section 5.7)."""
    stamp = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (stamp << 80) | random
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def parse_id(text: str) -> str:
    """The canonical form of a UUID.

    Raises NotFoundError for anything else: what is no id names nothing.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise NotFoundError from error


def utc_now() -> datetime:
    """The present instant, cut to milliseconds: what is stored and shown holds no more."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def rfc3339(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: always 24 characters, so that text order is time order."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
