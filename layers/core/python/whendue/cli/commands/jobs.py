"""`whendue jobs`: submit, look at, watch, cancel and redrive jobs, and read their histories and logs."""

from itertools import islice
from typing import Annotated, Literal

import typer

from whendue.cli.commands.arguments import expiry_of, json_of, seconds_of, tags_of, time_of
from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.failures import ExitCode, UsageProblemError
from whendue.cli.output import Column, cell, note, write_json, write_line, write_list, write_one
from whendue.client import AttemptLog, Client, Job, JobEvent, NewJob, Unique
from whendue.client.flows.waiting import wait_until
from whendue.client.models.jobs import JobWithTimeline
from whendue.client.requests.jobs import get_job
from whendue.quotas import PAGE_MAX

app = typer.Typer(name="jobs", no_args_is_help=True, help="Submit, look at, watch, cancel and redrive jobs.")
Priority = Literal["critical", "high", "normal", "low"]
Scope = Literal["pending", "running", "until_success", "for_seconds"]
OnConflict = Literal["return", "reject", "replace", "postpone"]
UniqueByOption = Annotated[
    list[str] | None, typer.Option(metavar="PATH", help="A place in the payload that makes the key; may come again.")
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job.")]
LIMIT = 50
COLUMNS: tuple[Column[Job], ...] = (
    ("id", lambda job: job.id),
    ("type", lambda job: job.type),
    ("state", lambda job: job.state),
    ("queue", lambda job: job.queue or job.priority),
    ("attempt", lambda job: f"{job.attempt}/{job.max_attempts}"),
    ("due", lambda job: job.due_at),
    ("expires", lambda job: job.expires_at),
    ("error", lambda job: job.error and f"{job.error.type}: {job.error.message}"),
)


def _detail(event: JobEvent) -> str | None:
    """Say in a few words what an event has beyond its type, time and who asked for it."""
    parts = (
        event.attempt and f"attempt {event.attempt}",
        event.error and f"{event.error.type}: {event.error.message}",
        event.due_at and f"due {cell(event.due_at)}",
        event.previous_due_at and f"before {cell(event.previous_due_at)}",
        event.priority and f"priority {event.priority}, before {event.previous_priority}",
        event.workers and f"{event.workers} workers",
        event.operation_id and f"operation {event.operation_id}",
        event.expires_at and f"no attempt begins from {cell(event.expires_at)} on",
    )
    return ", ".join(part for part in parts if part) or None


EVENT_COLUMNS: tuple[Column[JobEvent], ...] = (
    ("at", lambda event: event.at),
    ("event", lambda event: event.type),
    ("by", lambda event: event.by),
    ("detail", _detail),
)


@app.command()
def submit(
    *,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="Name of the task.")],
    payload: Annotated[
        str, typer.Option(metavar="JSON", help="Payload as JSON; @FILE or @- reads it. Default: {}.")
    ] = "{}",
    delay: Annotated[str | None, typer.Option(metavar="DURATION", help="Wait before it runs: 90, 15m, PT15M.")] = None,
    due_at: Annotated[str | None, typer.Option(metavar="TIME", help="Earliest time, with its offset.")] = None,
    expires: Annotated[
        str | None,
        typer.Option(metavar="DURATION|TIME", help="Do not begin it this long after it is due, or from this time on."),
    ] = None,
    unique: Annotated[
        str | None, typer.Option(metavar="KEY", help="Key that one job of this task holds at a time.")
    ] = None,
    unique_by: UniqueByOption = None,
    unique_scope: Annotated[
        Scope | None, typer.Option(help="How long it holds the key; with --unique-for: for_seconds.")
    ] = None,
    unique_for: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Hold the key for this long, even if it ends.")
    ] = None,
    on_conflict: Annotated[OnConflict | None, typer.Option(help="If another job holds the key.")] = None,
    max_wait: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Longest wait of --on-conflict postpone.")
    ] = None,
    priority: Annotated[Priority | None, typer.Option(help="Queue that it goes to, one of these.")] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="Queue that it goes to, also one of your own; or --priority.")
    ] = None,
    job_profile: Annotated[str | None, typer.Option(metavar="NAME", help="Profile of its policy.")] = None,
    retries: Annotated[int | None, typer.Option(min=0, help="Maximum number of attempts after the first.")] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A label; may come again.")] = None,
    depends_on: Annotated[list[str] | None, typer.Option(metavar="ID", help="Job that must succeed first.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(metavar="KEY", help="Submit once with this key.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Watch it until it has ended, and write its result.")] = False,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long --wait waits.")] = "5m",
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a job."""
    expires_at, expires_seconds = expiry_of(expires, "--expires")
    job = NewJob(
        type_,
        json_of(payload, "--payload"),
        delay_seconds=None if delay is None else seconds_of(delay, "--delay"),
        due_at=time_of(due_at, "--due-at"),
        expires_at=expires_at,
        expires_seconds=expires_seconds,
        priority=priority,
        queue=queue,
        profile=job_profile,
        retries=retries,
        tags=tags_of(tag),
        depends_on=depends_on or None,
        unique=_unique(unique, unique_by, unique_scope, unique_for, on_conflict, max_wait),
    )
    timeout_s = seconds_of(timeout, "--timeout")
    with connect(profile) as client:
        made = client.submit_job(job, idempotency_key=idempotency_key)
        if wait:
            _watch(client, made.id, timeout_s, as_json=as_json)
            return
    write_job(made, as_json=as_json, outcome=None if made.outcome == "created" else made.outcome)


def _unique(
    key: str | None,
    paths: list[str] | None,
    scope: Scope | None,
    for_: str | None,
    on_conflict: OnConflict | None,
    max_wait: str | None,
) -> Unique | None:
    """Return the unique key of a job.

    Raises:
        UsageProblemError: there is something about a key, but no key.
    """
    if key is None and not paths:
        if scope or for_ or on_conflict or max_wait:
            raise UsageProblemError(
                "--unique-scope, --unique-for, --on-conflict and --max-wait need --unique or --unique-by"
            )
        return None
    return Unique(
        key=key,
        by_payload=paths or None,
        scope="for_seconds" if for_ and scope is None else scope,
        for_seconds=None if for_ is None else seconds_of(for_, "--unique-for"),
        on_conflict=on_conflict,
        max_wait_seconds=None if max_wait is None else seconds_of(max_wait, "--max-wait"),
    )


@app.command()
def holder(
    *,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="Name of the task.")],
    unique: Annotated[str | None, typer.Option(metavar="KEY", help="The key; otherwise that of the task.")] = None,
    unique_by: UniqueByOption = None,
    payload: Annotated[
        str, typer.Option(metavar="JSON", help="Payload that the key is made of; @FILE or @- reads it. Default: {}.")
    ] = "{}",
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the job that holds a unique key; exit code 1 if none does."""
    key = _unique(unique, unique_by, None, None, None, None)
    with connect(profile) as client:
        found = client.find_unique_holder(type_, key, json_of(payload, "--payload"))
    if found.job is None:
        note("no job holds this key")
        raise typer.Exit(ExitCode.NEGATIVE)
    write_job(found.job, as_json=as_json)


