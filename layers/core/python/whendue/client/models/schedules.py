"""Schedules, their fires and backfills, as the API answers with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from whendue.client.json_values import from_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfire:
    """What happens to fires that were missed because the timer did not run in time.

    Args:
        policy: `skip` or `fire_once` or `catch_up`.
        limit: Maximum number of missed fires that `catch_up` runs.
        grace_seconds: A fire counts as missed when it is later than this, in seconds.
        max_age_seconds: A missed fire later than this, in seconds, does not run; None: it runs however late it is.
    """

    policy: Literal["skip", "fire_once", "catch_up"] = "fire_once"
    limit: int = 10
    grace_seconds: int = 60
    max_age_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePause:
    """Why a schedule is paused, and since when.

    Args:
        by: Subject of the token that paused it; empty if it was paused after too many failures.
        reason: Why it was paused.
        since: When it was paused.
        until: When it fires again; None: once it is resumed.
    """

    by: str
    reason: str
    since: datetime | None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule.

    Args:
        name: Name of the schedule.
        tenant: Tenant that it belongs to.
        state: `active`, `paused`, or `ended` when it will not fire again.
        cron: Cron expression, in `timezone`.
        crons: Cron expressions, in `timezone`.
        every: Interval between fires, an ISO 8601 duration.
        at: Time of the single fire.
        timezone: IANA name of the time zone.
        start: No fire before this time.
        end: No fire after this time.
        gap: For local times that do not exist: `skip` or `next`.
        fold: For local times that come twice: `once` or `twice`.
        exclude: Dates, ranges of dates and ranges of times of day without fires.
        every_weeks: It fires in every second week (2), every third (3) and so on; None: in every one.
        anchor: Local date in a week in which it fires.
        jitter_seconds: Upper bound of the offset by which fires are delayed, in seconds.
        jitter_per: `schedule`: all fires have the same offset; `fire`: each has its own.
        overlap: `allow`, `skip`, `buffer_one` or `cancel_running`.
        expires: `next_fire`: jobs of fires expire at the next one; None: as the job says.
        pause_after_failures: Number of fires in a row that must end dead to pause it; None: never.
        max_runs: Maximum number of fires that run; None: no maximum.
        remaining_runs: Number of runs that are left; None: no maximum.
        remove_after_seconds: It is removed this many seconds after it has ended; None: it is kept.
        job: The job that each fire runs, as it was sent.
        workflow: The workflow that each fire runs, written as `nodes`.
        created_at: When it was created.
        updated_at: When it was changed last; the ETag is made from it.
        next_at: Nominal time of the next fire that runs, at the end of the pause or later while it is paused; None at
            the end, and during a pause without an end.
        paused: The pause; None unless `state` is `paused`.
        last_error: Why the last fires created no job.
        etag: Names this version; send it as `if_match`. None in lists.
    """

    name: str
    tenant: str
    state: str
    cron: str | None = None
    crons: tuple[str, ...] | None = None
    every: str | None = None
    at: datetime | None = None
    timezone: str
    start: datetime | None = None
    end: datetime | None = None
    gap: str | None = None
    fold: str | None = None
    exclude: tuple[str, ...]
    every_weeks: int | None = None
    anchor: str | None = None
    jitter_seconds: int
    jitter_per: str
    misfire: Misfire
    overlap: str
    expires: str | None = None
    pause_after_failures: int | None = None
    max_runs: int | None = None
    remaining_runs: int | None = None
    remove_after_seconds: int | None = None
    job: Mapping[str, Any] | None = None
    workflow: Mapping[str, Any] | None = None
    created_at: datetime | None
    updated_at: datetime | None
    next_at: datetime | None
    paused: SchedulePause | None = None
    last_error: str | None = None
    etag: str | None = from_header("etag")


@dataclass(frozen=True, slots=True, kw_only=True)
class FireJob:
    """The job of a fire.

    Args:
        id: Id of the job.
        state: State of the job; None when the job is no longer kept.
    """

    id: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """What happened to a fire.

    Args:
        nominal_at: The time that the schedule names; None if it was triggered by hand.
        outcome: `ran`, `skipped`, `caught_up`, `missed` or `triggered`.
        reason: Why it was skipped or missed; of a triggered one, the `reason` of the request.
        decided_at: When the outcome was decided, or the job triggered.
        job: Its job; None if none was created.
        lateness_seconds: Seconds from the nominal time to the start of the first attempt.
        backfill: Id of the backfill that created the job.
        by: Subject of the token that triggered it; None for other outcomes.
    """

    nominal_at: datetime | None
    outcome: str
    reason: str | None = None
    decided_at: datetime | None
    job: FireJob | None = None
    lateness_seconds: float | None = None
    backfill: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingFire:
    """An upcoming fire.

    Args:
        nominal_at: The time that the schedule names, in UTC.
        local: The nominal time in the schedule's time zone, with its offset.
        due_at: When its job is due: the nominal time and the jitter.
        note: Why the time is unusual, such as a change of clocks; None if it is not.
    """

    nominal_at: datetime | None
    local: str
    due_at: datetime | None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The next fires of a schedule.

    Args:
        items: The fires, earliest first.
    """

    items: tuple[UpcomingFire, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A backfill and its progress.

    Args:
        id: Id of the backfill.
        schedule: Name of the schedule.
        state: `running`, `paused`, `finished`, `failed` or `cancelled`.
        from_: First nominal time.
        to: Last nominal time.
        limit: Maximum number of jobs to create.
        force: Whether fires that already had a job get another one.
        reached: All fires up to this nominal time are done; None before the first one.
        created_jobs: Number of jobs created so far.
        skipped_fires: Number of fires without a new job because they had one already.
        error: Why it failed; None unless `state` is `failed`.
        created_at: When it was asked for.
        by: Subject of the token that asked for it; None if it is not known.
        reason: Why it was asked for; None if the request did not say.
    """

    id: str
    schedule: str
    state: str
    from_: datetime | None
    to: datetime | None
    limit: int
    force: bool
    reached: datetime | None
    created_jobs: int
    skipped_fires: int
    error: str | None = None
    created_at: datetime | None = None
    by: str | None = None
    reason: str | None = None
