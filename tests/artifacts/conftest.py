"""The artifacts that `make build` leaves, and what was built them from."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from artifacts.build import Function, functions_of, layers_of
from local.ffmpeg import architecture
from local.template import load

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-lambda" / "bin" / "python"


@dataclass(frozen=True)
class Artifacts:
    """Everything that is deployed for one architecture."""

    architecture: str

    @property
    def folder(self) -> Path:
        return ROOT / ".aws-sam" / self.architecture

    @cached_property
    def template(self) -> dict[str, Any]:
        return load(self.folder / "template.yaml")

    @cached_property
    def functions(self) -> dict[str, Function]:
        return {function.name: function for function in functions_of(self.template)}

    @property
    def layers(self) -> list[str]:
        return layers_of(self.template)

    def path_of(self, function: str) -> list[Path]:
        """What of the artifacts is on `sys.path` when the function runs."""
        layers = self.functions[function].layers
        return [self.folder / function, *(self.folder / layer / "python" for layer in layers)]

    def files(self, *names: str) -> list[Path]:
        """The files of some artifacts, or of all."""
        folders = [self.folder / name for name in names or (*self.functions, *self.layers)]
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="session", params=["arm64", "x86_64"])
def artifacts(request: pytest.FixtureRequest) -> Artifacts:
    return require_built(Artifacts(request.param))


@pytest.fixture(scope="session")
def native() -> Artifacts:
    """Those of this machine's architecture."""
    return require_built(Artifacts(architecture()))


def require_built(built: Artifacts) -> Artifacts:
    """Skips where they are not there; in CI, fails."""
    problem = _problem(built)
    if problem and os.environ.get("CI") == "true":
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    return built


def _problem(built: Artifacts) -> str | None:
    """Why there is nothing to test; artifacts of other code than is here prove nothing."""
    again = f"`make build ARCH={built.architecture}` makes them."
    if not (built.folder / "template.yaml").exists():
        return f"There are no artifacts for {built.architecture}: {again}"
    for source in (*ROOT.glob("functions/*/*.py"), *ROOT.glob("layers/core/attachments/*.py")):
        if source.stat().st_mtime > (built.folder / "template.yaml").stat().st_mtime:
            return f"{source.relative_to(ROOT)} is newer than the artifacts: {again}"
    return None
