"""The commands of `whendue`, as they are registered."""

from collections.abc import Iterator, Sequence
from typing import Any

from typer.main import get_command

from whendue.cli.application import app


def each_command(command: Any, *words: str) -> Iterator[str]:
    """Yield the whole names of commands."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(words)
    else:
        for name, below in inner.items():
            yield from each_command(below, *words, name)


COMMANDS = frozenset(each_command(get_command(app)))


def name_in(arguments: Sequence[str]) -> str | None:
    """Return the command that arguments begin with."""
    return next((name for size in (2, 1) if (name := " ".join(arguments[:size])) in COMMANDS), None)
