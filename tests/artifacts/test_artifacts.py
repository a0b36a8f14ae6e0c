"""What is deployed, for both architectures: all that is used, nothing else, nothing twice."""

import _imp
import json
import struct
import subprocess
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from artifacts.elf import HEADER, LOAD, Segment, segments
from tests.artifacts.conftest import PYTHON, ROOT, Artifacts

MB = 10**6
# ELF specification, `e_machine`
MACHINES = {"x86_64": 62, "arm64": 183}
NEVER = ("*.dist-info", "tests", "test", "pip", "setuptools", "examples*", "*.pyi", "requirements*")
# AWS page "Lambda quotas": unzipped, with all layers.
LAMBDA_MAX_BYTES = 250 * 2**20

# Imports a module with what the artifacts hold and the standard library alone. That it can read
# the byte code is sure only if it may not compile.
IMPORT = """
import importlib, json, sys
from importlib.machinery import SourceFileLoader
def compiles(self, data, path, **options):
    raise AssertionError(f"{path} has no byte code that is valid")
SourceFileLoader.source_to_code = compiles
sys.path[:0] = json.loads(sys.argv[2])
module = importlib.import_module(sys.argv[1])
assert callable(module.handler)
"""


def functions() -> list[str]:
    folders = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
    return ["".join(word.capitalize() for word in folder.split("_")) for folder in folders]


