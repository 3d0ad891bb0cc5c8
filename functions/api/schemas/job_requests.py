"""Requests about jobs: pydantic models in camelCase that refuse unknown fields and wrong types."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from functions.api.http import times
from functions.api.http.body import KEY
from functions.api.http.json_text import Refused
from functions.api.http.problems import invalid
from functions.api.schemas.base import OBJECT, TEXT, Body, text_or_object
from functions.api.schemas.shared.numbers import Delay
from functions.api.schemas.shared.policy import (
    ExpiringBody,
    Group,
    LimitsBody,
    Name,
    Names,
    PolicyBody,
    Priority,
    QueueBody,
    QueueName,
    Rfc3339,
    TypeName,
)
from functions.api.schemas.shared.unique import UniqueBody
from whendue.jobs.dependencies import FailurePolicy, On
from whendue.jobs.model import WORKFLOW
from whendue.quotas import (
    BULK_JOBS,
    DEPENDENCIES,
    TAGS,
)
from whendue.submission.request import Dependency, JobRequest, joined, tags_problem

_ON: Final = (
    "How it must end: `success`, `failure` (it is dead, cancelled or expired) or `done` (either). Default: `success`."
)
_DEPENDS_ON: Final = "Jobs that must end first."
EMAIL_JOB: Final[dict[str, Any]] = {
    "type": "email",
    "payload": {"to": "user@example.com", "subject": "Hello"},
    "delaySeconds": 30,
    "retries": 3,
}
# For what is due when something else says so.
NO_TIME: Final = "what a schedule or a workflow runs has no time of its own"
TIMES_ELSEWHERE: Final[Mapping[str, str]] = {
    "dueAt": NO_TIME,
    "delaySeconds": NO_TIME,
    "expiresAt": "send expiresSeconds, which counts from the time at which it is due",
}


def _short(tags: dict[str, str]) -> dict[str, str]:
    if problem := tags_problem(tags):
        raise ValueError(problem)
    return tags


Tags = Annotated[
    dict[str, str],
    Field(
        max_length=TAGS,
        description="Labels of your own, returned with the job and its notifications; names have no colon. Default: "
        "none.",
        examples=[{"team": "billing"}],
    ),
    AfterValidator(_short),
]
OnDependencyFailure = Annotated[
    FailurePolicy,
    Field(
        description="What happens when a job that it depends on does not end as required: `cancel` it, `run` it "
        "anyway, or `hold` it until that job is run again and ends as required. Default: `cancel`."
    ),
]


class JobFields(ExpiringBody, QueueBody, PolicyBody):
    """A job without the time at which it is due, alone or in a workflow."""

    ELSEWHERE: ClassVar[Mapping[str, str]] = TIMES_ELSEWHERE

    model_config = ConfigDict(json_schema_extra={"example": {"type": "demo.greet", "payload": {"name": "Ada"}}})

    type: TypeName = Field(examples=["demo.greet"], description="Name of the task to run.")
    payload: Any = Field(
        default_factory=dict,
        description="Argument of the task: JSON that fits the task's model, up to 1 MiB. Default: `{}`. "
        "`GET /tasks` has the schemas; so has this document, as `Payload.` and the type, if it is read with a token.",
        examples=[{"name": "Ada"}],
    )
    profile: Name = Field(default="default", description="Name of the profile that the policy is taken from.")
    follow_profile: bool | None = Field(
        default=None,
        description="Whether each attempt uses the newest version of the profile. Default: what the profile says in "
        "`follow`.",
    )
    tags: Tags = Field(default_factory=dict)
    group: Group | None = Field(
        default=None,
        description="A part of the tenant, such as one customer, that gets its own fair share of the workers. "
        "Default: the tenant as a whole.",
        examples=["customer-17"],
    )
    limits: LimitsBody | None = Field(default=None, description="Concurrency and rate limits. Default: the profile's.")
    notify: Names = Field(
        default_factory=list,
        description="Names of subscriptions to notify, in addition to those that apply to all jobs and to those that "
        "the profile names. Default: none.",
    )

    @field_validator("type")
    @classmethod
    def _is_a_job(cls, name: str) -> str:
        if name == WORKFLOW:
            raise ValueError(
                "must not be workflow: send a workflow to POST /workflows; in a schedule, use workflow instead of job"
            )
        return name

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Return the request in the service's form."""
        return JobRequest(
            type=self.type,
            payload=self.payload,
            expires_s=self.expires_seconds,
            queue=self.queue_name,
            profile=self.profile,
            policy=self.policy(),
            follow=self.follow_profile,
            tags=self.tags,
            limit=self.limits.limit() if self.limits else None,
            idempotency_key=idempotency_key,
            group=self.group,
            notify=joined(*self.notify),
        )


