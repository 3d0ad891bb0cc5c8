"""`whendue schedules backfill` and the commands that list and stop backfills."""

from itertools import islice
from typing import Annotated

import typer

from whendue.cli.commands.arguments import time_of
from whendue.cli.commands.changes.schedules import Name
from whendue.cli.commands.schedules import app
from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.failures import UsageProblemError
from whendue.cli.output import Column, write_list, write_one
from whendue.client import Backfill
from whendue.quotas import PAGE_MAX
from whendue.schedule_quotas import BACKFILL_FIRES

BackfillId = Annotated[str, typer.Argument(metavar="ID", help="Id of the backfill.")]
COLUMNS: tuple[Column[Backfill], ...] = (
    ("id", lambda backfill: backfill.id),
    ("state", lambda backfill: backfill.state),
    ("from", lambda backfill: backfill.from_),
    ("to", lambda backfill: backfill.to),
    ("created", lambda backfill: backfill.created_jobs),
    ("by", lambda backfill: backfill.by),
    ("reason", lambda backfill: backfill.reason),
    ("error", lambda backfill: backfill.error),
)


@app.command()
def backfill(
    name: Name,
    *,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="First nominal time, with its offset.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Last nominal time, with its offset.")],
    limit: Annotated[int, typer.Option(min=1, max=BACKFILL_FIRES, help="Maximum number of jobs.")] = BACKFILL_FIRES,
    force: Annotated[bool, typer.Option("--force", help="Also for fires that already had a job.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why, for those who look at the backfills.")] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create jobs for past fires that had none; it continues in the background."""
    first, last = time_of(start, "--from"), time_of(end, "--to")
    if first is None or last is None:
        raise UsageProblemError("--from and --to are required")
    with connect(profile) as client:
        _write(client.backfill_schedule(name, first, last, force=force, limit=limit, reason=reason), as_json=as_json)


@app.command()
def backfills(
    name: Name,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of backfills.")] = 50,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the backfills of a schedule, the newest first."""
    with connect(profile) as client:
        found = client.list_backfills(name, limit=min(limit, PAGE_MAX))
        write_list(islice(found, limit), COLUMNS, as_json=as_json)


@app.command("backfill-pause")
def pause(name: Name, backfill_id: BackfillId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Pause a backfill: it creates no further jobs until it is resumed."""
    with connect(profile) as client:
        _write(client.pause_backfill(name, backfill_id), as_json=as_json)


@app.command("backfill-resume")
def resume(name: Name, backfill_id: BackfillId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Continue a paused backfill."""
    with connect(profile) as client:
        _write(client.resume_backfill(name, backfill_id), as_json=as_json)


@app.command("backfill-cancel")
def cancel(name: Name, backfill_id: BackfillId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Cancel a backfill: it creates no further jobs; those that exist are not cancelled."""
    with connect(profile) as client:
        _write(client.cancel_backfill(name, backfill_id), as_json=as_json)


def _write(made: Backfill, *, as_json: bool) -> None:
    write_one(made, {title: value(made) for title, value in COLUMNS}, as_json=as_json)
