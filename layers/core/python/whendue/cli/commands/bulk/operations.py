"""`whendue operations`: change many jobs with one request, watch how far it is, cancel and undo it."""

import sys
from functools import partial
from itertools import islice
from typing import Annotated, Literal

import typer

from whendue.cli.commands.arguments import seconds_of, tags_of, time_of
from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.failures import ExitCode, UsageProblemError
from whendue.cli.output import Column, cell, write_line, write_list, write_one
from whendue.client import BulkOperation, JobFilter
from whendue.client.json_values import time_text
from whendue.quotas import PAGE_MAX

app = typer.Typer(
    name="operations", no_args_is_help=True, help="Cancel, redrive, move or delete many jobs with one request."
)
Action = Literal["cancel", "redrive", "reprioritise", "reschedule", "delete"]
State = Literal["scheduled", "queued", "waiting", "running", "succeeded", "dead", "cancelled", "expired"]
OperationState = Literal["running", "finished", "cancelled"]
Priority = Literal["critical", "high", "normal", "low"]
OperationId = Annotated[str, typer.Argument(metavar="ID", help="Id of the operation.")]
TagsOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Only jobs with this tag; repeatable.")
]
AfterOption = Annotated[
    str | None, typer.Option("--created-after", metavar="TIME", help="Only jobs submitted then or later.")
]
BeforeOption = Annotated[
    str | None, typer.Option("--created-before", metavar="TIME", help="Only jobs submitted before.")
]
AtOption = Annotated[str | None, typer.Option(metavar="TIME", help="The new due time, of reschedule, with its offset.")]
DelayOption = Annotated[
    str | None, typer.Option(metavar="DURATION", help="The new due time, from now, instead of --at.")
]
ToQueueOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="The new queue, of reprioritise; or --to-priority.")
]


def _progress(operation: BulkOperation) -> str:
    """Say how far an operation is: of how many jobs, or down to which time."""
    come_to = operation.counts.matched + operation.counts.failed
    if operation.counts.total is not None:
        return f"{come_to} of {operation.counts.total}"
    if operation.scanned_through is None:
        return str(come_to)
    return f"{come_to}, down to {time_text(operation.scanned_through)}"


def _selection(operation: BulkOperation) -> object:
    """Say which jobs were selected."""
    if operation.id_count is not None:
        return f"{operation.id_count} ids"
    if operation.undoes is not None:
        return f"jobs of {operation.undoes}"
    return operation.filter or "all"


COLUMNS: tuple[Column[BulkOperation], ...] = (
    ("id", lambda operation: operation.id),
    ("action", lambda operation: operation.action),
    ("state", lambda operation: operation.state),
    ("progress", _progress),
    ("matched", lambda operation: operation.counts.matched),
    ("changed", lambda operation: operation.counts.changed),
    ("failed", lambda operation: operation.counts.failed),
    ("rate", lambda operation: operation.rate_per_second),
    ("filter", _selection),
    ("by", lambda operation: operation.by),
    ("begun", lambda operation: operation.created_at),
    ("ended", lambda operation: operation.ended_at),
)
# What else there is about one.
MORE: tuple[Column[BulkOperation], ...] = (
    ("limit", lambda operation: operation.limit),
    ("priority", lambda operation: operation.priority),
    ("queue", lambda operation: operation.queue),
    ("due", lambda operation: operation.due_at),
    ("cancelled by", lambda operation: operation.cancelled_by),
)


