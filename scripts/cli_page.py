"""The generated parts of docs/reference/cli.md, made from the commands themselves."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

import typer
from typer.main import get_command

from scripts.table import table
from whendue.cli import PROCESSES
from whendue.cli.application import app
from whendue.cli.failures import MEANINGS

WIDTH = 118
# Typer's own, and what every command has.
EVERYWHERE = {"--help", "--json", "--profile"}


def exit_codes() -> str:
    """List the exit codes."""
    return table(["code", "meaning"], [[f"`{code.value}`", meaning] for code, meaning in MEANINGS.items()])


def commands() -> str:
    """Describe each command: its arguments and options."""
    return "\n\n".join(_described(name, command) for name, command in each_command())


def each_command() -> Iterator[tuple[str, Any]]:
    """Yield the commands that talk to a deployment, by their whole names."""
    # As Any: the classes of commands are private to Typer.
    root: Any = get_command(app)
    for name, command in root.commands.items():
        if name in PROCESSES:
            continue
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {verb}", leaf) for verb, leaf in inner.items())


def _described(name: str, command: Any) -> str:
    text = " ".join(command.help.split())
    context = typer.Context(command, info_name=f"whendue {name}")
    shown = [parameter for parameter in command.params if not EVERYWHERE & set(parameter.opts)]
    rows = [_row(*parameter.get_help_record(context)) for parameter in shown]
    options = f"\n\n{table(['', 'meaning'], rows)}" if rows else ""
    return f"### whendue {name}\n\n{fill(text, WIDTH)}{options}"


def _row(names: str, meaning: str) -> list[str]:
    # A bar ends a cell of a table, in code, too.
    return [f"`{names}`".replace("|", "\\|"), " ".join(meaning.split()).replace("|", "\\|")]
