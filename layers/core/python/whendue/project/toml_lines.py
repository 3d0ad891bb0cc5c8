"""On which line of a TOML file a key stands, for messages: tomllib does not remember."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_TABLE: Final = re.compile(r"\s*\[(?P<array>\[)?(?P<name>[^\[\]]+)\]")
_KEY: Final = re.compile(
    r"""\s*(?P<name>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART: Final = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
Path = tuple[str | int, ...]


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the line, from 1, of a key or table, or of the nearest one around it; None if there is none.

    It reads one line at a time, so text inside of a multi-line string may be taken for a key; that is good enough for a
    message.

    Args:
        text: of the file.
        path: of the value, as pydantic has it: names of tables and keys, numbers of items.
    """
    lines: dict[Path, int] = {}
    for found, number in _places(text):
        for length in range(1, len(found) + 1):
            lines.setdefault(found[:length], number)
    wanted = tuple(path)
    return next((lines[wanted[:length]] for length in range(len(wanted), 0, -1) if wanted[:length] in lines), None)


def _places(text: str) -> Iterator[tuple[Path, int]]:
    table: Path = ()
    items: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = _parts(header["name"])
            if header["array"]:
                item = items[table] = items.get(table, -1) + 1
                table = (*table, item)
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_parts(key["name"])), number


def _parts(name: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(name))
