"""What `make build` keeps of a build folder: on small trees of modules."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from artifacts.build import functions_of, make_artifacts
from artifacts.elf import mapped_part
from artifacts.libraries import libraries_of
from artifacts.modules import Modules
from artifacts.services import ENDPOINTS, ServiceError, endpoints, services_of


def tree(folder: Path, **files: str | bytes) -> Path:
    """Files by their path, `.py` where it says no more, `__` for a slash."""
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path = path if path.suffix else path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def reached(folder: Path, root: str = "app") -> set[str]:
    return {module.name for module in Modules([folder]).reachable(root)}


@pytest.mark.parametrize(
    "line",
    [
        "import package.used",
        "from package import used",
        "from package.used import anything",
        "def later():\n    import package.used",
        "if not TYPE_CHECKING_IS_ON:\n    from package.used import Thing",
        "lazy_call('package.used.function')",
    ],
)
def test_what_code_imports_is_kept_and_the_rest_is_not(tmp_path: Path, line: str) -> None:
    tree(tmp_path, app=line, package__used="", package__unused="")
    (tmp_path / "package" / "__init__.py").write_text("")
    assert reached(tmp_path) == {"app", "package", "package.used"}


def test_what_only_type_checkers_import_is_not_kept(tmp_path: Path) -> None:
    line = "if typing.TYPE_CHECKING:\n    import unused\nelse:\n    import used"
    tree(tmp_path, app=line, used="", unused="")
    assert reached(tmp_path) == {"app", "used"}


@pytest.mark.parametrize("line", ["from . import used", "from .used import x", "M = '.used'"])
def test_relative_imports_are_followed(tmp_path: Path, line: str) -> None:
    tree(tmp_path, app="import package", package__used="", package__unused="")
    (tmp_path / "package" / "__init__.py").write_text(line)
    assert reached(tmp_path) == {"app", "package", "package.used"}


def test_compiled_code_keeps_what_it_names_of_its_package(tmp_path: Path) -> None:
    compiled = {"package/_core.cpython-313-x86_64-linux-gnu.so": b"\x7fELF..package.usedpackage.x"}
    tree(tmp_path, app="import package._core", package__used="", package__unused="", **compiled)
    assert reached(tmp_path) == {"app", "package._core", "package.used"}


def test_a_handlers_neighbours_are_kept_for_they_may_be_programs(tmp_path: Path) -> None:
    tree(tmp_path, functions__hello__app="", functions__hello__program="import used", used="")
    assert reached(tmp_path, "functions.hello.app") == {
        "functions.hello.app",
        "functions.hello.program",
        "used",
    }


def test_a_handler_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        reached(tmp_path)


def test_libraries_are_kept_as_far_as_they_are_linked(tmp_path: Path) -> None:
    tree(
        tmp_path,
        app="import native",
        **{
            "native.abi3.so": b"..libpng-12ab.so.16..",
            "pillow.libs/libpng-12ab.so.16": b"..libz-34cd.so.1..",
            "pillow.libs/libz-34cd.so.1": b"",
            "pillow.libs/libwebp-56ef.so.7": b"",
        },
    )
    kept = libraries_of(Modules([tmp_path]).reachable("app"))
    assert {path.name for path in kept} == {"libpng-12ab.so.16", "libz-34cd.so.1"}


def test_services_are_read_off_the_calls_of_our_own_code(tmp_path: Path) -> None:
    tree(
        tmp_path,
        app="import attachments.wiring, other",
        attachments__wiring="s3 = boto3.client('s3', config=c)\nd = boto3.resource('dynamodb')",
        other="boto3.client('ec2')",
    )
    assert services_of(Modules([tmp_path]).reachable("app")) == {"s3", "dynamodb"}


def test_a_service_that_cannot_be_read_off_stops_the_build(tmp_path: Path) -> None:
    tree(tmp_path, app="import attachments.wiring", attachments__wiring="x = boto3.client(name)")
    with pytest.raises(ServiceError, match=r"attachments\.wiring, line 1"):
        services_of(Modules([tmp_path]).reachable("app"))


def test_addresses_of_other_services_go(tmp_path: Path) -> None:
    known = {"partitions": [{"partition": "aws", "services": {"s3": {"a": 1}, "ec2": {}}}]}
    tree(tmp_path, **{ENDPOINTS: json.dumps(known)})
    assert json.loads(endpoints(tmp_path, {"s3", "dynamodb"})) == {
        "partitions": [{"partition": "aws", "services": {"s3": {"a": 1}}}]
    }


def test_compiled_code_loses_its_symbols_and_still_runs() -> None:
    native = Path(importlib.import_module("_cffi_backend").__file__ or "")
    whole = native.read_bytes()
    stripped = mapped_part(whole + b"symbols" * 1000)
    assert len(stripped) <= len(whole)
    assert mapped_part(stripped) == stripped


def test_what_is_not_compiled_code_stays_as_it_is() -> None:
    assert mapped_part(b"#!/bin/sh\n") == b"#!/bin/sh\n"


def template() -> dict[str, Any]:
    function = {"Handler": "functions.hello.app.handler", "Layers": [{"Ref": "Extra"}]}
    return {
        "Globals": {"Function": {"Layers": [{"Ref": "Core"}]}},
        "Resources": {
            "Hello": {"Type": "AWS::Serverless::Function", "Properties": function},
            "Core": {"Type": "AWS::Serverless::LayerVersion", "Properties": {}},
            "Extra": {"Type": "AWS::Serverless::LayerVersion", "Properties": {}},
        },
    }


def test_a_function_has_the_layers_of_all_functions_and_its_own() -> None:
    [function] = functions_of(template())
    assert function.layers == ("Core", "Extra")


def test_artifacts_hold_what_is_used_with_byte_code_and_replace_older_ones(tmp_path: Path) -> None:
    plain, target = tmp_path / "plain", tmp_path / "target"
    tree(
        plain,
        **{
            "template.yaml": "",
            "Hello/functions/hello/app": "import shared",
            "Hello/functions/hello/requirements.txt": "",
            "Core/python/shared": "",
            "Core/python/unused": "",
            "Core/python/botocore/cacert.pem": "",
            "Extra/bin/tool.sh": "",
        },
    )
    for name in ("_retry", "endpoints", "partitions", "sdk-default-configuration"):
        tree(plain, **{f"Core/python/botocore/data/{name}.json": '{"partitions": []}'})
    tree(target, **{"Hello/old": ""})
    make_artifacts(template(), plain, target, python=sys.executable)
    kept = {
        str(path.relative_to(target))
        for path in target.rglob("*")
        if path.is_file() and path.suffix not in {".json", ".pem", ".pyc"}
    }
    assert kept == {
        "template.yaml",
        "Hello/functions/hello/app.py",
        "Core/python/shared.py",
        "Extra/bin/tool.sh",
    }
    assert len(list(target.rglob("*.pyc"))) == 2


def test_the_command_says_in_a_sentence_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "artifacts", str(tmp_path), str(tmp_path / "target")]
    ran = subprocess.run(
        [*command, "--python", sys.executable], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "template.yaml cannot be read" in ran.stderr
    assert "Traceback" not in ran.stderr
