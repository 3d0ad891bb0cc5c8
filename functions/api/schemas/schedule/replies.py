"""Schedules, their fires and their backfills as the API returns them."""

from typing import Any

from pydantic import Field

from functions.api.http import times
from functions.api.schemas.reply import CURSOR, Duration, Reply, Time
from functions.api.schemas.schedule.templates import target_of
from whendue.jobs.model import shown_state
from whendue.schedules.backfills.model import Backfill
from whendue.schedules.calendar.recurrence import Nominal, Recurrence, local
from whendue.schedules.fires import FireOutcome
from whendue.schedules.history import FireView
from whendue.schedules.model import MISFIRE_POLICIES, Schedule
from whendue.schedules.upcoming import is_paused, pause_began, pause_end, runs_left, upcoming


class MisfireReply(Reply):
    """What happens to fires that were missed because the timer did not run in time."""

    policy: str = Field(description=" or ".join(f"`{policy}`" for policy in MISFIRE_POLICIES) + ".")
    limit: int = Field(description="Maximum number of missed fires that `catch_up` runs.")
    grace_seconds: int = Field(description="A fire counts as missed when it is later than this, in seconds.")
    max_age_seconds: int | None = Field(
        default=None,
        description="A missed fire later than this, in seconds, does not run; null: it runs however late it is.",
    )


class SchedulePauseReply(Reply):
    """Why a schedule is paused, and since when."""

    by: str = Field(description="Subject of the token that paused it; empty if it was paused after too many failures.")
    reason: str = Field(description="Why it was paused.")
    since: Time | None = Field(description="When it was paused.")
    until: Time | None = Field(default=None, description="When it fires again; null: once it is resumed.")


class ScheduleReply(Reply):
    """A schedule."""

    name: str = Field(description="Name of the schedule.")
    tenant: str = Field(description="Tenant that it belongs to.")
    state: str = Field(description="`active`, `paused`, or `ended` when it will not fire again.")
    cron: str | None = Field(default=None, description="Cron expression, in `timezone`.")
    crons: list[str] | None = Field(default=None, description="Cron expressions, in `timezone`.")
    every: Duration | None = Field(default=None, description="Interval between fires, an ISO 8601 duration.")
    at: Time | None = Field(default=None, description="Time of the single fire.")
    timezone: str = Field(description="IANA name of the time zone.")
    start: Time | None = Field(default=None, description="No fire before this time.")
    end: Time | None = Field(default=None, description="No fire after this time.")
    gap: str | None = Field(default=None, description="For local times that do not exist: `skip` or `next`.")
    fold: str | None = Field(default=None, description="For local times that come twice: `once` or `twice`.")
    exclude: list[str] = Field(description="Dates, ranges of dates and ranges of times of day without fires.")
    every_weeks: int | None = Field(
        default=None, description="It fires in every second week (2), every third (3) and so on; null: in every one."
    )
    anchor: str | None = Field(default=None, description="Local date in a week in which it fires.")
    jitter_seconds: int = Field(description="Upper bound of the offset by which fires are delayed, in seconds.")
    jitter_per: str = Field(description="`schedule`: all fires have the same offset; `fire`: each has its own.")
    misfire: MisfireReply
    overlap: str = Field(description="`allow`, `skip`, `buffer_one` or `cancel_running`.")
    expires: str | None = Field(
        default=None, description="`next_fire`: jobs of fires expire at the next one; null: as the job says."
    )
    pause_after_failures: int | None = Field(
        default=None, description="Number of fires in a row that must end dead to pause it; null: never."
    )
    max_runs: int | None = Field(default=None, description="Maximum number of fires that run; null: no maximum.")
    remaining_runs: int | None = Field(default=None, description="Number of runs that are left; null: no maximum.")
    remove_after_seconds: int | None = Field(
        default=None, description="It is removed this many seconds after it has ended; null: it is kept."
    )
    job: dict[str, Any] | None = Field(default=None, description="The job that each fire runs, as it was sent.")
    workflow: dict[str, Any] | None = Field(
        default=None, description="The workflow that each fire runs, written as `nodes`."
    )
    created_at: Time | None = Field(description="When it was created.")
    updated_at: Time | None = Field(description="When it was changed last; the ETag is made from it.")
    next_at: Time | None = Field(
        description="Nominal time of the next fire that runs, at the end of the pause or later while it is paused; "
        "null at the end, and during a pause without an end."
    )
    paused: SchedulePauseReply | None = Field(default=None, description="The pause; null unless `state` is `paused`.")
    last_error: str | None = Field(default=None, description="Why the last fires created no job.")


