"""`whendue jobs`: the commands that reschedule and erase one job."""

import sys
from typing import Annotated

import typer

from whendue.cli.commands.arguments import end_of, time_of
from whendue.cli.commands.jobs import JobId, Priority, app, write_job
from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.failures import ExitCode, UsageProblemError
from whendue.cli.output import cell, write_json, write_line


@app.command()
def reschedule(
    job_id: JobId,
    *,
    due_at: Annotated[str | None, typer.Option(metavar="TIME", help="New due time, with its offset.")] = None,
    delay: Annotated[
        str | None, typer.Option(metavar="DURATION", help="New due time, counted from now: 90, 15m, PT15M.")
    ] = None,
    priority: Annotated[Priority | None, typer.Option(help="Queue that it moves to, one of these.")] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="Queue that it moves to, also one of your own; or --priority.")
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change when a job is due, its queue, or both, before its first attempt or between two attempts."""
    if due_at is not None and delay is not None:
        raise UsageProblemError("send --due-at or --delay, not both")
    if due_at is None and delay is None and priority is None and queue is None:
        raise UsageProblemError("give --due-at, --delay, --priority or --queue")
    due = time_of(due_at, "--due-at") if delay is None else end_of(delay, "--delay")
    with connect(profile) as client:
        write_job(client.update_job(job_id, due_at=due, priority=priority, queue=queue), as_json=as_json)


@app.command()
def erase(
    job_id: JobId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a job that has ended, with its payload, result, attempts and members."""
    if not yes:
        _ask(job_id)
    with connect(profile) as client:
        client.erase_job(job_id)
    if as_json:
        write_json({"id": job_id, "erased": True})
    else:
        write_line(f"{cell(job_id)} is erased")


def _ask(job_id: str) -> None:
    if not sys.stdin.isatty():
        raise UsageProblemError("an erased job is gone for good: add --yes")
    if not typer.confirm(f"erase {cell(job_id)} for good?", err=True):
        raise typer.Exit(ExitCode.NEGATIVE)
