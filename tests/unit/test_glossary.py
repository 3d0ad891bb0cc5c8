"""No former word of the glossary comes back: each thing has one name, the field's, in code, API and docs.

Not searched: CHANGELOG.md, which says what was renamed, and `tests/simulation/recorded`, tables of earlier versions. In
tests only names are searched: in a sentence of a test, "tells" or "there" may be plain English.
"""

import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from tests.builders.former_words import Finding, openings, read
from tests.builders.glossary import FORMER, MODULES, OPENINGS
from tests.builders.glossary_exceptions import EXCEPTIONS

ROOT = Path(__file__).parents[2]
SEARCHED = (
    *("layers", "functions", "localstack", "scripts", "infra", "api", "docs", "examples"),
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"),
)
ENDINGS = (".py", ".md", ".tf", ".json", ".yaml", ".yml", ".toml")
# The tables themselves, and the tests that search for such words in texts.
TABLES = ("tests/builders/glossary.py", "tests/builders/glossary_exceptions.py", "tests/unit/test_glossary.py")


def names_alone(text: str) -> str:
    """Leave of a Python file the names and their neighbours, without comments and texts."""
    kept = [
        (token.type, '""' if token.type == tokenize.STRING else token.string)
        for token in tokenize.generate_tokens(StringIO(text).readline)
        if token.type != tokenize.COMMENT
    ]
    return tokenize.untokenize(kept)


def findings() -> Iterator[Finding]:
    for path, text in read(ROOT, *SEARCHED, endings=ENDINGS):
        yield from FORMER.find(path, text)
        if path.endswith(".py"):
            yield from openings(path, text, OPENINGS)
    for path, text in read(ROOT, "tests", endings=(".py",)):
        if path not in TABLES:
            yield from FORMER.find(path, names_alone(text))


FOUND = list(findings())


def test_no_former_word_is_left() -> None:
    """Whoever knows the new word searches for it, and must find all that is about it."""
    left = [finding for finding in FOUND if not any(allowed.covers(finding) for allowed in EXCEPTIONS)]
    assert not left, "\n".join(f"{finding.path}:{finding.line}: {finding.word} in {finding.text}" for finding in left)


def test_every_exception_is_needed_and_has_a_reason() -> None:
    """One that covers nothing would hide the word's return."""
    idle = [allowed for allowed in EXCEPTIONS if not any(map(allowed.covers, FOUND))]
    assert not idle
    assert all(allowed.why for allowed in EXCEPTIONS)


def test_no_module_has_a_former_name() -> None:
    """Folders are read first."""
    paths = [path for top in ("layers", "functions", "tests/simulation") for path in (ROOT / top).rglob("*.py")]
    assert paths
    assert not [path for path in paths if path.stem in MODULES]


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("a.py", "class Newsroom: ...", ["newsroom"]),
        ("a.py", "def _tell_all(stories): ...", ["tell", "stories"]),
        ("a.py", "jobs = [one for one in jobs]", ["one", "one"]),
        ("a.py", "x = store.one(2)  # one of two", []),
        ("a.py", "f(one=2)", ["one"]),
        ("a.py", '"""What it owes."""', ["owes"]),
        ("a.py", "x = 1  # whom", ["whom"]),
        ("a.py", 'x = f"is {told}"', ["told"]),
        ("a.py", "stories_ = PUT_AWAY_S", ["stories"]),
        ("a.py", "class Part: ...\nparting = 1", ["Part", "parting"]),
        ("a.md", "One is there, in its place; a `put_away` job is `partOf` it.", ["put_away", "partOf"]),
        ("a.md", "The newsletter retells nothing.", []),
        ("a.json", '{"onParentFailure": "told"}', ["onParentFailure", "told"]),
    ],
)
def test_former_words_are_found(path: str, text: str, words: list[str]) -> None:
    """In names, comments, texts and prose; and words that only look like them are not."""
    assert sorted(finding.word for finding in FORMER.find(path, text)) == sorted(words)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('def f():\n    """Give the key."""', [(2, "Give")]),
        ('class C:\n    def f(self):\n        """Say whether it is due."""', [(3, "Say whether")]),
        ('async def f():\n    """\n    Give the key.\n    """', [(2, "Give")]),
        ('"""Give the keys."""', [(1, "Give")]),
        ('def f():\n    """Return the key."""', []),
        ('def f():\n    """Return when to Give up. Say whether: no."""', []),
        ('def f():\n    """GiveUp is raised."""', []),
        ('x = """Give the key."""', []),
    ],
)
def test_openings_of_docstrings_are_found(text: str, found: list[tuple[int, str]]) -> None:
    """A docstring says what a function does or returns; in the middle of a sentence the words are plain English."""
    assert [(finding.line, finding.word) for finding in openings("a.py", text, OPENINGS)] == found


def test_a_finding_has_its_line() -> None:
    """Of a text of several lines the line of the word."""
    assert [found.line for found in FORMER.find("a.py", '"""\nOne.\n\nIt owes.\n"""')] == [4]


def test_names_alone_are_without_texts() -> None:
    """So that the words of a sentence are no names, and all names are left."""
    text = 'told = "told"  # told\n"""Told."""\n'
    assert [finding.text for finding in FORMER.find("a.py", names_alone(text))] == ["told"]