def size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def sources(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.py")}


def test_there_is_an_artifact_for_each_function_and_layer(artifacts: Artifacts) -> None:
    assert sorted(artifacts.functions) == sorted(functions())
    assert sorted(artifacts.layers) == ["CoreLayer", "FfmpegLayer"]


@pytest.mark.parametrize("function", functions())
def test_a_handler_imports_from_its_artifact_alone_where_nothing_can_be_written(
    native: Artifacts, function: str
) -> None:
    folder = native.folder
    path = json.dumps([str(entry) for entry in native.path_of(function)])
    module = native.functions[function].root_module
    script = (
        f'mount --bind "{folder}" "{folder}" && mount -o remount,bind,ro "{folder}" && exec "$@"'
    )
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(PYTHON)]
    before = {file: file.stat().st_mtime_ns for file in native.files()}
    ran = subprocess.run(
        [*command, "-I", "-S", "-c", IMPORT, module, path],
        env={"AWS_DEFAULT_REGION": "us-east-1", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert {file: file.stat().st_mtime_ns for file in native.files()} == before


def test_our_own_code_is_the_code_that_is_here(artifacts: Artifacts) -> None:
    for function, entry in artifacts.functions.items():
        folder = f"functions/{entry.root_module.split('.')[1]}"
        assert sources(artifacts.folder / function / folder) == sources(ROOT / folder)
    layer = sources(artifacts.folder / "CoreLayer/python/attachments")
    assert layer.items() <= sources(ROOT / "layers/core/attachments").items()
    assert len(layer) > 20


def test_a_function_holds_its_own_folder_and_no_other(artifacts: Artifacts) -> None:
    for function, entry in artifacts.functions.items():
        own = entry.root_module.split(".")[1]
        held = {path.name for path in (artifacts.folder / function / "functions").iterdir()}
        assert held == {own}


def test_nothing_is_left_that_only_builds_or_tests_need(artifacts: Artifacts) -> None:
    for pattern in NEVER:
        assert list(artifacts.folder.glob(f"*/**/{pattern}")) == [], pattern


def test_only_python_data_and_libraries_are_in_a_layer_for_python(artifacts: Artifacts) -> None:
    files = artifacts.files("CoreLayer", *artifacts.functions)
    kinds = {path.suffix for path in files if not path.parent.name.endswith(".libs")}
    assert kinds == {".py", ".pyc", ".so", ".json", ".gz", ".pem"}


def test_botocore_knows_the_services_that_are_used_and_no_other(artifacts: Artifacts) -> None:
    data = artifacts.folder / "CoreLayer/python/botocore/data"
    used = {path.name for path in data.iterdir() if path.is_dir()}
    assert {"dynamodb", "s3", "secretsmanager"} <= used
    assert len(used) <= 6
    for service in used:
        assert list(data.glob(f"{service}/*/service-2.json*")), service
        assert list(data.glob(f"{service}/*/endpoint-rule-set-1.json*")), service


def test_only_the_inspector_carries_the_image_library(artifacts: Artifacts) -> None:
    carrying = {path.parent.name for path in artifacts.folder.glob("*/PIL")}
    assert carrying == {"InspectUpload"}


def test_the_inspector_carries_only_the_image_libraries_that_it_links(artifacts: Artifacts) -> None:
    names = {path.name.partition("-")[0] for path in artifacts.folder.glob("*/*.libs/*")}
    assert "libjpeg" in names
    assert not names & {"libavif", "libfreetype", "libharfbuzz", "libwebp"}


def test_every_module_has_valid_byte_code_of_the_runtime(artifacts: Artifacts) -> None:
    """PEP 552: flags 1 say that the hash is not checked when the module is imported."""
    [runtime] = {artifacts.template["Globals"]["Function"]["Runtime"]}
    tag = "cpython-" + runtime.removeprefix("python").replace(".", "")
    sources = [path for path in artifacts.files() if path.suffix == ".py"]
    assert len(sources) > 300
    for source in sources:
        [cached] = (source.parent / "__pycache__").glob(f"{source.stem}.*")
        assert cached.name == f"{source.stem}.{tag}.pyc"
        magic, flags, written = struct.unpack("<II8s", cached.read_bytes()[:16])
        assert flags == 1, cached
        assert written == _imp.source_hash(magic, source.read_bytes()), cached


def test_byte_code_names_the_files_where_lambda_has_them(artifacts: Artifacts) -> None:
    [function] = artifacts.folder.glob("IssueUpload/functions/issue_upload/__pycache__/app.*.pyc")
    assert b"/var/task/functions/issue_upload/app.py" in function.read_bytes()
    [layer] = artifacts.folder.glob("CoreLayer/python/attachments/__pycache__/model.*.pyc")
    assert b"/opt/python/attachments/model.py" in layer.read_bytes()


def test_compiled_code_is_of_the_architecture(artifacts: Artifacts) -> None:
    compiled = [path for path in artifacts.files() if ".so" in path.name or path.name == "ffmpeg"]
    assert len(compiled) >= 5
    for path in compiled:
        head = path.read_bytes()[:20]
        assert head[:4] == b"\x7fELF", path
        assert int.from_bytes(head[18:20], "little") == MACHINES[artifacts.architecture], path


def test_of_compiled_code_the_same_is_mapped_as_before(artifacts: Artifacts) -> None:
    """All but the headers at the beginning, which say where in the file it lies now."""
    plain = ROOT / ".aws-sam" / "plain" / artifacts.architecture
    for path in (path for path in artifacts.files() if ".so" in path.name):
        before, after = (plain / path.relative_to(artifacts.folder)).read_bytes(), path.read_bytes()
        headers = HEADER.size + len(segments(before)) * Segment.FORM.size
        for old, new in zip(segments(before), segments(after), strict=True):
            assert new == replace(old, offset=new.offset, align=new.align), path
            if old.kind == LOAD:
                assert (new.address - new.offset) % new.align == 0, path
                skipped = headers if old.offset == 0 else 0
                was, is_now = (
                    content[one.offset + skipped : one.offset + one.file_size]
                    for content, one in ((before, old), (after, new))
                )
                assert is_now == was, path


def test_nothing_is_in_what_a_function_sees_twice(artifacts: Artifacts) -> None:
    for function, entry in artifacts.functions.items():
        files = artifacts.files(function, *entry.layers)
        names = Counter(
            file.relative_to(folder)
            for folder in artifacts.path_of(function)
            for file in files
            if file.is_relative_to(folder)
        )
        assert [name for name, times in names.items() if times > 1] == []
        contents = Counter(
            sha256(file.read_bytes()).digest() for file in files if file.stat().st_size > 4096
        )
        assert max(contents.values()) == 1, function


@pytest.mark.parametrize("function", functions())
def test_a_function_with_the_core_layer_is_small(artifacts: Artifacts, function: str) -> None:
    assert size(artifacts.files(function, "CoreLayer")) < 40 * MB


def test_the_ffmpeg_layer_is_small(artifacts: Artifacts) -> None:
    files = artifacts.files("FfmpegLayer")
    assert size(files) <= 12 * MB
    assert artifacts.folder / "FfmpegLayer/bin/ffmpeg" in files


@pytest.mark.parametrize("function", functions())
def test_a_function_with_all_its_layers_fits_lambda(artifacts: Artifacts, function: str) -> None:
    layers = artifacts.functions[function].layers
    assert size(artifacts.files(function, *layers)) < LAMBDA_MAX_BYTES


def test_both_architectures_hold_the_same_code(artifacts: Artifacts) -> None:
    other = Artifacts({"arm64": "x86_64", "x86_64": "arm64"}[artifacts.architecture])
    if not (other.folder / "template.yaml").exists():
        pytest.skip(f"There are no artifacts for {other.architecture} to compare with.")
    mine, theirs = (
        {file.relative_to(built.folder) for file in built.files() if file.suffix == ".py"}
        for built in (artifacts, other)
    )
    assert mine == theirs
