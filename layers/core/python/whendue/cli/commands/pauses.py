"""`whendue pauses`: pause and resume one's own tenant, or one of its task types."""

from typing import Annotated

import typer

from whendue.cli.commands.arguments import end_of
from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.output import Column, cell, write_json, write_line, write_list, write_one
from whendue.client import TenantPause

app = typer.Typer(name="pauses", no_args_is_help=True, help="Pauses of your tenant, and of its task types.")
TypeOption = Annotated[str | None, typer.Option("--type", metavar="TASK", help="Default: all jobs of the tenant.")]
COLUMNS: tuple[Column[TenantPause], ...] = (
    ("type", lambda pause: pause.type or "all"),
    ("reason", lambda pause: pause.reason),
    ("by", lambda pause: pause.by),
    ("since", lambda pause: pause.since),
    ("until", lambda pause: pause.expires_at),
)


@app.command("list")
def list_(*, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """List the pauses of the tenant."""
    with connect(profile) as client:
        write_list(client.list_pauses(), COLUMNS, as_json=as_json)


@app.command()
def pause(
    *,
    reason: Annotated[str, typer.Option(help="Why, for those who find it paused.")],
    kind: TypeOption = None,
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long. Default: until it is resumed.")
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pause the tenant, or one of its task types; running jobs end. It needs the scope `admin`."""
    until = None if lasting is None else end_of(lasting, "--for")
    with connect(profile) as client:
        made = client.pause_tenant(reason, type=kind, expires_at=until)
    parts = {"type": made.type or "all", "reason": made.reason, "since": made.since, "until": made.expires_at}
    write_one(made, parts, as_json=as_json)


@app.command()
def resume(*, kind: TypeOption = None, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Resume the tenant, or one of its task types. It needs the scope `admin`."""
    with connect(profile) as client:
        if kind is None:
            client.resume_tenant()
        else:
            client.resume_task_type(kind)
    if as_json:
        write_json({"type": kind, "paused": None})
    else:
        write_line(f"{cell(kind or 'the tenant')} is resumed")
