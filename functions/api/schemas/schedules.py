"""Schedules as the API takes and shows them."""

from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from functions.api.http import times
from functions.api.schemas import durations
from functions.api.schemas.base import Body
from functions.api.schemas.job_requests import JobTemplate, Name, Rfc3339
from functions.api.schemas.reply import Duration, Reply, Time
from functions.api.schemas.schedule_templates import target_of
from functions.api.schemas.workflows import WorkflowTemplate
from whendue.jobs.model import shown_state
from whendue.quotas import (
    BACKFILL_FIRES,
    JITTER_MAX_S,
    MISFIRE_CATCH_UP,
    MISFIRE_GRACE_MAX_S,
    MISFIRE_GRACE_MIN_S,
    PAUSE_AFTER_FAILURES,
    PREVIEW_FIRES,
    REASON_BYTES,
    SCHEDULE_EXCLUSIONS,
)
from whendue.schedules.backfill_model import Backfill
from whendue.schedules.calendar.recurrence import Nominal, Recurrence, after, local
from whendue.schedules.history import FireView
from whendue.schedules.model import Definition, Misfire, Overlap, Schedule, ScheduleState

Exclusion = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def _short(text: str) -> str:
    if len(text.encode()) > REASON_BYTES:
        raise ValueError(f"may have {REASON_BYTES} bytes")
    return text


class MisfireBody(Body):
    """What becomes of fires that no timer decided in time."""

    policy: Literal["skip", "fire_once", "catch_up"] = Field(
        default="fire_once", description="Run none of them, the latest, or the last `limit`."
    )
    limit: int = Field(default=10, ge=1, le=MISFIRE_CATCH_UP, description="Of `catch_up`.")
    grace_seconds: int = Field(
        default=60, ge=MISFIRE_GRACE_MIN_S, le=MISFIRE_GRACE_MAX_S, description="How late is still on time."
    )


class WhenBody(Body):
    """When a schedule fires: exactly one of `cron`, `every` and `at`."""

    cron: str | None = Field(default=None, max_length=256, examples=["*/5 * * * * *"])
    every: Annotated[str | None, BeforeValidator(durations.text_of)] = Field(
        default=None, max_length=64, description="An ISO 8601 duration of whole seconds.", examples=["PT15M"]
    )
    at: Rfc3339 | None = Field(default=None, description="Once, then.")
    timezone: str = Field(default="UTC", max_length=64, description="An IANA name.", examples=["Europe/Berlin"])
    start: Rfc3339 | None = Field(default=None, description="None before; `every` counts from here.")
    end: Rfc3339 | None = Field(default=None, description="None after.")
    gap: Literal["skip", "next"] | None = Field(
        default=None, description="A local time that a spring night leaves out."
    )
    fold: Literal["once", "twice"] | None = Field(default=None, description="One that an autumn night has twice.")
    exclude: list[Exclusion] = Field(
        default_factory=list, max_length=SCHEDULE_EXCLUSIONS, description="Dates and ranges of dates without fires."
    )
    jitter_seconds: int = Field(default=0, ge=0, le=JITTER_MAX_S, description="Moves all fires by the same offset.")

    def recurrence(self) -> Recurrence:
        """Give the times as the service takes them.

        Raises:
            InvalidScheduleError: `every` is not a duration of whole seconds.
        """
        return Recurrence(
            cron=self.cron,
            every_s=None if self.every is None else durations.seconds(self.every),
            at_ms=_read(self.at),
            timezone=self.timezone,
            gap=self.gap,
            fold=self.fold,
            start_ms=_read(self.start),
            end_ms=_read(self.end),
            exclude=tuple(self.exclude),
        )


class PreviewBody(WhenBody):
    """A schedule that is not saved."""

    n: int = Field(default=10, ge=1, le=PREVIEW_FIRES, description="How many fires to show.")
    # A whole schedule may be sent as it would be put; these have no part in when it fires.
    name: Name | None = Field(default=None, description="Not looked at.")
    misfire: MisfireBody | None = None
    overlap: Overlap | None = None
    pause_after_failures: int | None = Field(default=None, ge=1, le=PAUSE_AFTER_FAILURES)
    job: JobTemplate | None = Field(default=None, description="Its task and payload are not looked at.")
    workflow: WorkflowTemplate | None = Field(default=None, description="Its graph is not looked at.")


