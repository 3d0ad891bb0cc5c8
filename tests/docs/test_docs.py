"""The docs are current and complete: nothing in them is missing, stale, or leads nowhere."""

import re
from pathlib import Path

import pytest

from functions.api.app import make_resolver, routes_of
from scripts.generate_docs import PARTS, generated
from tests.docs.pages import NAMES, PAGES, ROOT, text_of
from tests.load.options import DURATION_MAX_S, JOBS_MAX, USERS_MAX
from tests.load.scenarios import SCENARIOS
from whendue.declarations.registry import BUILT_IN_TASKS, discover
from whendue.inspection.causes import Cause
from whendue.profiles.model import PROFILES
from whendue.schedules.calendar.recurrence import Note

SETTING = re.compile(r"WHENDUE_[A-Z]+(?:_[A-Z]+)*")
CODE = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]


@pytest.mark.parametrize("page", generated(), ids=lambda page: page.name)
def test_generated_parts_are_current(page: Path) -> None:
    """`make docs` was run after the last change of what they are made from."""
    assert page.read_text() == generated()[page], "run `make docs`"


def test_every_generated_part_has_its_place() -> None:
    """A part that no page has would be written for nobody."""
    places = {name for page in PAGES for name in re.findall(r"<!-- generated: (\w+) -->", page.read_text())}
    assert places == set(PARTS)


@pytest.mark.parametrize("name", NAMES)
def test_make_targets_exist(name: str) -> None:
    """Every `make x` that a page tells to type is there."""
    targets = set(re.findall(r"^([a-z0-9-]+):", text_of("Makefile"), re.MULTILINE))
    documented = re.findall(r"(?:`|^|\$\()make (?:-s )?([a-z0-9-]+)", text_of(name), re.MULTILINE)
    assert set(documented) <= targets


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    """A setting that nobody can find is none."""
    read = {name for path in CODE for name in SETTING.findall(path.read_text())}
    # auth.py puts its names together.
    read = {name for name in read if name != "WHENDUE_JWT"}
    assert set(SETTING.findall(text_of("docs/reference/configuration.md"))) == read


def test_every_file_that_a_page_names_exists() -> None:
    """`tests/...`, `layers/...` and the like in code marks."""
    named = re.compile(r"`((?:tests|layers|functions|localstack|infra|docs|scripts|api)/[\w./-]+)`")
    for name in NAMES:
        for path in named.findall(text_of(name)):
            assert (ROOT / path).exists(), f"{name} names {path}"


def test_every_request_task_profile_and_reason_is_in_the_docs() -> None:
    """A user finds them without reading code."""
    api = text_of("docs/reference/api.md")
    for route in routes_of(make_resolver()):
        assert f"`{route.method} {route.path.replace('<', '{').replace('>', '}')}`" in api
    for profile in PROFILES:
        assert f"`{profile}`" in api
    for cause in Cause:
        assert f"`{cause}`" in api
    for task in discover(BUILT_IN_TASKS).names():
        assert f"\n### {task}\n" in text_of("docs/guide/tasks.md") or task.startswith("demo.")


def test_every_note_of_a_preview_is_explained() -> None:
    """The code is for programs, the words are for people."""
    rows = re.findall(r"^\| `([a-z_]+)` \| [A-Z][^|]+\. \|$", text_of("docs/guide/recurrence.md"), re.MULTILINE)
    assert sorted(rows) == sorted(Note)


def test_every_load_scenario_and_variable_is_documented() -> None:
    """And so is every bound that a run is refused by."""
    page = text_of("docs/operations/load.md")
    for name in [
        *SCENARIOS,
        *re.findall(r'(?:get|_number)\((?:asked, )?"([A-Z_]+)"', text_of("tests/load/options.py")),
    ]:
        assert f"`{name}`" in page
    for bound in (f"{JOBS_MAX:,} jobs", f"{USERS_MAX} at most", f"{DURATION_MAX_S // 3600} hours at most"):
        assert bound in page


def test_every_decision_is_in_the_log() -> None:
    """And the log has no decision twice; its titles are the records' own, which have the same parts everywhere."""
    folder = ROOT / "docs/design/decisions"
    listed = re.findall(r"^\| (\d+) \| \[(.+?)\]\((.+?\.md)\) \|", (folder / "README.md").read_text(), re.MULTILINE)
    assert sorted(name for _, _, name in listed) == sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [int(number) for number, _, _ in listed] == list(range(1, len(listed) + 1))
    for number, title, name in listed:
        first, *lines = (folder / name).read_text().splitlines()
        assert first == f"# {number}. {title}"
        assert name.startswith(f"{int(number):02d}-")
        assert [line for line in lines if line.startswith("#")] == [
            "## Status",
            "## Context",
            "## Decision",
            "## Consequences",
        ]


def test_every_claim_about_a_peer_names_its_source() -> None:
    """What nobody looked up is not claimed."""
    readme = text_of("README.md")
    part = readme[readme.index("## How it compares") : readme.index("## What it does not do")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in part.splitlines() if line.startswith("| ")]
    peers = [row for row in rows if row[0] and "whendue" not in row[0]]
    assert len(peers) >= 13
    # A dash (nothing was looked up), and what a product is by its name.
    bare = {"\u2013", "a state machine"}
    unsourced = [(row[0], cell) for row in peers for cell in row[1:] if cell not in bare and "](http" not in cell]
    assert unsourced == []
