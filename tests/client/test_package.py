"""The package as others get it."""

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.stack.client import ROOT

CLIENT = ROOT / "client"
PROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]


def test_the_wheel_holds_the_whole_package_with_its_types(tmp_path: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    command = [str(uv), "build", "--quiet", "--offline", "--wheel", "--out-dir", str(tmp_path)]
    subprocess.run([*command, str(CLIENT)], check=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.endswith("/")}
    package = CLIENT / "src"
    written = {
        str(path.relative_to(package))
        for path in package.rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    assert written <= held
    assert {name.partition("/")[0] for name in held} == {
        "offchat_attachments",
        f"offchat_attachments-{PROJECT['version']}.dist-info",
    }


@pytest.mark.parametrize(
    "requirement", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["cli"]
)
def test_what_is_tested_here_is_what_it_asks_for(requirement: str) -> None:
    asked = Requirement(requirement)
    assert asked.specifier.contains(version(asked.name))


def test_the_library_needs_none_of_the_command_lines_packages() -> None:
    block = "import sys; sys.modules.update(click=None, rich=None, platformdirs=None)\n"
    use = "import offchat_attachments, offchat_attachments.testing"
    subprocess.run([sys.executable, "-c", block + use], check=True)


def test_the_command_line_says_what_it_lacks() -> None:
    code = (
        "import sys; sys.meta_path.insert(0, type('Missing', (), {'find_spec': staticmethod("
        "lambda name, *_: (_ for _ in ()).throw(ModuleNotFoundError(name=name)) "
        "if name == 'click' else None)}))\n"
        "from offchat_attachments.cli import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.strip() == (
        "The command line needs more: pip install 'offchat-attachments[cli]'"
    )
