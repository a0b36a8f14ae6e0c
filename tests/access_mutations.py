"""The access checks, each taken out in turn.

They are found in the source: in the modules of the functions that answer requests, in the access
table and at the edge. A mutation compiles the module without its check and gives the running
function the new code, so whoever imported it has it too.
"""

import ast
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from attachments.access import ALLOWED, Act
from attachments.routes import ROUTES

ROOT = Path(__file__).parents[1]
CORE = ("attachments.access", "attachments.http_edge", "attachments.tokens")
CALLS = {"require", "require_visible", "_require_audience"}  # statements that refuse
ANSWERS = {"allows", "visible"}  # expressions that say yes or no
REFUSALS = {"NotFoundError", "ForbiddenError", "no_message"}
NO_CHECKS = {"overrides"}  # tells what was a right from what was an override, and refuses nothing
FACTS = {"participant", "admin", "service"}  # keywords that say who somebody is
TRUE = ast.Constant(value=True)


@dataclass(frozen=True)
class Mutation:
    """One check less; `applied` is the time without it."""

    name: str
    applied: Callable[[], Any]


def mutations() -> list[Mutation]:
    """One for each rule of the table and each check in the source."""
    return [*_of_table(), *(each for module in _modules() for each in _of_module(module))]


# ---------------------------------------------------------------- the table


def _of_table() -> Iterator[Mutation]:
    for act, alternatives in ALLOWED.items():
        for number, roles in enumerate(alternatives):
            others = (*alternatives[:number], *alternatives[number + 1 :])
            yield _table_with(act, others, f"{act} is not for {' and '.join(sorted(roles))}")
            for role in sorted(roles):
                weaker = (*others, roles - {role})
                yield _table_with(
                    act, weaker, f"{act} needs no {role} of {' and '.join(sorted(roles))}"
                )


def _table_with(act: Act, alternatives: tuple[Any, ...], name: str) -> Mutation:
    @contextmanager
    def applied() -> Iterator[None]:
        kept = ALLOWED[act]
        ALLOWED[act] = alternatives
        try:
            yield
        finally:
            ALLOWED[act] = kept

    return Mutation(f"table: {name}", applied)


# ---------------------------------------------------------------- the source


def _modules() -> list[ModuleType]:
    folders = sorted({route.function for route in ROUTES})
    names = [
        f"functions.{folder}.{path.stem}"
        for folder in folders
        for path in sorted((ROOT / "functions" / folder).glob("*.py"))
    ]
    return [importlib.import_module(name) for name in (*CORE, *names)]


@dataclass
class _Site:
    """A node to replace, the function that it stands in, and what becomes of it."""

    node: ast.AST
    function: str
    replacement: ast.AST
    what: str


class _Finder(ast.NodeVisitor):
    def __init__(self, *, guards: bool) -> None:
        self.sites: list[_Site] = []
        self._guards = guards  # whether every refusal in this module is about access
        self._scope: list[str] = []
        self._function = ""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(node.name)
        self.generic_visit(node)
        self._scope.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer = self._function
        self._function = outer or ".".join([*self._scope, node.name])
        if node.name in ANSWERS and not outer:
            self._add(node.body[-1], ast.Return(value=TRUE), f"`{node.name}` always says yes")
        self.generic_visit(node)
        self._function = outer

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and _name(node.value.func) in CALLS:
            self._add(node, ast.Pass(), f"without `{ast.unparse(node)}`")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if _name(node.func) in ANSWERS and self._function not in NO_CHECKS:
            self._add(node, TRUE, f"`{ast.unparse(node)}` says yes")
        for keyword in node.keywords:
            if keyword.arg in FACTS and not isinstance(keyword.value, ast.Constant | ast.Name):
                what = f"`{ast.unparse(keyword)}` is always so"
                self._add(keyword, ast.keyword(arg=keyword.arg, value=TRUE), what)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        known = isinstance(node.value, ast.Constant)
        if _name(node.targets[0]) in FACTS and not known:
            what = f"`{ast.unparse(node)}` is always so"
            self._add(node, ast.Assign(targets=node.targets, value=TRUE), what)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        [only, *more] = node.body
        text = f"if {ast.unparse(node.test)}"
        if not more and self._refuses(only):
            self._add(node, ast.Pass(), f"without `{text}: {ast.unparse(only)}`")
            if isinstance(node.test, ast.BoolOp) and self._guards:
                for value in node.test.values:
                    others = [other for other in node.test.values if other is not value]
                    [first, *rest] = others
                    test = ast.BoolOp(op=node.test.op, values=others) if rest else first
                    what = f"without `{ast.unparse(value)}` in `{text}`"
                    self._add(node.test, test, what)
        elif any(_name(part) == "Role" for part in ast.walk(ast.Module(node.body, []))):
            self._add(node.test, TRUE, f"`{text}: {ast.unparse(only)}` for everybody")
        self.generic_visit(node)

    def _refuses(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Raise):
            named = {_name(part) for part in ast.walk(statement)} & REFUSALS
            return bool(named) and (self._guards or "ForbiddenError" in named)
        says_no = isinstance(statement, ast.Return) and isinstance(statement.value, ast.Constant)
        return self._function in ANSWERS and says_no

    def _add(self, node: ast.AST, replacement: ast.AST, what: str) -> None:
        self.sites.append(_Site(node, self._function, replacement, what))


class _Replacing(ast.NodeTransformer):
    def __init__(self, site: _Site) -> None:
        self._site = site

    def visit(self, node: ast.AST) -> Any:
        if node is self._site.node:
            return ast.copy_location(self._site.replacement, node)
        return super().visit(node)


def _of_module(module: ModuleType) -> Iterator[Mutation]:
    path = Path(str(module.__file__))
    guards = path.parent.parent.name == "functions" or module.__name__ == "attachments.access"
    finder = _Finder(guards=guards)
    finder.visit(ast.parse(path.read_text()))
    for number, site in enumerate(finder.sites):
        line = getattr(site.node, "lineno", 0)
        yield Mutation(
            f"{path.relative_to(ROOT)}:{line} {site.function}: {site.what}",
            partial(_swapped, module, path, number, guards=guards),
        )


@contextmanager
def _swapped(module: ModuleType, path: Path, number: int, *, guards: bool) -> Iterator[None]:
    """The running function with the code that it would have without this check."""
    tree = ast.parse(path.read_text())
    finder = _Finder(guards=guards)
    finder.visit(tree)
    site = finder.sites[number]
    mutated = ast.fix_missing_locations(_Replacing(site).visit(tree))
    function = _function(module, site.function)
    kept = function.__code__
    function.__code__ = _code(compile(mutated, str(path), "exec"), site.function)
    try:
        yield
    finally:
        function.__code__ = kept


def _function(module: ModuleType, qualified: str) -> FunctionType:
    found: Any = module
    for part in qualified.split("."):
        found = vars(found)[part]
    assert isinstance(found, FunctionType), qualified
    return found


def _code(code: CodeType, qualified: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == qualified:
                return constant
            if qualified.startswith(f"{constant.co_qualname}."):
                return _code(constant, qualified)
    raise AssertionError(f"{qualified} has no code")


def _name(node: ast.AST) -> str:
    """The last name of what is called or looked up."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
