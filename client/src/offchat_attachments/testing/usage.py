"""The usage report of the service in memory."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from offchat_attachments.models import Status
from offchat_attachments.testing.records import Record

STORED = {Status.PENDING, Status.READY, Status.FAILED}
ALWAYS = ("0001-01-01", "9999-12-31")
TOP = 10


def usage_of(records: Iterable[Record], asked: Mapping[str, str]) -> dict[str, Any]:
    """As the API shows it; all days where none are asked for."""
    known = list(records)
    stored = [record for record in known if record.status in STORED]
    first, last = asked.get("from", ALWAYS[0]), asked.get("to", ALWAYS[1])
    days = [record for record in known if first <= record.created_at[:10] <= last]
    return {
        "as_of": max((record.uploaded_at or record.created_at for record in known), default=None),
        "stored": _amount(stored),
        "kinds": [
            {"file_type": kind, "status": status, **_amount(found)}
            for (kind, status), found in _by(known, lambda it: (it.file_type, it.status))
        ],
        "days": [
            {
                "day": day,
                **_amount(found),
                "by_type": {
                    kind: _amount(each) for kind, each in _by(found, lambda it: it.file_type)
                },
            }
            for day, found in _by(days, lambda it: it.created_at[:10])
        ],
        "users": _holders(stored)[: int(asked.get("top", TOP))],
    }


def _holders(stored: list[Record]) -> list[dict[str, Any]]:
    pending = Counter(it.uploaded_by for it in stored if it.status is Status.PENDING)
    holders = [
        {"user_id": user, **_amount(found), "pending_uploads": pending[user]}
        for user, found in _by(stored, lambda it: it.uploaded_by)
    ]
    return sorted(holders, key=lambda holder: -holder["bytes"])


def _by(records: list[Record], key: Callable[[Record], Hashable]) -> list[tuple[Any, list[Record]]]:
    found: dict[Any, list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return sorted(found.items())


def _amount(records: list[Record]) -> dict[str, int]:
    return {"files": len(records), "bytes": sum(record.file_size for record in records)}