class DueBody(ExpiringBody):
    """When something is due: at once, after a delay, or at a time; and when it expires."""

    delay_seconds: Delay | None = Field(
        default=None,
        description="Seconds to wait before it runs: from now, or from the end of the last job that it depends on. "
        "Default: 0.",
    )
    due_at: Rfc3339 | None = Field(
        default=None,
        description="Earliest time at which it runs, RFC 3339 with an offset. A time in the past means now. "
        "Default: now.",
    )

    expires_at: Rfc3339 | None = Field(
        default=None,
        description="When it expires unless it has begun, later than `dueAt`. Send this or `expiresSeconds`. Default: "
        "never.",
    )

    @model_validator(mode="after")
    def _expires_once(self) -> Self:
        if self.expires_seconds is not None and self.expires_at is not None:
            raise ValueError("send expiresSeconds or expiresAt, not both")
        return self

    @model_validator(mode="after")
    def _is_due_once(self) -> Self:
        if self.delay_seconds is not None and self.due_at is not None:
            raise ValueError("send delaySeconds or dueAt, not both")
        return self

    def due(self, request: JobRequest) -> JobRequest:
        """Return a request with its due time and its expiry."""
        due_at, expires_at = (None if text is None else times.read(text) for text in (self.due_at, self.expires_at))
        return replace(request, due_at=due_at, delay_s=self.delay_seconds, expires_at=expires_at)


JobIdText = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class DependencyBody(Body):
    """A job that must end first."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"job": "0198f0c2-6d5e-7c43-9c1f-1f0a8f6b2a11", "as": "invoice"}}
    )

    job: JobIdText = Field(description="Id of the job.", examples=["0198f0c2-6d5e-7c43-9c1f-1f0a8f6b2a11"])
    on: On = Field(default="success", description=_ON)
    as_: Name | None = Field(
        default=None,
        alias="as",
        description="Name by which references in the payload (`$from`) find its result. Default: its id.",
        examples=["invoice"],
    )

    def dependency(self) -> Dependency:
        """Return the dependency in the service's form."""
        return Dependency(job=self.job, on=self.on, name=self.as_)


class BatchDependencyBody(Body):
    """A job that must end first: an existing one, or an earlier one of the same batch."""

    job: JobIdText | None = Field(default=None, description="Id of an existing job. Send this or `ref`.")
    ref: Name | None = Field(default=None, description="`ref` of an earlier job of this batch. Send this or `job`.")
    on: On = Field(default="success", description=_ON)
    as_: Name | None = Field(
        default=None,
        alias="as",
        description="Name by which references in the payload (`$from`) find its result. Default: its ref or id.",
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.job is None) == (self.ref is None):
            raise ValueError("must have exactly one of job and ref")
        return self

    def dependency(self) -> Dependency:
        """Return the dependency in the service's form."""
        return Dependency(job=self.job, ref=self.ref, on=self.on, name=self.as_ or self.ref)


JobIdOrDependency = Annotated[
    Annotated[JobIdText, Tag(TEXT)] | Annotated[DependencyBody, Tag(OBJECT)], Discriminator(text_or_object)
]
JobIdOrBatchDependency = Annotated[
    Annotated[JobIdText, Tag(TEXT)] | Annotated[BatchDependencyBody, Tag(OBJECT)], Discriminator(text_or_object)
]


class JobTemplate(JobFields):
    """A job without the time at which it is due."""

    unique: UniqueBody | None = Field(
        default=None,
        description="A key that one job of this type holds at a time. A fire is skipped while another job holds its "
        "key, unless `onConflict` is `replace` and that job has not begun. Default: none.",
    )

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Return the request in the service's form."""
        asked = super().request(idempotency_key)
        return replace(asked, unique=self.unique.unique()) if self.unique else asked


