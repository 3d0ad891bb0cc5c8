"""Requests about schedules."""

from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from functions.api.http import times
from functions.api.schemas.base import Body
from functions.api.schemas.job_requests import JobTemplate
from functions.api.schemas.shared.policy import Name, Rfc3339
from functions.api.schemas.workflows import WorkflowTemplate
from whendue.quotas import (
    HORIZON_S,
    REASON_BYTES,
    SCHEDULE_CRONS,
    SCHEDULE_EXCLUDED_TIMES,
    SCHEDULE_EXCLUSIONS,
    SCHEDULE_WEEKS_MAX,
)
from whendue.schedule_quotas import (
    JITTER_MAX_S,
    MISFIRE_CATCH_UP,
    MISFIRE_GRACE_MAX_S,
    MISFIRE_GRACE_MIN_S,
    PAUSE_AFTER_FAILURES,
    PREVIEW_FIRES,
    REMOVE_AFTER_MIN_S,
    SCHEDULE_RUNS,
)
from whendue.schedules.calendar import durations
from whendue.schedules.calendar.recurrence import Recurrence, jitter_ms
from whendue.schedules.model import MISFIRE_POLICIES, Definition, Expires, Misfire, MisfirePolicy, Overlap, identity_of

CronText = Annotated[str, StringConstraints(max_length=256)]
Exclusion = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def _short(text: str) -> str:
    if len(text.encode()) > REASON_BYTES:
        raise ValueError(f"must have at most {REASON_BYTES} bytes")
    return text


Reason = Annotated[str, AfterValidator(_short)]


class MisfireBody(Body):
    """What happens to fires that were missed because the timer did not run in time."""

    model_config = ConfigDict(json_schema_extra={"example": {"policy": "catch_up", "limit": 10, "graceSeconds": 60}})

    policy: MisfirePolicy = Field(
        default="fire_once",
        description=", ".join(f"`{policy}` {effect}" for policy, effect in MISFIRE_POLICIES.items()) + ".",
    )
    limit: int = Field(
        default=10, ge=1, le=MISFIRE_CATCH_UP, description="Maximum number of missed fires that `catch_up` runs."
    )
    grace_seconds: int = Field(
        default=60,
        ge=MISFIRE_GRACE_MIN_S,
        le=MISFIRE_GRACE_MAX_S,
        description="A fire counts as missed when it is later than this, in seconds.",
    )
    max_age_seconds: int | None = Field(
        default=None,
        ge=MISFIRE_GRACE_MIN_S,
        le=HORIZON_S,
        description="A missed fire does not run when it is later than this, in seconds; more than `graceSeconds`. "
        "Default: it runs however late it is.",
    )

    def misfire(self) -> Misfire:
        """Return it in the service's form."""
        return Misfire(self.policy, self.limit, self.grace_seconds, self.max_age_seconds)

    @model_validator(mode="after")
    def _may_run_late(self) -> Self:
        if self.max_age_seconds is not None and self.max_age_seconds <= self.grace_seconds:
            raise ValueError("maxAgeSeconds must be more than graceSeconds, or no missed fire could run")
        return self


def _read_only(description: str) -> Any:
    return Field(default=None, description=f"Ignored. {description}", json_schema_extra={"readOnly": True})


class ShownFields(Body):
    """What `GET` shows of a schedule and nobody can set: it is ignored, so that what was read can be put again."""

    tenant: str | None = _read_only("Tenant that it belongs to.")
    state: str | None = _read_only("Whether it is active, paused or ended.")
    created_at: str | None = _read_only("When it was created.")
    updated_at: str | None = _read_only("When it was changed last.")
    next_at: str | None = _read_only("Nominal time of the next fire.")
    last_error: str | None = _read_only("Why the last fires created no job.")
    remaining_runs: int | None = _read_only("Number of runs that are left of `maxRuns`.")


