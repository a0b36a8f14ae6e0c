"""Makes the artifacts from what `sam build` left: copies what is used, compiles it."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artifacts.elf import mapped_part
from artifacts.libraries import libraries_of
from artifacts.modules import Module, Modules
from artifacts.services import ENDPOINTS, data_files, endpoints, services_of

SITE = "python"  # where a layer has its packages (Lambda guide, "Packaging your layer content")
# Where Lambda unpacks an artifact: so tracebacks name the files that are there.
FUNCTION_ROOT, LAYER_ROOT = "/var/task", "/opt"


@dataclass(frozen=True)
class Function:
    """A function of a built template; `layers` are the names of its layers."""

    name: str
    root_module: str
    layers: tuple[str, ...]


def functions_of(template: Mapping[str, Any]) -> list[Function]:
    """The functions with their layers, those of `Globals` first as SAM joins them."""
    shared = template.get("Globals", {}).get("Function", {}).get("Layers", [])
    return [
        Function(
            name,
            resource["Properties"]["Handler"].rpartition(".")[0],
            tuple(ref["Ref"] for ref in (*shared, *resource["Properties"].get("Layers", []))),
        )
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    ]


def layers_of(template: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::LayerVersion"
    ]


def make_artifacts(template: Mapping[str, Any], plain: Path, target: Path, *, python: str) -> None:
    """Fill `target` anew from sam's build folder `plain`; `python` is of the runtime's version.

    Raises ServiceError, KeyError for a handler that is not there, and CalledProcessError.
    """
    functions = functions_of(template)
    reached = {function.name: _reached(function, plain) for function in functions}
    everything = set[Module]().union(*reached.values())
    services = services_of(everything)
    if target.exists():
        shutil.rmtree(target)
    for function in functions:
        files = _files(reached[function.name], plain / function.name)
        _copy(files, plain, target)
        _compile(target / function.name, FUNCTION_ROOT, python)
    for layer in layers_of(template):
        site = plain / layer / SITE
        if site.is_dir():
            _copy((*_files(everything, site), *data_files(site, services)), plain, target)
            (target / layer / SITE / ENDPOINTS).write_text(endpoints(site, services))
            _compile(target / layer, LAYER_ROOT, python)
        else:
            shutil.copytree(plain / layer, target / layer)
    shutil.copy2(plain / "template.yaml", target)


def _reached(function: Function, plain: Path) -> set[Module]:
    folders = [plain / function.name, *(plain / layer / SITE for layer in function.layers)]
    return Modules(folders).reachable(function.root_module)


def _files(modules: Iterable[Module], folder: Path) -> list[Path]:
    here = [module for module in modules if module.folder == folder]
    return [*(module.path for module in here), *libraries_of(here)]


def _copy(files: Iterable[Path], source: Path, target: Path) -> None:
    for file in files:
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if ".so" in file.name:
            copy.write_bytes(mapped_part(file.read_bytes()))
            copy.chmod(0o755)
        else:
            shutil.copy2(file, copy)


def _compile(folder: Path, seen_as: str, python: str) -> None:
    """Byte code beside each module, valid whatever the time stamps: sam's zip loses these."""
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-s", str(folder), "-p", seen_as, str(folder)], check=True)