@app.command()
def get(job_id: JobId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Get a job with its payload, result and attempts."""
    with connect(profile) as client:
        job = client.get_job(job_id)
    attempts = [
        f"{attempt.attempt} {attempt.state}" + (f" ({attempt.error.type})" if attempt.error else "")
        for attempt in job.attempts
    ]
    write_job(job, as_json=as_json, payload=job.payload, attempts=", ".join(attempts))


@app.command("list")
def list_(
    *,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only jobs of this task.")] = None,
    queue: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only jobs in this queue, also one of your own.")
    ] = None,
    priority: Annotated[Priority | None, typer.Option(help="Only jobs of this priority.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="Only jobs whose last error has this fingerprint.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Only jobs with this tag; may come again.")
    ] = None,
    schedule: Annotated[str | None, typer.Option(help="Only jobs of this schedule.")] = None,
    workflow: Annotated[str | None, typer.Option(metavar="ID", help="Only jobs of this workflow or forEach.")] = None,
    created_after: Annotated[str | None, typer.Option(metavar="TIME", help="Only jobs submitted since then.")] = None,
    created_before: Annotated[str | None, typer.Option(metavar="TIME", help="Only jobs submitted before.")] = None,
    finished_after: Annotated[str | None, typer.Option(metavar="TIME", help="Only jobs that ended since then.")] = None,
    finished_before: Annotated[str | None, typer.Option(metavar="TIME", help="Only jobs that ended before.")] = None,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="List the oldest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of jobs.")] = LIMIT,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, the newest first; with `--state dead` by the time of their end."""
    with connect(profile) as client:
        found = client.list_jobs(
            state=state,
            type=type_,
            queue=queue,
            priority=priority,
            fingerprint=fingerprint,
            tags=tags_of(tag),
            schedule=schedule,
            workflow=workflow,
            created_after=time_of(created_after, "--created-after"),
            created_before=time_of(created_before, "--created-before"),
            finished_after=time_of(finished_after, "--finished-after"),
            finished_before=time_of(finished_before, "--finished-before"),
            order="oldest" if oldest_first else None,
            limit=min(limit, PAGE_MAX),
        )
        write_list(islice(found, limit), COLUMNS, as_json=as_json)


@app.command()
def watch(
    job_id: JobId,
    *,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long to wait.")] = "5m",
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write each change of a job until it has ended, and its result; exit code 1 if it did not succeed."""
    timeout_s = seconds_of(timeout, "--timeout")
    with connect(profile) as client:
        _watch(client, job_id, timeout_s, as_json=as_json)


@app.command()
def cancel(job_id: JobId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Cancel a job. A running one is asked to stop: watch it."""
    with connect(profile) as client:
        write_job(client.cancel_job(job_id), as_json=as_json)


@app.command()
def redrive(job_id: JobId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Run a dead, cancelled or expired job again."""
    with connect(profile) as client:
        write_job(client.redrive_job(job_id), as_json=as_json)


@app.command()
def explain(job_id: JobId, *, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Explain why a job has not run yet, or why it ended."""
    with connect(profile) as client:
        explanation = client.explain_job(job_id)
    if as_json:
        write_json(explanation)
        return
    write_line(f"{explanation.id} is {cell(explanation.state)}")
    for reason in explanation.reasons:
        write_line(f"{cell(reason.code)}: {cell(reason.text)}")


@app.command()
def history(
    job_id: JobId,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of events, the latest ones.")] = LIMIT,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what happened to a job, the oldest first."""
    with connect(profile) as client:
        latest = list(islice(client.list_job_events(job_id, limit=min(limit, PAGE_MAX)), limit))
    write_list(reversed(latest), EVENT_COLUMNS, as_json=as_json)


@app.command()
def logs(
    job_id: JobId,
    *,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only attempts of this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX, help="Maximum number of attempts, the latest ones.")] = 20,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what the attempts of a job have logged, the oldest first."""
    with connect(profile) as client:
        latest = list(islice(client.list_job_logs(job_id, attempt=attempt), limit))
    if not latest:
        note("no attempt of the job has logged anything")
    for log in reversed(latest):
        if as_json:
            write_json(log)
        else:
            _write_log(log)


def _write_log(log: AttemptLog) -> None:
    write_line(f"attempt {log.attempt}, {cell(log.started_at)} to {cell(log.ended_at)}")
    for number, line in enumerate(log.lines):
        if number == log.dropped_after:
            write_line(f"  ({log.dropped} lines were not kept)")
        first, *more = line.message.splitlines() or [""]
        write_line(f"  {cell(line.at)} {cell(line.level)} {cell(line.logger)}: {cell(first)}")
        for each in more:
            write_line(f"    {cell(each)}")
    if log.dropped_after == len(log.lines):
        write_line(f"  ({log.dropped} lines were not kept)")


def _watch(client: Client, job_id: str, timeout_s: int, *, as_json: bool) -> None:
    """Write a job when it has changed, until it has ended.

    Raises:
        typer.Exit: it did not succeed.
        WaitTimeoutError: it has not ended in time.
    """
    seen: list[tuple[object, ...]] = []

    def written(job: JobWithTimeline) -> bool:
        now = (job.state, job.attempt, job.progress, job.cancel_requested)
        if now not in seen[-1:]:
            seen.append(now)
            if as_json:
                write_json(job)
            else:
                progress = "" if job.progress is None else f" {cell(job.progress)}"
                failed = f" {cell(job.error.type)}: {cell(job.error.message)}" if job.error else ""
                write_line(f"{job.id} {cell(job.state)} {job.attempt}/{job.max_attempts}{progress}{failed}")
        return job.ended

    job = client.run(wait_until(lambda _: get_job(job_id), written, timeout_s))
    if not as_json and (result := _result(job)) is not None:
        write_line(f"result: {cell(result)}")
    if job.state != "succeeded":
        raise typer.Exit(ExitCode.NEGATIVE)


def _result(job: Job) -> object:
    """Return a job's result; of one that is too large to be shown with the job, where it is."""
    if isinstance(job, JobWithTimeline) and job.result_url:
        return f"{job.result_bytes} bytes at {job.result_url}"
    return job.result


def write_job(job: Job, *, as_json: bool, **more: object) -> None:
    """Write a job; `more` are further parts that people see of it, by name."""
    parts = {
        "id": job.id,
        "type": job.type,
        "state": job.state,
        "queue": job.queue or job.priority,
        "profile": job.profile,
        "attempt": f"{job.attempt}/{job.max_attempts}",
        "due": job.due_at,
        "expires": job.expires_at,
        "unique": job.unique and f"{job.unique.scope}, {'held' if job.unique.held else 'not held any more'}",
        "created": job.created_at,
        "started": job.started_at,
        "finished": job.finished_at,
        "tags": job.tags,
        "cancel requested": job.cancel_requested or None,
        "replayed": job.replayed or None,
        "error": job.error and f"{job.error.type}: {job.error.message}",
        "progress": job.progress,
        "result": _result(job),
    }
    write_one(job, parts | more, as_json=as_json)
