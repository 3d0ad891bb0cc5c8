"""The commands of `whendue`, and the one place where an error becomes an exit code."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from whendue.cli import PROCESSES
from whendue.cli.commands import backfills, dead_letters, pauses, profiles, queues, tasks, workflows
from whendue.cli.commands.bulk import operations
from whendue.cli.commands.changes import jobs
from whendue.cli.commands.doctor import doctor
from whendue.cli.commands.project import build, dev, new, terraform
from whendue.cli.commands.token import token
from whendue.cli.failures import ExitCode, description, exit_code
from whendue.cli.output import note
from whendue.version import VERSION


class Commands(TyperGroup):
    """The root of all commands."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; an error of it is a line on standard error and an exit code, never a traceback."""
        try:
            result = super().invoke(ctx)
            # A reader that has gone is noticed here and not when Python ends.
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.CLOSED_PIPE) from None
        except (KeyboardInterrupt, typer.Abort):
            # Typer makes the second of the first while it asks a question.
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except (typer.Exit, typer.TyperException) as error:
            raise error from None
        except Exception as error:  # noqa: BLE001 - a user gets no traceback, whatever it is
            note(description(error))
            raise typer.Exit(exit_code(error)) from None
        return result


app = typer.Typer(
    cls=Commands,
    name="whendue",
    no_args_is_help=True,
    # Plain help, the same on a terminal, in a pipe and in docs/reference/cli.md.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Submit jobs and look after a deployment of whendue.",
    epilog="Exit codes, JSON and the configuration file: docs/reference/cli.md.",
)
for group in (jobs, backfills, workflows, dead_letters, operations, tasks, pauses, queues, profiles):
    app.add_typer(group.app)
app.command()(token)
app.command()(doctor)
app.command()(new)
app.command()(dev)
app.command()(build)
app.command()(terraform)


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments; return the exit code."""
    try:
        app(list(arguments), prog_name="whendue")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(ExitCode.INTERNAL)
    return int(ExitCode.OK)


def _version(*, wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"{VERSION}\n")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=lambda wanted: _version(wanted=wanted), is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Submit jobs and look after a deployment of whendue."""


def _process(name: str) -> Callable[[typer.Context], None]:
    def process(context: typer.Context) -> None:
        # Its imports are those of a worker.
        from whendue.cli import processes

        raise typer.Exit(processes.main([name, *context.args]))

    return process


# `main` runs them before Typer is imported; here they are listed and completed.
for each, what in PROCESSES.items():
    app.command(
        each,
        help=f"{what[0].upper()}{what[1:]}.",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )(_process(each))
