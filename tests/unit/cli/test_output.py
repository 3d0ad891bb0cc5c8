"""Results as JSON and as people read them."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from whendue.cli.output import cell, json_value, write_list, write_one


@dataclass
class Item:
    due_at: datetime | None
    from_: str
    result: Any = None


AT = datetime(2026, 11, 23, 20, 0, tzinfo=timezone(timedelta(hours=1)))


def test_json_has_the_apis_names_and_every_field() -> None:
    """A field without a value is null, and the user's own JSON is as it was."""
    result = {"snake_case": [None, {"x_y": 1}]}
    assert json_value(Item(AT, "a", result)) == {"dueAt": "2026-11-23T19:00:00Z", "from": "a", "result": result}
    assert json_value([Item(None, "b")]) == [{"dueAt": None, "from": "b", "result": None}]
    assert json_value(date(2026, 1, 2)) == "2026-01-02"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "yes"),
        (0, "0"),
        ("a\tb\n", "a\\tb\\n"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        ({"é": "\x1b"}, '{"é": "\\u001b"}'),
    ],
)
def test_a_cell_is_on_one_line(value: Any, shown: str) -> None:
    """So a table to a pipe has a line for each row."""
    assert cell(value) == shown


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON document a line, or a table; and how many there are."""
    items = [Item(None, "a"), Item(AT, "b")]
    columns = (("name", lambda item: item.from_), ("due", lambda item: item.due_at))
    assert write_list(items, columns, as_json=True) == 2
    assert [json.loads(line)["from"] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]
    assert write_list(items, columns, as_json=False) == 2
    assert capsys.readouterr().out == "name\tdue\na\t-\nb\t2026-11-23T19:00:00Z\n"
    assert write_list([], columns, as_json=True) == 0
    assert capsys.readouterr().out == ""


def test_one_result_leaves_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """But neither zero nor no."""
    write_one(None, {"a": None, "bb": 0, "c": False, "d": "", "e": {}}, as_json=False)
    assert capsys.readouterr().out == "bb  0\nc   no\n"
