"""`whendue new` and `whendue dev`: a project of one's own on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from whendue.cli.connection import JsonOption
from whendue.cli.failures import UsageProblemError
from whendue.cli.output import write_json, write_line
from whendue.project.scaffold import create


def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Is made; its last part is the project's name.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Write a small project into a new or empty folder: a task, its test, settings and a README."""
    files = create(folder)
    if as_json:
        write_json({"folder": str(folder), "files": [str(path) for path in files]})
        return
    for path in files:
        write_line(str(folder / path))
    write_line(f"Next: cd {folder} && whendue dev")


def dev(
    *,
    folder: Annotated[Path, typer.Option(metavar="PATH", help="The project's folder.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Run the whole stack for a project until Ctrl-C: emulator, API with its docs page, worker and timer.

    It prints an address, a token and a first request, then what all processes print. Changed code is at work in about
    a second, and jobs that run go on to their end.
    """
    try:
        # The extra `dev`, of which most commands need nothing.
        from whendue.project import dev as stack
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("whendue"):
            raise
        raise UsageProblemError(f"whendue dev needs {error.name}: install whendue[dev]") from None
    from whendue.project.stream import Stream

    raise typer.Exit(stack.run(folder, Stream(as_json=as_json)))
