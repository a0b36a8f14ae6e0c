"""Which AWS services our own code speaks to, and what botocore and boto3 need to know for these."""

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from artifacts.modules import Module

OURS = ("attachments", "functions")
CONSTRUCTORS = ("boto3.client", "boto3.resource")
ENDPOINTS = "botocore/data/endpoints.json"
# What every client reads besides: partitions, retries, defaults, and the authorities of TLS.
ALWAYS = (
    "botocore/cacert.pem",
    "botocore/data/_retry.json",
    "botocore/data/partitions.json",
    "botocore/data/sdk-default-configuration.json",
)
# Of a service: its operations, its addresses, its pages. No examples, no waiters.
PER_SERVICE = ("service-2.*", "endpoint-rule-set-1.*", "paginators-1.*", "resources-1.*")


class ServiceError(Exception):
    """A service cannot be told from the code, or is not one; the message names it."""


def services_of(modules: Iterable[Module]) -> set[str]:
    """The services that `client("…")` or `resource("…")` is called with. Raises ServiceError."""
    found = set()
    for module in modules:
        if module.name.partition(".")[0] not in OURS or module.is_native:
            continue
        for node in ast.walk(ast.parse(module.path.read_bytes())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in CONSTRUCTORS:
                found.add(_service(node, module))
    return found


def data_files(folder: Path, services: Iterable[str]) -> Iterator[Path]:
    """The data files of the SDK below `folder` for these services. Raises ServiceError."""
    yield from (folder / name for name in ALWAYS)
    for service in services:
        if not (folder / "botocore" / "data" / service).is_dir():
            raise ServiceError(f"botocore knows no service {service}.")
        for package in ("botocore", "boto3"):
            versions = sorted((folder / package / "data" / service).glob("*/"))
            for pattern in PER_SERVICE if versions else ():
                yield from sorted(versions[-1].glob(pattern))


def endpoints(folder: Path, services: set[str]) -> str:
    """botocore's addresses of these services in each partition and region, as JSON."""
    document = json.loads((folder / ENDPOINTS).read_text())
    for partition in document["partitions"]:
        known = partition["services"]
        partition["services"] = {name: known[name] for name in known if name in services}
    return json.dumps(document, separators=(",", ":"))


def _service(call: ast.Call, module: Module) -> str:
    match call.args:
        case [ast.Constant(value=str(service)), *_]:
            return service
    raise ServiceError(
        f"{module.name}, line {call.lineno}: name the service of a client as a plain string, so "
        "that the build knows which of botocore's data to keep."
    )
