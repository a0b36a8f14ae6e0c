"""The quick reference says what the code says."""

import re
from pathlib import Path

import pytest

from attachments.model import Status
from attachments.routes import ROUTES
from local.template import load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "quick-reference.md").read_text()
PARAMETERS = load(ROOT / "template.yaml")["Parameters"]


def default(name: str) -> str:
    return f"{int(PARAMETERS[name]['Default']):,}"


def test_every_route_is_there_and_no_other() -> None:
    known = {f"{each.method} {each.path.replace('<', '{').replace('>', '}')}/" for each in ROUTES}
    assert set(re.findall(r"^\| `([A-Z]+ /api/\S+)` \|", TEXT, re.M)) == known


@pytest.mark.parametrize("status", list(Status))
def test_every_state_is_there(status: Status) -> None:
    assert f"`{status}`" in TEXT


def test_the_limits_are_those_of_the_template() -> None:
    sizes = ", ".join(
        default(f"Max{kind}Megabytes") for kind in ("Video", "Image", "Audio", "Document", "Other")
    )
    calls = ", ".join(
        default(name) for name in ("CallsPerMinute", "UploadsPerMinute", "SignCallsPerMinute")
    )
    assert f"| {sizes} MB |" in TEXT
    assert f"| {calls} |" in TEXT
    held = f"| {default('MaxPendingUploads')}, {default('MaxStoredMegabytes')} MB |"
    assert held in TEXT
    seconds = {PARAMETERS[name]["Default"] for name in ("UploadUrlSeconds", "DownloadUrlSeconds")}
    assert seconds == {900}
    assert "| URLs live | 15 minutes |" in TEXT


def test_every_command_is_one_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", TEXT)) <= targets | {"deploy"}