class ScheduleListReply(Reply):
    """A page of schedules, sorted by name."""

    items: list[ScheduleReply] = Field(description="The schedules.")
    cursor: str | None = Field(description=CURSOR)


class UpcomingFireReply(Reply):
    """An upcoming fire."""

    nominal_at: Time | None = Field(description="The time that the schedule names, in UTC.")
    local: str = Field(description="The nominal time in the schedule's time zone, with its offset.")
    due_at: Time | None = Field(description="When its job is due: the nominal time and the jitter.")
    note: str | None = Field(
        default=None, description="Why the time is unusual, such as a change of clocks; null if it is not."
    )


class PreviewReply(Reply):
    """The next fires of a schedule."""

    items: list[UpcomingFireReply] = Field(description="The fires, earliest first.")


class FireJobReply(Reply):
    """The job of a fire."""

    id: str = Field(description="Id of the job.")
    state: str | None = Field(description="State of the job; null when the job is no longer kept.")


class FireReply(Reply):
    """What happened to a fire."""

    nominal_at: Time | None = Field(description="The time that the schedule names; null if it was triggered by hand.")
    outcome: str = Field(description="`ran`, `skipped`, `caught_up`, `missed` or `triggered`.")
    reason: str | None = Field(
        default=None, description="Why it was skipped or missed; of a triggered one, the `reason` of the request."
    )
    decided_at: Time | None = Field(description="When the outcome was decided, or the job triggered.")
    job: FireJobReply | None = Field(default=None, description="Its job; null if none was created.")
    lateness_seconds: float | None = Field(
        default=None, description="Seconds from the nominal time to the start of the first attempt."
    )
    backfill: str | None = Field(default=None, description="Id of the backfill that created the job.")
    by: str | None = Field(default=None, description="Subject of the token that triggered it; null for other outcomes.")


class FireListReply(Reply):
    """A page of fires, newest first. A page may be short although there are more."""

    items: list[FireReply] = Field(description="The fires.")
    cursor: str | None = Field(description=CURSOR)


class BackfillReply(Reply):
    """A backfill and its progress."""

    id: str = Field(description="Id of the backfill.")
    schedule: str = Field(description="Name of the schedule.")
    state: str = Field(description="`running`, `paused`, `finished`, `failed` or `cancelled`.")
    created_at: Time | None = Field(description="When it was asked for.")
    by: str | None = Field(default=None, description="Subject of the token that asked for it; null if it is not known.")
    reason: str | None = Field(default=None, description="Why it was asked for; null if the request did not say.")
    from_: Time | None = Field(alias="from", description="First nominal time.")
    to: Time | None = Field(description="Last nominal time.")
    limit: int = Field(description="Maximum number of jobs to create.")
    force: bool = Field(description="Whether fires that already had a job get another one.")
    reached: Time | None = Field(description="All fires up to this nominal time are done; null before the first one.")
    created_jobs: int = Field(description="Number of jobs created so far.")
    skipped_fires: int = Field(description="Number of fires without a new job because they had one already.")
    error: str | None = Field(default=None, description="Why it failed; null unless `state` is `failed`.")


class BackfillListReply(Reply):
    """A page of backfills, newest first."""

    items: list[BackfillReply] = Field(description="The backfills.")
    cursor: str | None = Field(description=CURSOR)


