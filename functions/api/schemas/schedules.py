"""Requests about schedules."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from functions.api.http import times
from functions.api.schemas.base import Body
from functions.api.schemas.job_requests import TIMES_ELSEWHERE, JobTemplate, Tags
from functions.api.schemas.shared.policy import Name, Priority, QueueBody, QueueName, Rfc3339
from functions.api.schemas.workflows import WorkflowTemplate
from whendue.quotas import (
    BACKFILL_FIRES,
    JITTER_MAX_S,
    MISFIRE_CATCH_UP,
    MISFIRE_GRACE_MAX_S,
    MISFIRE_GRACE_MIN_S,
    PAUSE_AFTER_FAILURES,
    PREVIEW_FIRES,
    REASON_BYTES,
    SCHEDULE_CRONS,
    SCHEDULE_EXCLUSIONS,
    SCHEDULE_RUNS,
)
from whendue.schedules.calendar import durations
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.model import MISFIRE_POLICIES, Definition, Expires, Misfire, MisfirePolicy, Overlap

CronText = Annotated[str, StringConstraints(max_length=256)]
Exclusion = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def _short(text: str) -> str:
    if len(text.encode()) > REASON_BYTES:
        raise ValueError(f"must have at most {REASON_BYTES} bytes")
    return text


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

    reason: Annotated[str, AfterValidator(_short)] = Field(
        default="", description=f"Why it is paused, up to {REASON_BYTES} bytes. Default: empty."
    )
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
        description="Local dates without fires, each a date or a range with both ends included. Default: none.",
        examples=[["2026-12-25", "2026-12-24/2027-01-01"]],
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
        description="Delays all fires by the same offset between 0 and this many seconds. The offset depends on tenant "
        "and name only.",
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
    paused: InitialPauseBody | None = Field(default=None, description="Ignored.")
    job: JobTemplate | None = Field(default=None, description="Ignored: task and payload are not checked.")
    workflow: WorkflowTemplate | None = Field(default=None, description="Ignored: the graph is not checked.")


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

    name: Name | None = Field(default=None, description="Must be the name in the path, if sent. Default: that name.")
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
            misfire=Misfire(self.misfire.policy, self.misfire.limit, self.misfire.grace_seconds),
            jitter_s=self.jitter_seconds,
            overlap=self.overlap,
            pause_after=self.pause_after_failures,
            max_runs=self.max_runs,
            expires=self.expires,
        )


class TriggerBody(QueueBody):
    """Values of this run that replace those of the template; a field that is left out is the template's."""

    ELSEWHERE: ClassVar[Mapping[str, str]] = TIMES_ELSEWHERE

    model_config = ConfigDict(json_schema_extra={"example": {"payload": {"name": "Grace"}}})

    payload: Any = Field(
        default_factory=dict,
        description="Payload of this run: it replaces the template's as a whole. Default: the template's.",
        examples=[{"name": "Grace"}],
    )
    priority: Priority | None = Field(
        default=None, description="Queue of this run, one of these four. Default: the template's."
    )
    queue: QueueName | None = Field(
        default=None,
        description="Queue of this run, one of the four priorities or of the deployment's own. Send this or "
        "`priority`. Default: the template's.",
    )
    tags: Tags | None = Field(
        default=None, description="Tags of this run: they replace the template's. Default: the template's."
    )

    def changes(self) -> dict[str, Any]:
        """Return what was sent, as fields of the service's request."""
        values = {"queue": self.queue_name, "tags": self.tags}
        sent = {name: value for name, value in values.items() if value is not None}
        # As null is a payload, too.
        return sent | ({"payload": self.payload} if "payload" in self.model_fields_set else {})


class BackfillBody(Body):
    """A range of past nominal times to create jobs for."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "limit": 100}}
    )

    from_: Rfc3339 = Field(alias="from", description="First nominal time, included.")
    to: Rfc3339 = Field(description="Last nominal time, included. A time in the future means now.")
    limit: int | None = Field(
        default=None,
        ge=1,
        le=BACKFILL_FIRES,
        description=f"Maximum number of jobs to create. Default: {BACKFILL_FIRES}.",
    )
    force: bool = Field(default=False, description="Also create jobs for fires that already had one.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if times.read(self.from_) > times.read(self.to):
            raise ValueError("from must not be later than to")
        return self


def _read(text: str | None) -> int | None:
    return None if text is None else times.read(text)