class SchedulePauseBody(Body):
    """Why a schedule is paused, and until when."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"reason": "the report is being rebuilt", "until": "2099-12-24T18:00:00Z"}}
    )

    reason: Reason = Field(default="", description=f"Why it is paused, up to {REASON_BYTES} bytes. Default: empty.")
    until: Rfc3339 | None = Field(
        default=None,
        description="From this time on it fires again by itself; it must be in the future. Default: until it is "
        "resumed.",
    )

    def until_ms(self) -> int | None:
        """Return the end of the pause, ms UTC."""
        return _read(self.until)


class InitialPauseBody(SchedulePauseBody):
    """The pause that a schedule is created with."""

    by: str | None = _read_only("Subject of the token that paused it.")
    since: str | None = _read_only("When it was paused.")


class WhenBody(Body):
    """When a schedule fires: exactly one of `cron`, `crons`, `every` and `at`."""

    cron: str | None = Field(
        default=None,
        max_length=256,
        description="A cron expression in the schedule's time zone: five fields, or six with seconds first.",
        examples=["0 30 2 * * *"],
    )
    crons: list[CronText] | None = Field(
        default=None,
        min_length=1,
        max_length=SCHEDULE_CRONS,
        description="Several cron expressions: it fires when one of them does, and once where several do.",
        examples=[["0 9 * * MON-FRI", "30 11 * * SAT"]],
    )
    every: Annotated[str | None, BeforeValidator(durations.text_of)] = Field(
        default=None,
        max_length=64,
        description="An interval: an ISO 8601 duration of whole seconds, counted from `start`.",
        examples=["PT15M"],
    )
    at: Rfc3339 | None = Field(default=None, description="A single fire at this time.")
    timezone: str = Field(
        default="UTC",
        max_length=64,
        description="IANA name of the time zone in which `cron` and `exclude` are read.",
        examples=["Europe/Berlin"],
    )
    start: Rfc3339 | None = Field(
        default=None,
        description="No fire before this time; `every` counts from it. Default: none; `every` then counts from the "
        "time of creation.",
    )
    end: Rfc3339 | None = Field(default=None, description="No fire after this time. Default: no end.")
    gap: Literal["skip", "next"] | None = Field(
        default=None,
        description="For a local time that does not exist because clocks go forward: `skip` it, or fire at the `next` "
        "instant. Only with `cron`. Default: `skip` if the hour field begins with `*` or has all 24 hours, else "
        "`next`.",
    )
    fold: Literal["once", "twice"] | None = Field(
        default=None,
        description="For a local time that comes twice because clocks go back: fire `once` or `twice`. Only with "
        "`cron`. Default: `twice` if the hour field begins with `*` or has all 24 hours, else `once`.",
    )
    exclude: list[Exclusion] = Field(
        default_factory=list,
        max_length=SCHEDULE_EXCLUSIONS,
        description="When it does not fire, in local time: dates, ranges of dates with both ends included, and ranges "
        f"of times of day without their end (at most {SCHEDULE_EXCLUDED_TIMES} of these). Default: none.",
        examples=[["2026-12-25", "2026-12-24/2027-01-01", "22:00/06:00"]],
    )
    every_weeks: int | None = Field(
        default=None,
        ge=1,
        le=SCHEDULE_WEEKS_MAX,
        description="Only in every second week (2), every third (3) and so on, counted from the week of `anchor`; "
        "weeks begin on Monday. Only with `cron` or `crons`. Default: in every week.",
        examples=[2],
    )
    anchor: str | None = Field(
        default=None,
        max_length=64,
        description="Local date in a week in which it fires; must be sent with `everyWeeks`.",
        examples=["2026-01-05"],
    )
    max_runs: int | None = Field(
        default=None,
        ge=1,
        le=SCHEDULE_RUNS,
        description="Maximum number of fires that run, caught up ones included; then it has ended. They are counted "
        "from the change that sets it first. Default: no maximum.",
    )
    jitter_seconds: int = Field(
        default=0,
        ge=0,
        le=JITTER_MAX_S,
        description="Delays fires by an offset between 0 and this many seconds, see `jitterPer`.",
    )
    jitter_per: Literal["schedule", "fire"] = Field(
        default="schedule",
        description="`schedule`: all fires have the same offset, which depends on tenant and name only. `fire`: each "
        "has one of its own, which depends on its nominal time as well.",
    )

    def recurrence(self) -> Recurrence:
        """Return the times as the service's recurrence.

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
            crons=tuple(self.crons or ()),
            every_weeks=self.every_weeks,
            anchor=self.anchor,
        )


