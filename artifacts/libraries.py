"""The shared libraries that wheels bring along, in folders like `pillow.libs`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from artifacts.modules import Module


def libraries_of(modules: Iterable[Module]) -> Iterator[Path]:
    """What the compiled modules are linked with, directly or through another library.

    A wheel's libraries have a hash in their names (auditwheel), so that one that needs another
    is known by the name in its bytes.
    """
    native = [module for module in modules if module.is_native]
    known = {
        path
        for folder in {module.folder for module in native}
        for path in folder.glob("*.libs/*.so*")
    }
    waiting = [module.path for module in native]
    while waiting:
        content = waiting.pop().read_bytes()
        needed = {path for path in known if path.name.encode() in content}
        known -= needed
        waiting += needed
        yield from sorted(needed)
