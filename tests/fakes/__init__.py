"""The stores in memory, and a small chat to fill them with.

A fake is a subclass of what it stands for, so that mypy holds it to every signature. It never calls
its parent's constructor, so that a method it forgot fails at once. `tests/contract` holds fakes and
real stores to the same promises.
"""

from tests.fakes.activity import MemoryActivity
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.chat import MemoryChat
from tests.fakes.counters import MemoryCounters
from tests.fakes.guards import MemoryGuards
from tests.fakes.storage import MemoryStorage
from tests.fakes.transactions import CrashError, Fuse
from tests.fakes.users import MemoryUsers
from tests.fakes.world import World

__all__ = [
    "CrashError",
    "Fuse",
    "MemoryActivity",
    "MemoryCatalog",
    "MemoryChat",
    "MemoryCounters",
    "MemoryGuards",
    "MemoryStorage",
    "MemoryUsers",
    "World",
]