class ScheduleBody(WhenBody):
    """A schedule to be."""

    name: Name | None = Field(default=None, description="As in the path.")
    misfire: MisfireBody = MisfireBody()
    overlap: Overlap = Field(default="allow", description="What a fire does while an earlier job is live.")
    pause_after_failures: int | None = Field(
        default=None, ge=1, le=PAUSE_AFTER_FAILURES, description="Pause once so many fires in a row ended dead."
    )
    job: JobTemplate | None = Field(default=None, description="What each fire runs; or give workflow.")
    workflow: WorkflowTemplate | None = Field(default=None, description="In place of job.")

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if (self.job is None) == (self.workflow is None):
            raise ValueError("give job or workflow")
        return self

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if self.overlap != "allow" and self.workflow:
            raise ValueError("an overlap policy is for a job: a workflow holds no slot while its jobs run")
        if self.overlap != "allow" and self.job and self.job.limits:
            raise ValueError("an overlap policy is a limit of one: leave job.limits away, or let jobs overlap")
        return self

    def definition(self) -> Definition:
        """Give the definition as the service takes it.

        Raises:
            InvalidScheduleError: `every` is not a duration of whole seconds.
            InvalidWorkflowError, InvalidReferenceError: the workflow's graph is not valid.
        """
        # One of them is there.
        target = cast("JobTemplate | WorkflowTemplate", self.job or self.workflow)
        return Definition(
            recurrence=self.recurrence(),
            template=target.request(None),
            misfire=Misfire(self.misfire.policy, self.misfire.limit, self.misfire.grace_seconds),
            jitter_s=self.jitter_seconds,
            overlap=self.overlap,
            pause_after=self.pause_after_failures,
        )


class PauseBody(Body):
    """Why it is paused."""

    reason: Annotated[str, AfterValidator(_short)] = ""


