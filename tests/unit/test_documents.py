"""Documents tell of tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(\w+/test_\w+)::(test_\w+)`")
TOLD = sorted(
    {
        (path.name, *found)
        for path in (ROOT / "docs").rglob("*.md")
        for found in NAMED.findall(path.read_text())
    }
)


def test_the_security_page_names_the_tests_of_its_promises() -> None:
    assert len([told for told in TOLD if told[0] == "security.md"]) > 20


@pytest.mark.parametrize(("document", "module", "name"), TOLD)
def test_a_test_that_a_document_names_exists(document: str, module: str, name: str) -> None:
    path = ROOT / "tests" / f"{module}.py"
    assert path.exists(), f"{document} names {path.name}"
    assert re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE), f"{document}: {name}"