def schedule_reply(schedule: Schedule, now_ms: int) -> ScheduleReply:
    """Show a schedule."""
    definition, recurrence = schedule.definition, schedule.definition.recurrence
    coming, known = _coming(schedule, now_ms)
    paused = is_paused(schedule, now_ms)
    ended = not paused and known and coming is None
    target, shown = target_of(definition.template)
    return ScheduleReply(
        name=schedule.name,
        tenant=schedule.tenant,
        state="paused" if paused else "ended" if ended else "active",
        cron=recurrence.cron,
        crons=list(recurrence.crons) or None,
        every=None if recurrence.every_s is None else f"PT{recurrence.every_s}S",
        at=times.to_timestamp(recurrence.at_ms),
        timezone=recurrence.timezone,
        start=times.to_timestamp(recurrence.start_ms),
        end=times.to_timestamp(recurrence.end_ms),
        gap=recurrence.gap,
        fold=recurrence.fold,
        exclude=list(recurrence.exclude),
        every_weeks=recurrence.every_weeks,
        anchor=recurrence.anchor,
        jitter_seconds=definition.jitter_s,
        jitter_per=definition.jitter_per or "schedule",
        misfire=MisfireReply(
            policy=definition.misfire.policy,
            limit=definition.misfire.limit,
            grace_seconds=definition.misfire.grace_s,
            max_age_seconds=definition.misfire.max_age_s,
        ),
        overlap=definition.overlap,
        expires=definition.expires,
        pause_after_failures=definition.pause_after,
        max_runs=definition.max_runs,
        remaining_runs=_remaining(schedule, now_ms),
        remove_after_seconds=definition.remove_after_s,
        **{target: shown},
        created_at=times.to_timestamp(schedule.created_at),
        updated_at=times.to_timestamp(schedule.version),
        next_at=times.to_timestamp(coming and coming.at_ms),
        paused=_paused(schedule) if paused else None,
        last_error=schedule.last_error,
    )


def _coming(schedule: Schedule, now_ms: int) -> tuple[Nominal | None, bool]:
    """Work out the next fire; False where what is stored allows it no longer: it is shown all the same."""
    if pause_end(schedule) is None:
        return None, True
    try:
        return next(upcoming(schedule, now_ms, now_ms), None), True
    except Exception:  # noqa: BLE001 - its owner must be able to see, mend and remove it
        return None, False


def _remaining(schedule: Schedule, now_ms: int) -> int | None:
    """Return how many runs are left; as far as they are decided where what is stored allows no more."""
    if schedule.definition.max_runs is None:
        return None
    try:
        return runs_left(schedule, now_ms)
    except Exception:  # noqa: BLE001 - as above
        return max(0, schedule.definition.max_runs - (schedule.runs or 0))


def _paused(schedule: Schedule) -> SchedulePauseReply:
    return SchedulePauseReply(
        by=schedule.paused_by or "",
        reason=schedule.pause_reason or "",
        since=times.to_timestamp(pause_began(schedule)),
        until=times.to_timestamp(schedule.paused_until),
    )


def instant_reply(recurrence: Recurrence, nominal: Nominal, offset_ms: int) -> UpcomingFireReply:
    """Show a fire to come, whose job is due this many ms after it."""
    return UpcomingFireReply(
        nominal_at=times.to_timestamp(nominal.at_ms),
        local=local(recurrence, nominal.at_ms),
        due_at=times.to_timestamp(nominal.at_ms + offset_ms),
        note=nominal.note,
    )


def fire_reply(view: FireView, now_ms: int) -> FireReply:
    """Show how a fire ended."""
    fire, job, lateness_ms = view.fire, view.job, view.lateness_ms
    return FireReply(
        nominal_at=None if fire.outcome is FireOutcome.TRIGGERED else times.to_timestamp(fire.nominal),
        outcome=fire.outcome.value,
        reason=fire.reason,
        decided_at=times.to_timestamp(fire.decided_at),
        job=FireJobReply(id=fire.job, state=shown_state(job, now_ms) if job else None) if fire.job else None,
        lateness_seconds=None if lateness_ms is None else lateness_ms / 1000,
        backfill=fire.backfill,
        by=fire.by,
    )


def backfill_reply(backfill: Backfill) -> BackfillReply:
    """Show how far a backfill is."""
    fields: dict[str, Any] = {"from": times.to_timestamp(backfill.from_ms)}
    return BackfillReply(
        **fields,
        id=backfill.id,
        schedule=backfill.name,
        state=backfill.state.value,
        created_at=times.to_timestamp(backfill.created_at),
        by=backfill.by,
        reason=backfill.reason,
        to=times.to_timestamp(backfill.to_ms),
        limit=backfill.limit,
        force=backfill.force,
        reached=times.to_timestamp(backfill.cursor) if backfill.cursor >= backfill.from_ms else None,
        created_jobs=backfill.made,
        skipped_fires=backfill.passed,
        error=backfill.error,
    )
