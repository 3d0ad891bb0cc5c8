"""Every example has a test, says how it is run, is short, and uses nothing that is not public."""

import ast
import sys
from pathlib import Path

import pytest

from localstack.paths import ROOT
from whendue import __all__ as public
from whendue.client import __all__ as public_of_the_client
from whendue.direct import __all__ as public_of_direct_mode

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LINES_MAX = 65
# What whendue itself installs.
LIBRARIES = {"boto3", "botocore", "pydantic"}


def test_every_example_has_its_test_and_every_test_its_example() -> None:
    """A file that nobody runs soon does not run."""
    tested = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert tested - {"every_example"} == {path.stem for path in EXAMPLES}
    # The two apps of a guide, with a test of their own: tests/docs/test_from_celery.py.
    apart = {"__pycache__", "from_celery"}
    assert {path.name for path in (ROOT / "examples").iterdir()} - apart == {path.name for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_says_what_it_shows_and_how_it_is_run(path: Path) -> None:
    """It is read from top to bottom."""
    text = path.read_text()
    said = ast.get_docstring(ast.parse(text)) or ""
    assert "\nShows " in said
    assert "\nRun it" in said
    assert len(text.splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_uses_only_what_is_public(path: Path) -> None:
    """Python's own library, pydantic, boto3, and the names that whendue, its client and direct mode export."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names | LIBRARIES
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            if node.module == "whendue":
                assert {alias.name for alias in node.names} <= set(public)
            elif node.module == "whendue.client":
                assert {alias.name for alias in node.names} <= set(public_of_the_client)
            elif node.module == "whendue.direct":
                assert {alias.name for alias in node.names} <= set(public_of_direct_mode)
            else:
                assert str(node.module).split(".")[0] in sys.stdlib_module_names | LIBRARIES