class BackfillBody(Body):
    """A past range of nominal times to make jobs for."""

    from_: Rfc3339 = Field(alias="from")
    to: Rfc3339
    limit: int | None = Field(default=None, ge=1, le=BACKFILL_FIRES, description="At most so many jobs.")
    force: bool = Field(default=False, description="Also for fires that had a job.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if times.read(self.from_) > times.read(self.to):
            raise ValueError("from must not be after to")
        return self


def _read(text: str | None) -> int | None:
    return None if text is None else times.read(text)


# --- replies -----------------------------------------------------------------------------------------------------


class MisfireReply(Reply):
    """What becomes of fires that no timer decided in time."""

    policy: str
    limit: int
    grace_seconds: int


class PausedReply(Reply):
    """Why a schedule does not fire, and since when."""

    by: str
    reason: str
    since: Time | None


class ScheduleReply(Reply):
    """A schedule."""

    name: str
    tenant: str
    state: str = Field(description="active, paused or ended")
    cron: str | None = None
    every: Duration | None = None
    at: Time | None = None
    timezone: str
    start: Time | None = None
    end: Time | None = None
    gap: str | None = None
    fold: str | None = None
    exclude: list[str]
    jitter_seconds: int
    misfire: MisfireReply
    overlap: str
    pause_after_failures: int | None = None
    job: dict[str, Any] | None = Field(default=None, description="What each fire runs.")
    workflow: dict[str, Any] | None = Field(default=None, description="In place of job.")
    created_at: Time | None
    changed_at: Time | None
    next_at: Time | None = Field(description="The next nominal time, paused or not.")
    paused: PausedReply | None = None
    last_error: str | None = Field(default=None, description="Why the last fires made no job.")


class ScheduleListReply(Reply):
    """A page of schedules by name; a cursor of null is the end."""

    items: list[ScheduleReply]
    cursor: str | None


class InstantReply(Reply):
    """One fire to come."""

    nominal_at: Time | None
    local: str = Field(description="The nominal time in the schedule's time zone.")
    due_at: Time | None = Field(description="With the jitter.")
    note: str | None = Field(default=None, description="Why it is odd, where it is.")


class PreviewReply(Reply):
    """The fires to come."""

    items: list[InstantReply]


class FireJobReply(Reply):
    """A fire's job."""

    id: str
    state: str | None = Field(description="null once the job is no longer kept")


class FireReply(Reply):
    """How a fire ended."""

    nominal_at: Time | None
    outcome: str = Field(description="ran, skipped, caught_up, missed or triggered")
    reason: str | None = None
    decided_at: Time | None
    job: FireJobReply | None = None
    lateness_seconds: float | None = Field(default=None, description="From nominal time to the first attempt.")
    backfill: str | None = None


class FireListReply(Reply):
    """A page of fires, newest first; a cursor of null is the end, a page may be short before it."""

    items: list[FireReply]
    cursor: str | None


class BackfillReply(Reply):
    """How far a backfill is."""

    id: str
    schedule: str
    state: str = Field(description="running, finished or failed")
    from_: str | None = Field(alias="from")
    to: str | None
    limit: int
    force: bool
    reached: str | None = Field(description="Every fire up to here is done.")
    created_jobs: int
    left_alone: int = Field(description="Fires that had run.")
    error: str | None = None


def schedule_reply(schedule: Schedule, now_ms: int) -> ScheduleReply:
    """Show a schedule."""
    definition, recurrence = schedule.definition, schedule.definition.recurrence
    coming, known = _coming(recurrence, now_ms)
    ended = schedule.state is ScheduleState.ACTIVE and known and coming is None
    target, shown = target_of(definition.template)
    return ScheduleReply(
        name=schedule.name,
        tenant=schedule.tenant,
        state="ended" if ended else schedule.state.value,
        cron=recurrence.cron,
        every=None if recurrence.every_s is None else f"PT{recurrence.every_s}S",
        at=times.to_timestamp(recurrence.at_ms),
        timezone=recurrence.timezone,
        start=times.to_timestamp(recurrence.start_ms),
        end=times.to_timestamp(recurrence.end_ms),
        gap=recurrence.gap,
        fold=recurrence.fold,
        exclude=list(recurrence.exclude),
        jitter_seconds=definition.jitter_s,
        misfire=MisfireReply(
            policy=definition.misfire.policy,
            limit=definition.misfire.limit,
            grace_seconds=definition.misfire.grace_s,
        ),
        overlap=definition.overlap,
        pause_after_failures=definition.pause_after,
        **{target: shown},
        created_at=times.to_timestamp(schedule.created_at),
        changed_at=times.to_timestamp(schedule.version),
        next_at=times.to_timestamp(coming and coming.at_ms),
        paused=_paused(schedule),
        last_error=schedule.last_error,
    )


def _coming(recurrence: Recurrence, now_ms: int) -> tuple[Nominal | None, bool]:
    """Work out the next fire; False where what is stored allows it no longer: it is shown all the same."""
    try:
        return next(after(recurrence, now_ms), None), True
    except Exception:  # noqa: BLE001 - its owner must be able to see, mend and remove it
        return None, False


def _paused(schedule: Schedule) -> PausedReply | None:
    if schedule.state is not ScheduleState.PAUSED:
        return None
    since = times.to_timestamp(schedule.version)
    return PausedReply(by=schedule.paused_by or "", reason=schedule.pause_reason or "", since=since)


def instant_reply(recurrence: Recurrence, nominal: Nominal, offset_ms: int) -> InstantReply:
    """Show a fire to come."""
    return InstantReply(
        nominal_at=times.to_timestamp(nominal.at_ms),
        local=local(recurrence, nominal.at_ms),
        due_at=times.to_timestamp(nominal.at_ms + offset_ms),
        note=nominal.note,
    )


def fire_reply(view: FireView, now_ms: int) -> FireReply:
    """Show how a fire ended."""
    fire, job, lateness_ms = view.fire, view.job, view.lateness_ms
    return FireReply(
        nominal_at=times.to_timestamp(fire.nominal),
        outcome=fire.outcome.value,
        reason=fire.reason,
        decided_at=times.to_timestamp(fire.decided_at),
        job=FireJobReply(id=fire.job, state=shown_state(job, now_ms) if job else None) if fire.job else None,
        lateness_seconds=None if lateness_ms is None else lateness_ms / 1000,
        backfill=fire.backfill,
    )


def backfill_reply(backfill: Backfill) -> BackfillReply:
    """Show how far a backfill is."""
    fields: dict[str, Any] = {"from": times.to_timestamp(backfill.from_ms)}
    return BackfillReply(
        **fields,
        id=backfill.id,
        schedule=backfill.name,
        state=backfill.state.value,
        to=times.to_timestamp(backfill.to_ms),
        limit=backfill.limit,
        force=backfill.force,
        reached=times.to_timestamp(backfill.cursor) if backfill.cursor >= backfill.from_ms else None,
        created_jobs=backfill.made,
        left_alone=backfill.passed,
        error=backfill.error,
    )