class PreviewBody(WhenBody, ShownFields):
    """A schedule to preview without saving it: its times, or a whole schedule."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"cron": "0 30 2 * * *", "timezone": "Europe/Berlin", "limit": 5}}
    )

    from_: Rfc3339 | None = Field(
        default=None, alias="from", description="First nominal time of the preview. Default: now."
    )
    limit: int = Field(default=10, ge=1, le=PREVIEW_FIRES, description="Number of fires to return.")
    name: Name | None = Field(
        default=None, description="Name of the schedule: if it is set, `dueAt` has the offset of `jitterSeconds`."
    )
    # A whole schedule may be sent as it would be put; these have no part in when it fires.
    misfire: MisfireBody | None = Field(default=None, description="Ignored.")
    overlap: Overlap | None = Field(default=None, description="Ignored.")
    expires: Expires | None = Field(default=None, description="Ignored.")
    pause_after_failures: int | None = Field(default=None, ge=1, le=PAUSE_AFTER_FAILURES, description="Ignored.")
    remove_after_seconds: int | None = Field(default=None, ge=REMOVE_AFTER_MIN_S, le=HORIZON_S, description="Ignored.")
    paused: InitialPauseBody | None = Field(
        default=None, description="The fires before its `until` are left out; without `until` it is ignored."
    )
    job: JobTemplate | None = Field(default=None, description="Ignored: task and payload are not checked.")
    workflow: WorkflowTemplate | None = Field(default=None, description="Ignored: the graph is not checked.")

    def paused_up_to_ms(self) -> int:
        """Return the last nominal time that its pause skips, ms UTC; -1 for none."""
        until_ms = self.paused.until_ms() if self.paused else None
        return -1 if until_ms is None else until_ms - 1

    def offset_ms(self, tenant: str, nominal_ms: int) -> int:
        """Return how long after a nominal time (ms UTC) its job would be due, ms; 0 without a name."""
        each = nominal_ms if self.jitter_per == "fire" else None
        return jitter_ms(identity_of(tenant, self.name), self.jitter_seconds, each) if self.name else 0


class ScheduleBody(WhenBody, ShownFields):
    """A whole schedule: when it fires, and the job or workflow that each fire runs."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "cron": "0 30 2 * * *",
                "timezone": "Europe/Berlin",
                "misfire": {"policy": "fire_once", "graceSeconds": 300},
                "job": {"type": "demo.greet", "payload": {"name": "Ada"}, "retries": 3, "priority": "low"},
            }
        }
    )

    name: Name | None = Field(
        default=None, description="Ignored: the name is that of the path, so that what was read can be put as a copy."
    )
    misfire: MisfireBody = Field(
        default=MisfireBody(), description="What happens to fires that were missed. Default: the latest of them runs."
    )
    overlap: Overlap = Field(
        default="allow",
        description="What a fire does while an earlier job of the schedule has not ended: `allow` runs both, `skip` "
        "skips the fire, `buffer_one` runs one fire after it, `cancel_running` cancels the earlier job and then runs.",
    )
    expires: Expires | None = Field(
        default=None,
        description="`next_fire`: the job of a fire expires, unless it has begun, at the first nominal time after it "
        "is due. Default: what the job or workflow says in `expiresSeconds`.",
    )
    pause_after_failures: int | None = Field(
        default=None,
        ge=1,
        le=PAUSE_AFTER_FAILURES,
        description="Pauses the schedule when this many fires in a row have ended dead. Default: never.",
    )
    remove_after_seconds: int | None = Field(
        default=None,
        ge=REMOVE_AFTER_MIN_S,
        le=HORIZON_S,
        description="Removes the schedule this many seconds after it has ended. Default: it is kept.",
    )
    paused: InitialPauseBody | None = Field(
        default=None,
        description="Creates the schedule paused. One that exists stays as it is: pause and resume it by their own "
        "requests. Default: it is active.",
    )
    job: JobTemplate | None = Field(default=None, description="The job that each fire runs. Send this or `workflow`.")
    workflow: WorkflowTemplate | None = Field(
        default=None, description="The workflow that each fire runs. Send this or `job`."
    )

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if (self.job is None) == (self.workflow is None):
            raise ValueError("must have exactly one of job and workflow")
        return self

    @model_validator(mode="after")
    def _expires_once(self) -> Self:
        target = self.job or self.workflow
        if self.expires and target and target.expires_seconds is not None:
            raise ValueError("send expires, or expiresSeconds of the job or workflow, not both")
        return self

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if self.overlap != "allow" and self.workflow:
            raise ValueError("overlap must be allow for a workflow: other policies are for schedules with a job")
        if self.overlap != "allow" and self.job and self.job.limits:
            raise ValueError("overlap and job.limits exclude each other: leave job.limits out, or set overlap to allow")
        return self

    def definition(self) -> Definition:
        """Return the definition in the service's form.

        Raises:
            InvalidScheduleError: `every` is not a duration of whole seconds.
            InvalidWorkflowError, InvalidReferenceError: the workflow's graph is not valid.
        """
        # One of them is there.
        target = cast("JobTemplate | WorkflowTemplate", self.job or self.workflow)
        return Definition(
            recurrence=self.recurrence(),
            template=target.request(None),
            misfire=self.misfire.misfire(),
            jitter_s=self.jitter_seconds,
            jitter_per=None if self.jitter_per == "schedule" else self.jitter_per,
            overlap=self.overlap,
            pause_after=self.pause_after_failures,
            max_runs=self.max_runs,
            expires=self.expires,
            remove_after_s=self.remove_after_seconds,
        )


def _read(text: str | None) -> int | None:
    return None if text is None else times.read(text)
