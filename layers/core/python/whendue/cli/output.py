"""How results are written: JSON for programs, tables for people; to a pipe without colours and without cutting."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from whendue.cli.text import printable
from whendue.client.json_values import camel, time_text

T = TypeVar("T")
Column = tuple[str, Callable[[T], Any]]


def json_value(value: Any) -> Any:
    """Return a result as JSON, with the API's names; fields without a value are null, so each has the same fields."""
    if is_dataclass(value) and not isinstance(value, type):
        return {camel(item.name): json_value(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(part) for part in value]
    return value


def write_json(value: Any) -> None:
    """Write one JSON document on one line. ASCII, so that no encoding of a pipe can break it."""
    sys.stdout.write(f"{json.dumps(json_value(value))}\n")
    # A line of a list is read as soon as it is there.
    sys.stdout.flush()


def write_list(items: Iterable[T], columns: Sequence[Column[T]], *, as_json: bool) -> int:
    """Write a list: a JSON document a line, or a table; return how many items there are.

    Args:
        items: what to write; JSON is written as they come.
        columns: titles, and what stands below them.
        as_json: whether it is for a program.
    """
    if as_json:
        count = 0
        for count, item in enumerate(items, 1):  # noqa: B007 - the last number
            write_json(item)
        return count
    rows = [[cell(value(item)) for _, value in columns] for item in items]
    write_table([title for title, _ in columns], rows)
    return len(rows)


def write_one(item: Any, parts: Mapping[str, Any], *, as_json: bool) -> None:
    """Write one result: a JSON document, or its parts by name; parts that are None or empty are left out.

    Args:
        item: the result.
        parts: what people see of it.
        as_json: whether it is for a program.
    """
    if as_json:
        write_json(item)
        return
    shown = {name: cell(value) for name, value in parts.items() if value is not None and value not in ("", (), [], {})}
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        write_line(f"{name:<{width}}  {text}")


def write_block(title: str, value: Any) -> None:
    """Write a value that is too long for one line: its title, and indented JSON below it."""
    write_line(title)
    for line in json.dumps(json_value(value), ensure_ascii=False, indent=2).splitlines():
        write_line(f"  {printable(line)}")


def write_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table: on a terminal as wide as it is, else a line for each row with tabs, titles first."""
    if not sys.stdout.isatty():
        for row in [titles, *rows]:
            write_line("\t".join(row))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, title in enumerate(titles):
        # The first one is what a next command is given: it is copied whole.
        table.add_column(Text(title), overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def write_line(text: str) -> None:
    """Write a line; characters that standard output cannot encode are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")


def note(text: str) -> None:
    """Write a line for people on standard error."""
    sys.stderr.write(f"whendue: {printable(text)}\n")


def cell(value: Any) -> str:
    """Return a value as people read it, on one line."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, int | float):
        return str(value)
    return printable(json.dumps(json_value(value), ensure_ascii=False))


@cache
def messages() -> Console:
    """Return the console of progress, which is standard error: standard output has results alone."""
    return Console(stderr=True)
