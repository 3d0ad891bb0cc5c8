"""What the API takes: pydantic models in camelCase that refuse unknown fields and wrong types."""

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from functions.api.http import times
from functions.api.http.body import KEY
from functions.api.http.json_text import Refused
from functions.api.http.problems import invalid
from functions.api.schemas.base import Body
from functions.api.schemas.numbers import BackoffFactor, BackoffSeconds, Delay, RedriveRate, StartRate
from whendue.jobs.dependencies import FailurePolicy, On
from whendue.jobs.limit_spec import Limit
from whendue.quotas import (
    BULK_JOBS,
    GROUP_BYTES,
    LEASE_MAX_S,
    LEASE_MIN_S,
    LIMIT_CONCURRENCY,
    MAX_ATTEMPTS,
    NAME_BYTES,
    NEVER_RETRY,
    NEVER_RETRY_BYTES,
    NOTIFY_BYTES,
    NOTIFY_NAMES,
    PARENTS,
    REDRIVE_JOBS,
    RETENTION_S,
    TAG_KEY_BYTES,
    TAG_VALUE_BYTES,
    TAGS,
    TAGS_BYTES,
    TIMEOUT_S,
    TYPE_BYTES,
)
from whendue.submission.request import Dependency, JobRequest, joined

Priority = Literal["critical", "high", "normal", "low"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_BYTES, pattern=r"^[A-Za-z0-9._-]+$")]
Group = Annotated[str, StringConstraints(min_length=1, max_length=GROUP_BYTES, pattern=r"^[A-Za-z0-9._-]+$")]
TypeName = Annotated[str, StringConstraints(min_length=1, max_length=TYPE_BYTES, pattern=r"^[A-Za-z0-9._-]+$")]


def _a_time(text: str) -> str:
    times.read(text)
    return text


Rfc3339 = Annotated[
    str, AfterValidator(_a_time), Field(json_schema_extra={"format": "date-time"}, examples=["2026-12-24T18:00:00Z"])
]


class Backoff(Body):
    """How long to wait between attempts: base x factor^n, capped; `full` jitter draws from 0 to that."""

    base_seconds: BackoffSeconds | None = None
    factor: BackoffFactor | None = None
    cap_seconds: BackoffSeconds | None = None
    jitter: Literal["full", "none"] | None = None


def _fit_together(names: list[str]) -> list[str]:
    if len(" ".join(names)) > NOTIFY_BYTES:
        raise ValueError(f"all names together may have {NOTIFY_BYTES} bytes")
    return names


Names = Annotated[
    list[Name],
    AfterValidator(_fit_together),
    Field(max_length=NOTIFY_NAMES, description="Subscriptions that are told of it, besides those told of everything."),
]


class PolicyBody(Body):
    """How jobs are tried: what a job and a profile may say alike."""

    retries: int | None = Field(default=None, ge=0, lt=MAX_ATTEMPTS, description="Attempts after the first.")
    max_attempts: int | None = Field(default=None, ge=1, le=MAX_ATTEMPTS, description="The same, the first included.")
    backoff: Backoff | None = None
    timeout_seconds: int | None = Field(default=None, ge=1, le=TIMEOUT_S)
    lease_seconds: int | None = Field(default=None, ge=LEASE_MIN_S, le=LEASE_MAX_S)
    retention_seconds: int | None = Field(default=None, ge=60, le=RETENTION_S)
    never_retry: list[Name] | None = Field(
        default=None, max_length=NEVER_RETRY, description="An attempt with an error of such a type is the last."
    )

    @field_validator("never_retry")
    @classmethod
    def _fit_the_hot_item(cls, types: list[str] | None) -> list[str] | None:
        if len(" ".join(types or [])) > NEVER_RETRY_BYTES:
            raise ValueError(f"all names together may have {NEVER_RETRY_BYTES} bytes")
        return types

    @model_validator(mode="after")
    def _says_attempts_once(self) -> Self:
        if self.retries is not None and self.max_attempts is not None:
            raise ValueError("give retries or maxAttempts, not both")
        return self

    def policy(self) -> dict[str, Any]:
        """Give the fields of a policy that are said."""
        backoff = self.backoff or Backoff()
        said = {
            "max_attempts": self.max_attempts if self.retries is None else self.retries + 1,
            "base_s": backoff.base_seconds,
            "factor": backoff.factor,
            "cap_s": backoff.cap_seconds,
            "jitter": backoff.jitter,
            "timeout_s": self.timeout_seconds,
            "lease_s": self.lease_seconds,
            "retention_s": self.retention_seconds,
            "never_retry": None if self.never_retry is None else tuple(dict.fromkeys(self.never_retry)),
        }
        return {name: value for name, value in said.items() if value is not None}


