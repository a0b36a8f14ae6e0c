"""What `sam local` is told: the built template, with the addresses of this machine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.ffmpeg import architecture
from local.template import load
from local.worker import Function

TEMPLATE, ENVIRONMENT = "template.yaml", "env.json"
CODE = ("CodeUri", "ContentUri")
# What the template says is for machines that do nothing else.
TIMEOUT_S = 300


def write_sam_files(
    artifacts: Path, folder: Path, functions: list[Function], addresses: Mapping[str, str]
) -> None:
    """Write both files into `folder`. Raises TemplateError where nothing is built.

    sam passes on only variables that a template declares, and prefers the shell's values to the
    template's; those of its file come first.
    """
    template = load(artifacts / "template.yaml")
    template["Parameters"]["Architecture"]["Default"] = architecture()
    environments = {function.name: {**function.environment, **addresses} for function in functions}
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        for key in CODE:
            if key in properties:
                properties[key] = str((artifacts / properties[key]).resolve())
        if name in environments:
            properties["Environment"] = {"Variables": environments[name]}
            properties["Timeout"] = TIMEOUT_S
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / TEMPLATE, template)
    _write(folder / ENVIRONMENT, environments)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")  # which is YAML, too