class JobBody(DueBody, JobTemplate):
    """A job to submit."""

    model_config = ConfigDict(json_schema_extra={"example": EMAIL_JOB})

    depends_on: list[JobIdOrDependency] = Field(
        default_factory=list, max_length=DEPENDENCIES, description=f"{_DEPENDS_ON} Ids, or objects. Default: none."
    )
    on_dependency_failure: OnDependencyFailure = "cancel"
    unique: UniqueBody | None = Field(
        default=None, description="A key that one job of this type holds at a time. Default: none."
    )

    @model_validator(mode="after")
    def _can_be_postponed(self) -> Self:
        if self.unique and self.unique.on_conflict == "postpone" and (self.delay_seconds is None or self.depends_on):
            raise ValueError("unique.onConflict postpone needs delaySeconds, and takes no dependsOn")
        return self

    @model_validator(mode="after")
    def _waits_for_each_once(self) -> Self:
        links = self._links()
        dependencies = [(link.job, link.ref) for link in links]
        if len(set(dependencies)) < len(dependencies):
            raise ValueError("dependsOn must name each job once")
        names = [link.name or link.job for link in links]
        if len(set(names)) < len(names):
            raise ValueError("dependsOn must use each name in `as` once")
        # Generated clients send the default of every field.
        if self.on_dependency_failure != "cancel" and not links:
            raise ValueError("onDependencyFailure needs dependsOn: send dependsOn, or leave onDependencyFailure out")
        return self

    def _links(self) -> tuple[Dependency, ...]:
        return tuple(
            Dependency(job=wanted) if isinstance(wanted, str) else wanted.dependency() for wanted in self.depends_on
        )

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Return the request in the service's form."""
        links = self._links()
        policy = None if self.on_dependency_failure == "cancel" else self.on_dependency_failure
        asked = replace(super().request(idempotency_key), depends_on=links, on_dependency_failure=policy)
        return self.due(asked)


class BatchJobBody(JobBody):
    """A job to submit in a batch."""

    depends_on: list[JobIdOrBatchDependency] = Field(  # type: ignore[assignment]
        default_factory=list, max_length=DEPENDENCIES, description=f"{_DEPENDS_ON} Ids, or objects. Default: none."
    )
    ref: Name | None = Field(
        default=None, description="Name by which later jobs of this batch depend on it. Default: none."
    )
    idempotency_key: str | None = Field(
        default=None,
        pattern=f"^{KEY.pattern}$",
        description="Makes this job safe to submit again. Default: derived from the batch's Idempotency-Key, if any.",
    )

    @model_validator(mode="after")
    def _is_waited_for_alone(self) -> Self:
        if self.unique and self.ref is not None:
            raise ValueError("must not have both unique and ref: another job may be the answer")
        return self

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
    """Jobs to submit together; each is accepted or refused on its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "jobs": [
                    {"type": "demo.greet", "payload": {"name": "Ada"}, "ref": "first"},
                    {"type": "demo.greet", "payload": {"name": "Grace"}, "dependsOn": [{"ref": "first"}]},
                ]
            }
        }
    )

    jobs: list[Any] = Field(
        min_length=1,
        max_length=BULK_JOBS,
        description="The jobs, as for `POST /jobs`. Each may also have `idempotencyKey`, and `ref`, a name that "
        "`dependsOn` of later jobs can use.",
        json_schema_extra={"items": {"type": "object"}},
    )


class ChangeBody(QueueBody):
    """What to change about a job that waits for its due time or for a worker, before its first attempt or a retry."""

    ELSEWHERE: ClassVar[Mapping[str, str]] = {"delaySeconds": "send dueAt, the new time"}

    model_config = ConfigDict(json_schema_extra={"example": {"priority": "high"}})

    due_at: Rfc3339 | None = Field(
        default=None, description="New due time, the earliest time at which it runs. Default: unchanged."
    )
    priority: Priority | None = Field(default=None, description="New queue, one of these four. Default: unchanged.")
    queue: QueueName | None = Field(
        default=None,
        description="New queue, one of the four priorities or of the deployment's own. Send this or `priority`. "
        "Default: unchanged.",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.due_at is None and self.queue_name is None:
            raise ValueError("must have at least one of dueAt, priority and queue")
        return self