class LimitsBody(Body):
    """How many jobs of a key run at once and start per second; what is not said is the profile's."""

    concurrency: int | None = Field(default=None, ge=1, le=LIMIT_CONCURRENCY, description="So many at once.")
    rate_per_second: StartRate | None = Field(default=None, description="So many starts a second.")
    key: Name | None = Field(default=None, description="What they are counted by; the profile or the type if not said.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self == LimitsBody.model_construct():
            raise ValueError("give concurrency, ratePerSecond, key or several of them")
        return self

    def limit(self) -> Limit:
        """Give the limit as the service takes it."""
        return Limit(self.concurrency, self.rate_per_second, self.key)


WORKFLOW = "workflow"


def _short(tags: dict[str, str]) -> dict[str, str]:
    sizes = [(len(name.encode()), len(value.encode())) for name, value in tags.items()]
    if any(not 0 < name <= TAG_KEY_BYTES or value > TAG_VALUE_BYTES for name, value in sizes):
        raise ValueError(f"names must have 1 to {TAG_KEY_BYTES} bytes, values up to {TAG_VALUE_BYTES}")
    if sum(map(sum, sizes)) > TAGS_BYTES:
        raise ValueError(f"all tags together may have {TAGS_BYTES} bytes")
    return tags


Tags = Annotated[dict[str, str], Field(max_length=TAGS), AfterValidator(_short)]
OnDependencyFailure = Annotated[
    FailurePolicy,
    Field(
        description="What becomes of it when a parent that must succeed does not: `cancel` it, `run` it all the same, "
        "or `hold` it until that one is redriven and succeeds."
    ),
]


class JobTemplate(PolicyBody):
    """What a job is, but for its time."""

    type: TypeName = Field(examples=["demo.greet"], description="The task's name.")
    payload: Any = Field(default_factory=dict, description="Any JSON that the task takes.", examples=[{"name": "Ada"}])
    priority: Priority | None = None
    profile: Name = "default"
    follow_profile: bool | None = Field(
        default=None, description="Take the newest version of the profile at each claim; null: as the profile says."
    )
    tags: Tags = Field(default_factory=dict)
    group: Group | None = Field(default=None, description="Part of the tenant that gets a fair share of its own.")
    limits: LimitsBody | None = None
    notify: Names = Field(default_factory=list)

    @field_validator("type")
    @classmethod
    def _is_a_job(cls, name: str) -> str:
        if name == WORKFLOW:
            raise ValueError("submit a workflow to POST /workflows, or give a schedule a workflow in place of a job")
        return name

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Give the request as the service takes it."""
        return JobRequest(
            type=self.type,
            payload=self.payload,
            queue=self.priority,
            profile=self.profile,
            policy=self.policy(),
            follow=self.follow_profile,
            tags=self.tags,
            limit=self.limits.limit() if self.limits else None,
            idempotency_key=idempotency_key,
            group=self.group,
            notify=joined(*self.notify),
        )


class DueBody(Body):
    """When something is due: at once, after a delay, or at a time."""

    delay_seconds: Delay | None = Field(
        default=None, description="Run so long from now; with dependsOn: after the last parent."
    )
    due_at: Rfc3339 | None = Field(default=None, description="Run then; a time in the past means now.")

    @model_validator(mode="after")
    def _is_due_once(self) -> Self:
        if self.delay_seconds is not None and self.due_at is not None:
            raise ValueError("give delaySeconds or dueAt, not both")
        return self

    def due(self, request: JobRequest) -> JobRequest:
        """Give a request with its time."""
        due_at = None if self.due_at is None else times.read(self.due_at)
        return replace(request, due_at=due_at, delay_s=self.delay_seconds)


JobIdText = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class DependencyBody(Body):
    """A job that is to end first."""

    job: JobIdText = Field(description="Its id.")
    on: On = Field(default="success", description="Which end counts: `failure` is dead or cancelled, `done` is any.")
    as_: Name | None = Field(default=None, alias="as", description="What the payload calls it; its id if not said.")

    def dependency(self) -> Dependency:
        """Give the dependency as the service takes it."""
        return Dependency(job=self.job, on=self.on, name=self.as_)


class BatchDependencyBody(Body):
    """A job that is to end first: one that is there, or an earlier one of the batch."""

    job: JobIdText | None = Field(default=None, description="Its id.")
    ref: Name | None = Field(default=None, description="What an earlier job of the batch calls itself.")
    on: On = Field(default="success", description="Which end counts: `failure` is dead or cancelled, `done` is any.")
    as_: Name | None = Field(
        default=None, alias="as", description="What the payload calls it; its ref or id if not said."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.job is None) == (self.ref is None):
            raise ValueError("give job or ref")
        return self

    def dependency(self) -> Dependency:
        """Give the dependency as the service takes it."""
        return Dependency(job=self.job, ref=self.ref, on=self.on, name=self.as_ or self.ref)


class JobBody(DueBody, JobTemplate):
    """A job to be."""

    depends_on: list[JobIdText | DependencyBody] = Field(
        default_factory=list, max_length=PARENTS, description="Jobs that are to end first."
    )
    on_dependency_failure: OnDependencyFailure = "cancel"

    @model_validator(mode="after")
    def _waits_for_each_once(self) -> Self:
        links = self._links()
        parents = [(link.job, link.ref) for link in links]
        if len(set(parents)) < len(parents):
            raise ValueError("dependsOn names a job twice")
        names = [link.name or link.job for link in links]
        if len(set(names)) < len(names):
            raise ValueError("dependsOn gives a name twice")
        if "on_dependency_failure" in self.model_fields_set and not links:
            raise ValueError("onDependencyFailure is for jobs with dependsOn")
        return self

    def _links(self) -> tuple[Dependency, ...]:
        return tuple(Dependency(job=one) if isinstance(one, str) else one.dependency() for one in self.depends_on)

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Give the request as the service takes it."""
        links = self._links()
        policy = None if self.on_dependency_failure == "cancel" else self.on_dependency_failure
        asked = replace(super().request(idempotency_key), depends_on=links, on_dependency_failure=policy)
        return self.due(asked)


class BatchJobBody(JobBody):
    """A job to be, among others."""

    depends_on: list[JobIdText | BatchDependencyBody] = Field(  # type: ignore[assignment]
        default_factory=list, max_length=PARENTS, description="Jobs that are to end first."
    )
    ref: Name | None = Field(default=None, description="What later jobs of the batch call it.")
    idempotency_key: str | None = Field(default=None, pattern=f"^{KEY.pattern}$")

    @classmethod
    def read(cls, value: Any) -> JobRequest:
        """Read one job of a batch.

        Raises:
            MalformedRequestError: something in it cannot be carried.
            InvalidRequestError: it is not valid.
        """
        if isinstance(value, Refused):
            raise value.error
        try:
            body = cls.model_validate(value)
        except ValidationError as error:
            raise invalid(error.errors(include_input=False, include_url=False), "this job is not valid") from None
        return replace(body.request(body.idempotency_key), ref=body.ref)


class BatchBody(Body):
    """Many jobs; each is judged on its own (see BatchJob)."""

    jobs: list[Any] = Field(min_length=1, max_length=BULK_JOBS, json_schema_extra={"items": {"type": "object"}})


class ChangeBody(Body):
    """What to change of a pending job."""

    due_at: Rfc3339 | None = None
    priority: Priority | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.due_at is None and self.priority is None:
            raise ValueError("give dueAt, priority or both")
        return self


class DeadLetterFilter(Body):
    """Which dead jobs are meant."""

    type: TypeName | None = None
    priority: Priority | None = None
    fingerprint: Name | None = None


class RedriveBody(Body):
    """Which dead jobs to run again, and how fast."""

    filter: DeadLetterFilter = DeadLetterFilter()
    dry_run: bool = Field(default=False, description="Only count them.")
    rate_per_second: RedriveRate | None = Field(default=None, description="Spread their starts.")
    limit: int = Field(default=100, ge=1, le=REDRIVE_JOBS)
    cursor: str | None = Field(default=None, description="Where the last call said to go on.")
