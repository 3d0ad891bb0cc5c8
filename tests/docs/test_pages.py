"""Pages are found, lead to what is there, and are easy to read in a terminal and in a review."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from tests.builders.world import World
from tests.docs.pages import LINK, NAMES, PAGES, ROOT, headings_of, linked_from, text_of, without_code
from whendue.declarations.registry import BUILT_IN_TASKS, discover
from whendue.errors import NotAllowedError
from whendue.testing import WhendueApp

LINE_MAX = 120
# Records of the past keep their words.
HISTORY = re.compile(r"^CHANGELOG\.md$")
CURRENT = [name for name in NAMES if not HISTORY.match(name)]
USERS = re.compile(r"^README\.md$|^docs/(guide|reference|operations)/")
# Words that were ours alone, each with a plain one in its place (docs/reference/glossary.md).
PRIVATE = re.compile(r"(?i)\b(agenda|besides|in place of|ledger|news|parents?|so long|so many|tells?|told|whom)\b")
SOURCES = ("api", "docs", "examples", "functions", "infra", "layers", "localstack", "scripts", "tests", ".github")
TEXTS = re.compile(r"\.(md|py|toml|ya?ml|tf|hcl|tfvars|json|in|txt|sh)$|^(Makefile|Dockerfile)$")


def sources() -> list[Path]:
    """List the repository's texts."""
    inside = [path for folder in SOURCES for path in (ROOT / folder).rglob("*")]
    return [path for path in [*ROOT.glob("*"), *inside] if path.is_file() and TEXTS.search(path.name)]


@pytest.mark.parametrize("name", CURRENT)
def test_no_line_of_prose_is_long(name: str) -> None:
    """Tables, code and the targets of links cannot be wrapped; all else can."""
    lines = without_code(text_of(name)).splitlines()
    prose = [re.sub(r"\]\([^)]*\)", "]", line) for line in lines if not line.lstrip().startswith("|")]
    assert [line for line in prose if len(line) > LINE_MAX] == []


@pytest.mark.parametrize("name", [name for name in NAMES if USERS.match(name)])
def test_pages_use_the_words_of_the_glossary(name: str) -> None:
    """One thing has one name. Code keeps its own, and so do the tables that are made from it."""
    written = re.sub(r"<!-- [\w: ]+ -->.*?<!-- end -->", "", without_code(text_of(name)), flags=re.DOTALL)
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", written)
    assert [found[0] for found in PRIVATE.finditer(prose)] == []


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_a_file_and_a_heading(name: str) -> None:
    """A link whose heading was renamed silently opens the top of the page."""
    broken = []
    for file, heading in LINK.findall(text_of(name)):
        target = (ROOT / name).parent / file if file else ROOT / name
        if not target.exists() or (heading and heading not in headings_of(target.read_text())):
            broken.append(f"{file}#{heading}")
    assert broken == []


def test_every_page_is_reachable_from_the_index() -> None:
    """A page that no other page links to is never read."""
    reached, ahead = set[str](), {"docs/README.md"}
    while ahead:
        reached |= ahead
        ahead = {name for page in ahead for name in linked_from(page)} - reached
    # README.md links to the index, and is what a reader sees first.
    assert set(NAMES) - reached - {"README.md"} == set()
    assert "docs/README.md" in linked_from("README.md")


def test_no_reference_to_a_design_that_is_not_in_the_repository() -> None:
    """Sections of a document that readers do not have explain nothing."""
    dangling = re.compile(r"\bdesign\s+section\b", re.IGNORECASE)
    texts = {path: path.read_text(errors="ignore") for path in sources()}
    assert len(texts) > len(PAGES)
    assert [str(path) for path, text in texts.items() if dangling.search(text)] == []


@pytest.mark.parametrize("name", [name for name in NAMES if "```python" in text_of(name)])
def test_examples_in_python_are_python(name: str) -> None:
    """They are copied as they stand."""
    for example in re.findall(r"```python\n(.*?)```", text_of(name), re.DOTALL):
        compile(example, name, "exec")


EXAMPLES_ABOUT_TESTING = re.findall(r"def (test_\w+)\(", text_of("docs/guide/testing.md"))


@pytest.mark.parametrize("name", EXAMPLES_ABOUT_TESTING)
def test_examples_about_testing_pass(name: str) -> None:
    """The page shows tests, so they are run as tests."""
    page = text_of("docs/guide/testing.md")
    [example] = [text for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if f"def {name}(" in text]
    defined: dict[str, Any] = {}
    exec(example, defined)
    # What pytest's plugin hands over, in a project that is this repository.
    app = WhendueApp()
    with app.in_force():
        defined[name](*[app for _ in inspect.signature(defined[name]).parameters])


def test_a_world_takes_a_task_with_its_options() -> None:
    """A test of a task is to see the retries that its users will see."""
    world = World()
    discover(BUILT_IN_TASKS)
    world.use("email")
    assert world.registry.get("email").never_retry == (NotAllowedError,)


def test_the_first_job_is_the_readmes() -> None:
    """Both say the same: the end-to-end suite runs the README's request."""
    page, readme = text_of("docs/guide/first-job.md"), text_of("README.md")
    [request] = re.findall(r"^  -d '(\{.*\})'$", readme, re.MULTILINE)
    [task] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert request in page
    assert task in page