@app.command()
def start(
    action: Annotated[Action, typer.Argument(help="What is done with each job.")],
    *,
    ids: Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="This job; repeatable.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All jobs that the action applies to.")] = False,
    state: Annotated[State | None, typer.Option(help="Only jobs in this state.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only jobs of this task.")] = None,
    priority: Annotated[Priority | None, typer.Option(help="Only jobs of this priority.")] = None,
    queue: Annotated[str | None, typer.Option(metavar="NAME", help="Only jobs in this queue; or --priority.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="Only jobs with this error.")] = None,
    tag: TagsOption = None,
    schedule: Annotated[str | None, typer.Option(help="Only jobs of this schedule.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only jobs of the workflow with this id.")] = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    finished_after: Annotated[str | None, typer.Option(metavar="TIME", help="Only jobs that ended since then.")] = None,
    finished_before: Annotated[str | None, typer.Option(metavar="TIME", help="Only jobs that ended before.")] = None,
    to_priority: Annotated[Priority | None, typer.Option(help="The new priority, of reprioritise.")] = None,
    to_queue: ToQueueOption = None,
    at: AtOption = None,
    delay: DelayOption = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Maximum number of jobs per second.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number of jobs.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key is the same operation.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change many jobs; it continues in the background. With --wait, exit code 1 if a job could not be changed."""
    wanted = JobFilter(
        state=state,
        type=type_,
        priority=priority,
        queue=queue,
        fingerprint=fingerprint,
        tags=tags_of(tag),
        schedule=schedule,
        workflow=workflow,
        created_after=time_of(after, "--created-after"),
        created_before=time_of(before, "--created-before"),
        finished_after=time_of(finished_after, "--finished-after"),
        finished_before=time_of(finished_before, "--finished-before"),
    )
    _check_selected_once(wanted, ids, every=every)
    with connect(profile) as client:
        send = partial(
            client.start_operation,
            action,
            None if wanted == JobFilter() else wanted,
            ids=ids,
            all_jobs=every,
            priority=to_priority,
            queue=to_queue,
            due_at=time_of(at, "--at"),
            delay_seconds=None if delay is None else seconds_of(delay, "--delay"),
            rate_per_second=rate,
            limit=limit,
        )
        if dry_run or not yes:
            found = send(dry_run=True)
            if dry_run:
                _write(found, as_json=as_json)
                return
            _ask(action, found)
        made = send(idempotency_key=idempotency_key)
        made = client.wait_for_operation(made.id) if wait and made.id else made
    _conclude(made, waited=wait, as_json=as_json)


def _check_selected_once(wanted: JobFilter, ids: list[str] | None, *, every: bool) -> None:
    if (wanted != JobFilter()) + bool(ids) + every != 1:
        raise UsageProblemError("give one of --id, --all and the options that select jobs, such as --state and --type")


def _ask(action: str, found: BulkOperation) -> None:
    count = _count(found)
    if not sys.stdin.isatty():
        raise UsageProblemError(f"{action}: {count}: add --yes")
    if not typer.confirm(f"{action}: {count}?", err=True):
        raise typer.Exit(ExitCode.NEGATIVE)


def _count(found: BulkOperation) -> str:
    """Say what a dry run has counted."""
    text = f"{found.counts.matched} jobs match" + ("" if found.exact else ", or more")
    return text + (f", and {found.counts.failed} cannot be changed" if found.counts.failed else "")


@app.command("list")
def list_(
    *,
    state: Annotated[OperationState | None, typer.Option(help="Only operations in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of operations.")] = 50,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the bulk operations, the newest first."""
    with connect(profile) as client:
        found = client.list_operations(state=state, limit=min(limit, PAGE_MAX))
        write_list(islice(found, limit), COLUMNS, as_json=as_json)


@app.command()
def get(operation_id: OperationId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Show a bulk operation, how far it is, and jobs that it could not change."""
    with connect(profile) as client:
        _write(client.get_operation(operation_id), as_json=as_json)


@app.command()
def cancel(operation_id: OperationId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Cancel a bulk operation: it changes no further jobs; what is changed stays."""
    with connect(profile) as client:
        _write(client.cancel_operation(operation_id), as_json=as_json)


@app.command()
def undo(operation_id: OperationId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Undo a redrive: end the jobs that have not begun, as they had ended before; exit code 1 if some had."""
    with connect(profile) as client:
        undoing = client.undo_operation(operation_id)
    _conclude(undoing, waited=True, as_json=as_json)


def _conclude(operation: BulkOperation, *, waited: bool, as_json: bool) -> None:
    """Write an operation; of one that was waited for, a job that could not be changed decides the exit code."""
    _write(operation, as_json=as_json)
    if waited and operation.counts.failed:
        raise typer.Exit(ExitCode.NEGATIVE)


def _write(operation: BulkOperation, *, as_json: bool) -> None:
    if operation.dry_run and not as_json:
        write_line(_count(operation))
        return
    write_one(operation, {title: value(operation) for title, value in (*COLUMNS, *MORE)}, as_json=as_json)
    if as_json:
        return
    for failed in operation.failures:
        write_line(f"{cell(failed.id)}: {cell(failed.problem.code)}: {cell(failed.problem.detail)}")
