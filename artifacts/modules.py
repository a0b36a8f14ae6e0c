"""Which modules code can reach, read from the code without running it.

What is found errs on the side of too much: imports in functions count, and so does every string
that spells a module's name (boto3 and pydantic import by name), in Python and in compiled code
alike. Imports for type checkers alone do not count.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DOTTED = re.compile(r"(\.[A-Za-z_]\w*|[A-Za-z_]\w*\.[A-Za-z_]\w*)(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Module:
    """A module by its full name; `folder` is the entry of `sys.path` that it is found in."""

    name: str
    path: Path
    folder: Path

    @property
    def is_native(self) -> bool:
        return self.path.suffix == ".so"

    @property
    def package(self) -> str:
        """What its relative imports begin at."""
        if self.path.name == "__init__.py":
            return self.name
        return self.name.rpartition(".")[0]


class Modules:
    """The modules in some folders, looked for in this order as by `sys.path`."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._known: dict[str, Module] = {}
        for folder in folders:
            for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.so"))):
                name = _name(path.relative_to(folder))
                if name:
                    self._known.setdefault(name, Module(name, path, folder))

    def reachable(self, root: str) -> set[Module]:
        """`root` with its neighbours, all that these import, and so on.

        Its neighbours are ours, and may be run otherwise than by an import. Raises KeyError for a
        root that is not there.
        """
        package = self._known[root].package
        neighbours = [one for one in self._known.values() if package and one.package == package]
        waiting, found = [self._known[root], *neighbours], set[Module]()
        while waiting:
            module = waiting.pop()
            if module not in found:
                found.add(module)
                for name in (module.name, *self._names_in(module)):
                    waiting += self._on_the_way_to(name)
        return found

    def _on_the_way_to(self, name: str) -> Iterator[Module]:
        """The module and its packages; importing one imports all of them."""
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            module = self._known.get(".".join(parts[:length]))
            if module:
                yield module

    def _names_in(self, module: Module) -> frozenset[str]:
        if not module.is_native:
            return _names_in_source(module.path, module.package)
        package = module.name.partition(".")[0] + "."
        likely = (name for name in self._known if name.startswith((package, "_")))
        return _names_in_bytes(module.path, frozenset(likely))


def _name(path: Path) -> str | None:
    """The name of a module by its place; None where it cannot be imported."""
    parts = [*path.parts[:-1], path.name.partition(".")[0]]
    if not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts[:-1] if path.name == "__init__.py" else parts)


@cache
def _names_in_bytes(path: Path, likely: frozenset[str]) -> frozenset[str]:
    """Compiled code imports by name, and its strings end nowhere: what occurs at all counts."""
    content = path.read_bytes()
    return frozenset(name for name in likely if name.encode() in content)


@cache
def _names_in_source(path: Path, package: str) -> frozenset[str]:
    found = set()
    for node in _nodes(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and DOTTED.fullmatch(str(node.value)):
            found.add(_absolute(str(node.value), package))
    return frozenset(found)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of `if TYPE_CHECKING:`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _absolute(name: str, package: str) -> str:
    """`..name`, said inside of a package, in full."""
    relative = name.lstrip(".")
    level = len(name) - len(relative)
    if not level:
        return name
    above = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join(part for part in (*above, relative) if part)
