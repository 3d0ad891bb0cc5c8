"""whendue.project.toml_lines: where a key stands."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from whendue.project.toml_lines import line_of

TEXT = """\
# A comment.
top = 1

[project]
tasks = ["a"]
'quoted name' = 2

[dev.sample]
payload.name = "Ada"

[[permissions.statements]]
Effect = "Allow"
[[permissions.statements]]
Effect = "Deny"
"""
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers(), max_size=4), max_size=4)


def test_finds_keys_tables_and_items() -> None:
    """A path that has no line of its own gets that of what is around it."""
    cases: dict[tuple[str | int, ...], int | None] = {
        ("top",): 2,
        ("project",): 4,
        ("project", "tasks"): 5,
        ("project", "tasks", 0): 5,
        ("project", "quoted name"): 6,
        ("project", "missing"): 4,
        ("dev",): 8,
        ("dev", "sample", "payload", "name"): 9,
        ("permissions", "statements", 1, "Effect"): 14,
        ("permissions", "statements", 0, "Effect"): 12,
        ("none",): None,
        (): None,
    }
    assert {path: line_of(TEXT, path) for path in cases} == cases


@given(TABLES)
def test_each_key_of_a_written_file_is_found_on_its_line(tables: dict[str, dict[str, int]]) -> None:
    """For all names that need no quotes."""
    lines: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for table, keys in tables.items():
        lines.append(f"[{table}]")
        expected[table,] = len(lines)
        for key, value in keys.items():
            lines.append(f"{key} = {value}")
            expected[table, key] = len(lines)
    text = "\n".join(lines)
    assert tomllib.loads(text) == tables
    assert {path: line_of(text, path) for path in expected} == expected


@given(st.text(max_size=200), st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=3))
def test_no_text_breaks_it(text: str, path: list[Any]) -> None:
    """It stands behind an error already."""
    line = line_of(text, path)
    assert line is None or 1 <= line <= len(text.splitlines())
