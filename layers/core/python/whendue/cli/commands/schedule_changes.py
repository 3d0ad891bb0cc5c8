"""`whendue schedules`: the commands that change a schedule, or run its job."""

from typing import Annotated

import typer

from whendue.cli.commands.arguments import json_of, tags_of
from whendue.cli.commands.jobs import Priority, write_job
from whendue.cli.commands.schedules import app
from whendue.cli.connection import JsonOption, ProfileOption, connect

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")]


@app.command()
def trigger(
    name: Name,
    *,
    payload: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Payload of this run; @FILE or @- reads it. Default: the template's."),
    ] = None,
    priority: Annotated[Priority | None, typer.Option(help="Queue of this run. Default: the template's.")] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A tag instead of the template's; may come again."),
    ] = None,
    idempotency_key: Annotated[str | None, typer.Option(metavar="KEY", help="Run once with this key.")] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the job or workflow of a schedule now; its fires are not affected."""
    given = None if payload is None else json_of(payload, "--payload")
    with connect(profile) as client:
        job = client.trigger_schedule(
            name, payload=given, priority=priority, tags=tags_of(tag), idempotency_key=idempotency_key
        )
    write_job(job, as_json=as_json)
