"""ARCHITECTURE.md draws the packages as they are, names each of them, and every path in it leads somewhere."""

import re
from pathlib import Path

from tests.builders.levels import LEVELS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers/core/python/whendue"
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
# What is not among the levels, but drawn beside what it calls or above what it imports.
OUTSIDE = {"functions", "client", "project"}


def test_the_drawing_has_the_levels_of_the_imports() -> None:
    """The test of the architecture holds these against the code."""
    [drawing] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    drawn = [set(line.split()) - OUTSIDE for line in drawing.splitlines()]
    assert drawn[::-1] == [set(level) for level in LEVELS]


def test_every_package_has_its_line() -> None:
    """And no line is about a package that is gone."""
    table = PAGE.partition("\n## Packages\n")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \| \S", table, re.MULTILINE)
    assert sorted(named) == sorted([*OUTSIDE, *(name for level in LEVELS for name in level)])


def test_every_path_on_the_page_exists() -> None:
    """In the repository, or below the package."""
    paths = {path for path in re.findall(r"`([\w./-]+)`", PAGE) if "/" in path or path.endswith((".py", ".yaml"))}
    assert len(paths) > 20
    assert {path for path in paths if not any((base / path).exists() for base in (ROOT, PACKAGE))} == set()


def test_each_of_the_three_questions_is_answered_by_what_is_there() -> None:
    """One place each: a class and a function that have this name, and the steps that are counted."""
    answers = re.findall(r"^\| .+\? \| (.+?) \|$", PAGE, re.MULTILINE)
    assert len(answers) == 3
    for answer in answers[1:]:
        [(path, name)] = re.findall(r"`(\S+\.py)`, (?:class )?`(\w+)`", answer)
        assert re.search(rf"^(?:class|def) {name}\b", (PACKAGE / path).read_text(), re.MULTILINE)
    steps = PAGE.partition("**Submit**")[2].partition("**Timer**")[0]
    assert [int(number) for number in re.findall(r"^(\d+)\. ", steps, re.MULTILINE)] == list(range(1, 13))
