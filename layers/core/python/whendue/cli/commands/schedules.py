"""`whendue schedules`: list and preview schedules, and review a file of them before it is put."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Final, Literal

import typer

from whendue.cli.commands.arguments import file_text, seconds_of, time_of
from whendue.cli.connection import JsonOption, ProfileOption, connect
from whendue.cli.failures import ExitCode, UsageProblemError
from whendue.cli.output import Column, cell, json_value, write_json, write_line, write_list
from whendue.cli.plans.comparison import Difference, Window, crowds, differences, fires_of, oddities
from whendue.cli.plans.definitions import InvalidPlansError, Plan, documents, plans_of
from whendue.client import Fire, Schedule, UpcomingFire
from whendue.quotas import HORIZON_S, PAGE_MAX
from whendue.schedule_quotas import BACKFILL_FIRES, PREVIEW_FIRES, SCHEDULES_PER_TENANT
from whendue.schedules.calendar.recurrence import local
from whendue.support.clock import system_clock
from whendue.support.timestamps import to_timestamp

app = typer.Typer(name="schedules", no_args_is_help=True, help="Look at, change and review schedules.")
Outcome = Literal["ran", "skipped", "caught_up", "missed", "triggered"]
FromOption = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Start of the window. Default: now.")]
LastingOption = Annotated[str, typer.Option("--for", metavar="DURATION", help="Length of the window, up to 366d.")]
CrowdOption = Annotated[int, typer.Option(min=2, help="Number of fires from which a minute counts as crowded.")]
COLUMNS: tuple[Column[Schedule], ...] = (
    ("name", lambda schedule: schedule.name),
    ("state", lambda schedule: schedule.state),
    ("fires", lambda schedule: schedule.cron or schedule.crons or schedule.every or schedule.at),
    ("timezone", lambda schedule: schedule.timezone),
    ("next", lambda schedule: schedule.next_at),
    ("error", lambda schedule: schedule.last_error),
)
FIRES: tuple[Column[UpcomingFire], ...] = (
    ("nominal", lambda fire: fire.nominal_at),
    ("local", lambda fire: fire.local),
    ("due", lambda fire: fire.due_at),
    ("note", lambda fire: fire.note),
)
PAST: tuple[Column[Fire], ...] = (
    ("nominal", lambda fire: fire.nominal_at),
    ("outcome", lambda fire: fire.outcome),
    ("reason", lambda fire: fire.reason),
    ("decided", lambda fire: fire.decided_at),
    ("job", lambda fire: fire.job and fire.job.id),
    ("state", lambda fire: fire.job and fire.job.state),
    ("backfill", lambda fire: fire.backfill),
    ("by", lambda fire: fire.by),
)
# People see that many fires of a schedule; JSON has all.
SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class PlannedFire:
    """A fire of a schedule in a file; it has no jitter, which depends on the tenant.

    Args:
        name: the schedule.
        nominal_at: the time that the schedule names, RFC 3339 UTC.
        local: the same in the schedule's time zone.
        note: why the time is unusual; None if it is not.
    """

    name: str
    nominal_at: str | None
    local: str
    note: str | None


PLANNED: tuple[Column[PlannedFire], ...] = (
    ("name", lambda fire: fire.name),
    ("nominal", lambda fire: fire.nominal_at),
    ("local", lambda fire: fire.local),
    ("note", lambda fire: fire.note),
)


@app.command("list")
def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of schedules.")] = SCHEDULES_PER_TENANT,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the schedules, sorted by name; with --json in the form that `diff` and `lint` read."""
    with connect(profile) as client:
        found = client.list_schedules(limit=min(limit, PAGE_MAX))
        write_list(islice(found, limit), COLUMNS, as_json=as_json)


