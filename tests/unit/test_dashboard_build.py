"""The dashboard's build: made once for each state of its sources."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "dashboard"


@pytest.fixture
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboard_build", DASHBOARD / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


def test_the_hash_follows_names_and_content(build: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.ts").write_text("1")
    names = ("src", "index.html")
    first = build.hash_of(tmp_path, names)
    assert build.hash_of(tmp_path, names) == first
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").write_text("installed")
    assert build.hash_of(tmp_path, names) == first
    (tmp_path / "src" / "a.ts").write_text("2")
    second = build.hash_of(tmp_path, names)
    (tmp_path / "src" / "a.ts").rename(tmp_path / "src" / "b.ts")
    assert len({first, second, build.hash_of(tmp_path, names)}) == 3


def test_what_is_made_is_made_once(build: ModuleType, tmp_path: Path) -> None:
    made: list[Path] = []

    def make(draft: Path) -> None:
        made.append(draft)
        (draft / "index.html").write_text("page")

    for _ in range(2):
        assert (build.once(tmp_path / "entry", make) / "index.html").read_text() == "page"
    assert len(made) == 1


def test_a_build_that_fails_leaves_nothing(build: ModuleType, tmp_path: Path) -> None:
    def make(draft: Path) -> None:
        (draft / "half.js").write_text("half")
        raise build.BuildError("no space")

    with pytest.raises(build.BuildError, match="no space"):
        build.once(tmp_path / "entry", make)
    assert list(tmp_path.iterdir()) == []


def test_the_lock_names_no_registry_and_pins_what_the_page_uses() -> None:
    lock = json.loads((DASHBOARD / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    unhashed = [
        name for name, package in lock["packages"].items() if name and "integrity" not in package
    ]
    assert unhashed == []
    wanted = json.loads((DASHBOARD / "package.json").read_text())
    for version in (wanted["dependencies"] | wanted["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
