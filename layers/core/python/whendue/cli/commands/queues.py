"""`whendue queues`: how full the queues are, pause and resume."""

from typing import Annotated

import typer

from whendue.cli.commands.arguments import end_of
from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.output import Column, cell, write_json, write_line, write_list, write_one
from whendue.client import Queue

app = typer.Typer(name="queues", no_args_is_help=True, help="How full the queues are; pause and resume.")
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Such as normal, or one of your own."),
]
COLUMNS: tuple[Column[Queue], ...] = (
    ("name", lambda queue: queue.name),
    ("waiting", lambda queue: queue.depth),
    ("in flight", lambda queue: queue.in_flight),
    ("delayed", lambda queue: queue.delayed),
    ("oldest due", lambda queue: queue.oldest_due_at),
    ("longest", lambda queue: queue.timeout_seconds),
    ("weight", lambda queue: queue.weight),
    ("paused", lambda queue: queue.paused and (queue.paused.reason or "yes")),
)


@app.command("list")
def list_(*, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """List the queues with their depth, age and pause; numbers need the scope `operator`."""
    with connect(profile) as client:
        write_list(client.list_queues(), COLUMNS, as_json=as_json)


@app.command()
def pause(
    name: Name,
    *,
    reason: Annotated[str, typer.Option(help="Why, for those who find it paused.")],
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long. Default: until it is resumed.")
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pause a queue for all tenants; running jobs end."""
    until = None if lasting is None else end_of(lasting, "--for")
    with connect(profile) as client:
        made = client.pause_queue(name, reason, expires_at=until)
    parts = {"queue": name, "reason": made.reason, "since": made.since, "until": made.expires_at}
    write_one(made, parts, as_json=as_json)


@app.command()
def resume(name: Name, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Resume a queue."""
    with connect(profile) as client:
        client.resume_queue(name)
    if as_json:
        write_json({"name": name, "paused": None})
    else:
        write_line(f"{cell(name)} is resumed")