@app.command()
def preview(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A schedule of the deployment.")] = None,
    *,
    file: Annotated[
        str | None, typer.Option(metavar="PATH", help="Schedules of this file, without a deployment; - is stdin.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=PREVIEW_FIRES, help="Number of fires of each.")] = 10,
    start: FromOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the next fires of a schedule, or of those in a file."""
    if file is not None:
        window = _window(start, "366d")
        plans = _plans_in(file, window)
        if name is not None and name not in plans:
            raise UsageProblemError(f"{file} has no schedule {name}")
        wanted = plans if name is None else {name: plans[name]}
        write_list(_planned(wanted, window, count), PLANNED, as_json=as_json)
        return
    if name is None:
        raise UsageProblemError("name a schedule, or a file with --file")
    first = time_of(start, "--from")
    with connect(profile) as client:
        write_list(client.preview_schedule(name, start=first, limit=count).items, FIRES, as_json=as_json)


@app.command()
def fires(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule.")],
    *,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="First nominal time. Default: the oldest.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Last nominal time. Default: now.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only fires with this outcome.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of fires.")] = 50,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the past fires of a schedule and what became of them, the newest first."""
    first, last = time_of(start, "--from"), time_of(end, "--to")
    with connect(profile) as client:
        found = client.list_fires(name, start=first, end=last, outcome=outcome, limit=min(limit, PAGE_MAX))
        write_list(islice(found, limit), PAST, as_json=as_json)


@app.command()
def diff(
    files: Annotated[list[str], typer.Argument(metavar="[OLD] NEW", help="Files. Default of OLD: the deployment's.")],
    *,
    start: FromOption = None,
    lasting: LastingOption = "7d",
    crowd: CrowdOption = 20,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare when schedules fire: fires added and removed, clock changes, crowded minutes; exit code 1 if they differ.

    A schedule fires at its nominal times; jitter is left out, and so are pauses. Runs that are left of `maxRuns` are
    counted from the beginning of the window.
    """
    if len(files) not in (1, 2):
        raise UsageProblemError("name the new file, or the old and the new one")
    window = _window(start, lasting)
    deployed = [] if len(files) > 1 else _deployed(profile)
    old = _plans_in(files[0], window) if len(files) > 1 else _plans_of_deployed(deployed, window)
    # A schedule that is replaced keeps the time from which its interval counts, and the runs that it has had.
    new = _plans_in(files[-1], window, {item["name"]: item for item in deployed})
    found = list(differences(old, new, window))
    review = _review(new, window, crowd)
    if as_json:
        write_json(_frame(window) | {"differences": [_shown(each) for each in found]} | review)
    else:
        for each in found:
            _write_difference(each)
        if not found:
            write_line("no fire is added or removed")
        _write_review(review)
    if found:
        raise typer.Exit(ExitCode.NEGATIVE)


@app.command()
def lint(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Schedules as JSON; - is standard input.")],
    *,
    start: FromOption = None,
    lasting: LastingOption = "366d",
    crowd: CrowdOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Check a file of schedules without a deployment; exit code 1 if one is not valid, or something was found.

    Found are local times that a clock change removes, moves or repeats, and crowded minutes.
    """
    window = _window(start, lasting)
    problems: tuple[str, ...] = ()
    plans: Mapping[str, Plan] = {}
    try:
        plans = plans_of(_bounded(file), window.start_ms)
    except InvalidPlansError as error:
        problems = error.problems
    review = _review(plans, window, crowd)
    if as_json:
        write_json(_frame(window) | {"problems": problems} | review)
    else:
        for problem in problems:
            write_line(f"invalid  {cell(problem)}")
        _write_review(review)
        if not problems and not _found(review):
            write_line(f"{len(plans)} schedules, nothing found")
    if problems or _found(review):
        raise typer.Exit(ExitCode.NEGATIVE)


def _window(start: str | None, lasting: str) -> Window:
    at = time_of(start, "--from")
    start_ms = system_clock().now_ms() if at is None else int(at.timestamp() * 1000)
    lasting_s = seconds_of(lasting, "--for")
    if not 0 < lasting_s <= HORIZON_S:
        raise UsageProblemError(f"--for {lasting}: at most {HORIZON_S // 86_400}d")
    if start_ms < 0:
        raise UsageProblemError("--from must be in 1970 or later")
    return Window(start_ms, start_ms + lasting_s * 1000)


def _plans_in(path: str, window: Window, deployed: Mapping[str, Mapping[str, Any]] | None = None) -> Mapping[str, Plan]:
    try:
        return plans_of(_bounded(path), window.start_ms, deployed)
    except InvalidPlansError as error:
        raise UsageProblemError(f"{path}: {error}") from None


def _bounded(path: str) -> list[Any]:
    items = documents(file_text(path))
    if len(items) > SCHEDULES_PER_TENANT:
        raise UsageProblemError(f"{path} has {len(items)} schedules; at most {SCHEDULES_PER_TENANT}")
    return items


def _deployed(profile: str | None) -> list[Any]:
    """Return the deployment's schedules as JSON; one that will not fire again has no plan to compare."""
    with connect(profile) as client:
        found = [json_value(schedule) for schedule in client.list_schedules(limit=PAGE_MAX)]
    return [item for item in found if item["state"] != "ended"]


def _plans_of_deployed(items: list[Any], window: Window) -> Mapping[str, Plan]:
    try:
        return plans_of(items, window.start_ms)
    except InvalidPlansError as error:
        raise UsageProblemError(f"the deployment's schedules cannot be compared: {error}") from None


def _planned(plans: Mapping[str, Plan], window: Window, count: int) -> list[PlannedFire]:
    return [
        PlannedFire(name, to_timestamp(fire.at_ms), local(plan.recurrence, fire.at_ms), fire.note)
        for name, plan in sorted(plans.items())
        for fire in fires_of(plan, window).nominals[:count]
    ]


def _review(plans: Mapping[str, Plan], window: Window, crowd: int) -> dict[str, list[Any]]:
    """Return what clock changes do and which minutes are crowded, and the schedules of which only a part was read."""
    return {
        "oddities": list(oddities(plans, window)),
        "crowdedMinutes": crowds(plans, window, crowd),
        "incomplete": [name for name, plan in plans.items() if not fires_of(plan, window).complete],
    }


def _found(review: Mapping[str, list[Any]]) -> bool:
    return bool(review["oddities"] or review["crowdedMinutes"])


def _frame(window: Window) -> dict[str, Any]:
    return {"from": to_timestamp(window.start_ms), "to": to_timestamp(window.end_ms)}


def _shown(difference: Difference) -> dict[str, Any]:
    return {
        "name": difference.name,
        "change": difference.change,
        "added": [to_timestamp(at_ms) for at_ms in difference.added],
        "removed": [to_timestamp(at_ms) for at_ms in difference.removed],
        "complete": difference.complete,
    }


def _write_difference(difference: Difference) -> None:
    part = "" if difference.complete else ", of the first fires alone"
    write_line(
        f"{difference.change}  {cell(difference.name)}: "
        f"{len(difference.added)} fires added, {len(difference.removed)} removed{part}"
    )
    for sign, times in (("+", difference.added), ("-", difference.removed)):
        for at_ms in times[:SHOWN]:
            write_line(f"  {sign} {to_timestamp(at_ms)}")
        if len(times) > SHOWN:
            write_line(f"  {sign} {len(times) - SHOWN} more")


def _write_review(review: Mapping[str, list[Any]]) -> None:
    for oddity in review["oddities"]:
        write_line(f"{oddity.note}  {cell(oddity.name)}: {oddity.local} ({oddity.at})")
    for crowd in review["crowdedMinutes"]:
        write_line(f"crowded  {crowd.at}: {crowd.fires} fires of {cell(', '.join(crowd.names))}")
    for name in review["incomplete"]:
        write_line(f"incomplete  {cell(name)}: only its first {BACKFILL_FIRES} fires were looked at")
