"""`whendue dead-letters`: look at dead jobs by their error, and run them again."""

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.failures import ExitCode, UsageProblemError
from whendue.cli.output import Column, cell, messages, note, write_json, write_line, write_list
from whendue.client import Client, DeadLetterFilter, DeadLetterGroup, RedriveResult, TenantDeadLetters
from whendue.client.flows.bulk import summed

app = typer.Typer(name="dead-letters", no_args_is_help=True, help="Look at dead jobs by error, and run them again.")
Priority = Literal["critical", "high", "normal", "low"]
TypeOption = Annotated[str | None, typer.Option("--type", help="Only jobs of this task.")]
PriorityOption = Annotated[Priority | None, typer.Option(help="Only jobs of this priority.")]
QueueOption = Annotated[str | None, typer.Option(metavar="NAME", help="Only jobs in this queue, also one of your own.")]
# A request redrives up to 500 jobs in one answer; fewer show progress.
AT_ONCE = 100
COLUMNS: tuple[Column[DeadLetterGroup], ...] = (
    ("fingerprint", lambda group: group.fingerprint),
    ("jobs", lambda group: group.count),
    ("types", lambda group: ", ".join(group.types)),
    ("last", lambda group: group.last_at),
    ("error", lambda group: f"{group.error.type}: {group.error.message}"),
)


@app.command("list")
def list_(
    *,
    type_: TypeOption = None,
    priority: PriorityOption = None,
    queue: QueueOption = None,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Of each tenant; needs a token with the scope operator.")
    ] = False,
    fingerprint: Annotated[str | None, typer.Option(help="Only jobs with this error; with --all-tenants.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of groups, or of tenants.")] = 50,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Group dead jobs by their error, the largest group first."""
    if fingerprint is not None and not all_tenants:
        raise UsageProblemError("--fingerprint needs --all-tenants; jobs list --state dead --fingerprint has the jobs")
    with connect(profile) as client:
        if all_tenants:
            tenants = client.list_dead_letters_by_tenant(
                type=type_, priority=priority, queue=queue, fingerprint=fingerprint
            )
            _write_tenants(islice(tenants, limit), as_json=as_json)
            return
        groups = client.list_dead_letters(type=type_, priority=priority, queue=queue)
        write_list(islice(groups, limit), COLUMNS, as_json=as_json)


def _write_tenants(tenants: Iterable[TenantDeadLetters], *, as_json: bool) -> None:
    """Write a row for each group of each tenant; as JSON, a line for each tenant."""
    if as_json:
        write_list(tenants, (), as_json=True)
        return
    rows = ((found.tenant, group) for found in tenants for group in found.groups)
    columns = tuple((title, _of_group(value)) for title, value in COLUMNS)
    write_list(rows, (("tenant", lambda row: row[0]), *columns), as_json=False)


def _of_group(value: Callable[[DeadLetterGroup], object]) -> Callable[[tuple[str, DeadLetterGroup]], object]:
    """Return what shows a group's value in a row with its tenant."""
    return lambda row: value(row[1])


@app.command()
def redrive(
    *,
    type_: TypeOption = None,
    priority: PriorityOption = None,
    queue: QueueOption = None,
    fingerprint: Annotated[str | None, typer.Option(help="Only jobs with this error.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Maximum number of jobs that start per second.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run all dead jobs that match again; exit code 1 if one of them cannot be."""
    wanted = DeadLetterFilter(type=type_, priority=priority, queue=queue, fingerprint=fingerprint)
    with connect(profile) as client:
        found = client.redrive_all_dead_letters(wanted, dry_run=True)
        if dry_run or not found.matched:
            _write(found, as_json=as_json)
            return
        if not yes:
            _ask(found.matched)
        result = _redriven(client, wanted, rate, found.matched)
    _write(result, as_json=as_json)
    if result.failed:
        raise typer.Exit(ExitCode.NEGATIVE)


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise UsageProblemError(f"{count} jobs would run again: add --yes")
    if not typer.confirm(f"Run {count} dead jobs again?", err=True):
        raise typer.Exit(ExitCode.NEGATIVE)


def _redriven(client: Client, wanted: DeadLetterFilter, rate: float | None, total: int) -> RedriveResult:
    """Redrive all, with a bar on a terminal; return the sum.

    Args:
        client: of the deployment.
        wanted: which dead jobs.
        rate: maximum number of jobs that start per second.
        total: number of jobs that matched before.
    """
    parts: list[RedriveResult] = []
    try:
        with Progress(
            TextColumn("redriven"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=messages(),
            disable=not sys.stderr.isatty(),
        ) as bar:
            shown = bar.add_task("redriven", total=total)
            for part in _parts(client, wanted, rate):
                parts.append(part)
                bar.advance(shown, len(part.redriven) + len(part.failed))
    except BaseException:
        note(f"{sum(len(part.redriven) for part in parts)} jobs run again; run the command again for the others")
        raise
    return summed(parts)


def _parts(client: Client, wanted: DeadLetterFilter, rate: float | None) -> Iterator[RedriveResult]:
    """Yield the result of each request."""
    cursor: str | None = None
    while True:
        part = client.redrive_dead_letters(wanted, rate_per_second=rate, limit=AT_ONCE, cursor=cursor)
        yield part
        cursor = part.cursor
        if cursor is None:
            return


def _write(result: RedriveResult, *, as_json: bool) -> None:
    if as_json:
        write_json(result)
        return
    if result.dry_run:
        write_line(f"{result.matched} dead jobs match")
        return
    write_line(f"{len(result.redriven)} jobs run again, {len(result.failed)} failed")
    for failed in result.failed:
        write_line(f"{cell(failed.id)}: {cell(failed.problem.code)}: {cell(failed.problem.detail)}")
