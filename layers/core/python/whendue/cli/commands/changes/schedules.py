"""`whendue schedules`: the commands that read and change one schedule, or run its job."""

from typing import Annotated

import typer

from whendue.cli.commands.arguments import end_of, file_text, json_of, parsed, tags_of, time_of
from whendue.cli.commands.jobs import Priority, write_job
from whendue.cli.commands.schedules import app
from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.failures import UsageProblemError
from whendue.cli.output import cell, write_json, write_line, write_one
from whendue.client import Schedule

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")]


@app.command()
def trigger(
    name: Name,
    *,
    payload: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Payload of this run; @FILE or @- reads it. Default: the template's."),
    ] = None,
    priority: Annotated[Priority | None, typer.Option(help="Queue of this run, one of these.")] = None,
    queue: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Queue of this run. Default: the template's."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A tag instead of the template's; may come again."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for those who look at the fires.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(metavar="KEY", help="Run once with this key.")] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the job or workflow of a schedule now; its fires are not affected."""
    given = None if payload is None else json_of(payload, "--payload")
    with connect(profile) as client:
        job = client.trigger_schedule(
            name,
            payload=given,
            priority=priority,
            queue=queue,
            tags=tags_of(tag),
            reason=reason,
            idempotency_key=idempotency_key,
        )
    write_job(job, as_json=as_json)


@app.command()
def get(name: Name, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Get a schedule; with --json in the form that `put` takes."""
    with connect(profile) as client:
        _write(client.get_schedule(name), as_json=as_json)


@app.command()
def put(
    name: Name,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The schedule as JSON; - is standard input.")],
    *,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create or replace a schedule; what `get --json` writes changes nothing."""
    schedule = parsed(file_text(file), file)
    if not isinstance(schedule, dict):
        raise UsageProblemError(f"{file} must have one schedule, a JSON object")
    with connect(profile) as client:
        _write(client.put_schedule(name, schedule), as_json=as_json)


@app.command()
def pause(
    name: Name,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for those who find it paused.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="When it fires again, with its offset.")] = None,
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long. Default: until it is resumed.")
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pause a schedule: its fires are skipped, until a time or until it is resumed."""
    if until is not None and lasting is not None:
        raise UsageProblemError("send --until or --for, not both")
    end = time_of(until, "--until") if lasting is None else end_of(lasting, "--for")
    with connect(profile) as client:
        _write(client.pause_schedule(name, reason=reason, until=end), as_json=as_json)


@app.command()
def resume(name: Name, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Let a schedule fire again from now on."""
    with connect(profile) as client:
        _write(client.resume_schedule(name), as_json=as_json)


@app.command()
def delete(name: Name, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Delete a schedule."""
    with connect(profile) as client:
        client.delete_schedule(name)
    if as_json:
        write_json({"name": name, "deleted": True})
    else:
        write_line(f"{cell(name)} is deleted")


def _write(schedule: Schedule, *, as_json: bool) -> None:
    parts = {
        "name": schedule.name,
        "state": schedule.state,
        "fires": schedule.cron or schedule.crons or schedule.every or schedule.at,
        "timezone": schedule.timezone,
        "next": schedule.next_at,
        "remaining runs": schedule.remaining_runs,
        "paused by": schedule.paused and schedule.paused.by,
        "reason": schedule.paused and schedule.paused.reason,
        "until": schedule.paused and schedule.paused.until,
        "error": schedule.last_error,
    }
    write_one(schedule, parts, as_json=as_json)
