"""Names, limits and the policy of attempts, as jobs, workflows and profiles take them alike."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from functions.api.http import times
from functions.api.schemas.base import Body
from functions.api.schemas.shared.numbers import BackoffFactor, BackoffSeconds, Expiry, StartRate
from whendue.aws_quotas import ERROR_TYPE_BYTES
from whendue.jobs.limit_spec import Limit
from whendue.quotas import (
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
    RETENTION_S,
    TIMEOUT_S,
    TYPE_BYTES,
)
from whendue.settings import QUEUE_NAME, QUEUES

# The order in which a policy is put together: see whendue.profiles.model.
_FROM_PROFILE: Final = "Default: the profile's, else the task's, else"
Priority = Literal["critical", "high", "normal", "low"]
QueueName = Annotated[str, StringConstraints(pattern=f"^{QUEUE_NAME}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_BYTES, pattern=r"^[A-Za-z0-9._-]+$")]
Group = Annotated[str, StringConstraints(min_length=1, max_length=GROUP_BYTES, pattern=r"^[A-Za-z0-9._-]+$")]
# As in `error.type`.
ErrorType = Annotated[str, StringConstraints(min_length=1, max_length=ERROR_TYPE_BYTES, pattern=r"^[A-Za-z0-9._-]+$")]
TypeName = Annotated[str, StringConstraints(min_length=1, max_length=TYPE_BYTES, pattern=r"^[A-Za-z0-9._-]+$")]


def _a_time(text: str) -> str:
    times.read(text)
    return text


Rfc3339 = Annotated[
    str, AfterValidator(_a_time), Field(json_schema_extra={"format": "date-time"}, examples=["2026-12-24T18:00:00Z"])
]


class QueueBody(Body):
    """The queue of something, by either name."""

    priority: Priority | None = Field(
        default=None,
        description="Queue that the job goes to, one of these four. Default: the profile's, else the task's, else "
        "`normal`.",
    )
    queue: QueueName | None = Field(
        default=None,
        description="Queue that the job goes to, one of the four priorities or of the deployment's own (`GET /queues`)."
        " Send this or `priority`. Default: that of `priority`.",
        examples=["normal"],
    )

    @model_validator(mode="after")
    def _has_one_queue(self) -> Self:
        if self.priority is not None and self.queue is not None:
            raise ValueError("send queue or priority, not both")
        return self

    @property
    def queue_name(self) -> str | None:
        """The queue, by whichever name it was sent; None for none."""
        return self.priority if self.queue is None else self.queue


def shown_queue(queue: str | None) -> dict[str, str | None]:
    """Show a queue as it would be asked for again: one of the priorities as `priority`, any other as `queue`."""
    own = queue is not None and queue not in QUEUES
    return {"priority": None if own else queue, "queue": queue if own else None}


class Backoff(Body):
    """How long to wait before a retry: `baseSeconds` x `factor`^n for the n-th retry (from 0), at most `capSeconds`."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"baseSeconds": 5, "factor": 2, "capSeconds": 3600, "jitter": "full"}}
    )

    base_seconds: BackoffSeconds | None = Field(
        default=None, description=f"Seconds before the first retry. {_FROM_PROFILE} 5."
    )
    factor: BackoffFactor | None = Field(
        default=None, description=f"Each wait is this many times as long as the one before. {_FROM_PROFILE} 2."
    )
    cap_seconds: BackoffSeconds | None = Field(
        default=None, description=f"Longest wait between two attempts, in seconds. {_FROM_PROFILE} 3600."
    )
    jitter: Literal["full", "none"] | None = Field(
        default=None,
        description="`full` waits a random time between 0 and the computed wait, `none` waits all of it. "
        f"{_FROM_PROFILE} `full`.",
    )


def _fit_together(names: list[str]) -> list[str]:
    if len(" ".join(names)) > NOTIFY_BYTES:
        raise ValueError(f"must have at most {NOTIFY_BYTES} bytes, all names together")
    return names


Names = Annotated[
    list[Name],
    AfterValidator(_fit_together),
    Field(
        max_length=NOTIFY_NAMES,
        description="Names of subscriptions to notify, in addition to those that apply to all jobs. Default: none.",
        examples=[["orders-webhook"]],
    ),
]


class PolicyBody(Body):
    """How jobs are attempted, in a job and in a profile alike."""

    retries: int | None = Field(
        default=None,
        ge=0,
        lt=MAX_ATTEMPTS,
        description=f"Maximum number of attempts after the first one. Send this or `maxAttempts`. {_FROM_PROFILE} 3.",
    )
    max_attempts: int | None = Field(
        default=None,
        ge=1,
        le=MAX_ATTEMPTS,
        description=f"Maximum number of attempts, the first one included. Send this or `retries`. {_FROM_PROFILE} 4.",
    )
    backoff: Backoff | None = Field(
        default=None, description="How long to wait before a retry. Fields that are left out have their defaults."
    )
    timeout_seconds: int | None = Field(
        default=None,
        ge=1,
        le=TIMEOUT_S,
        description=f"Longest time that one attempt may take, in seconds. {_FROM_PROFILE} 30.",
    )
    lease_seconds: int | None = Field(
        default=None,
        ge=LEASE_MIN_S,
        le=LEASE_MAX_S,
        description="Seconds without a heartbeat after which the worker counts as dead and another one runs the job. "
        f"{_FROM_PROFILE} 45.",
    )
    retention_seconds: int | None = Field(
        default=None,
        ge=60,
        le=RETENTION_S,
        description=f"How long a finished job is kept, in seconds. {_FROM_PROFILE} 604800 (7 days).",
    )
    never_retry: list[ErrorType] | None = Field(
        default=None,
        max_length=NEVER_RETRY,
        description="Error types that are never retried: an attempt that fails with one of them is the last. They add "
        "to the errors that the task itself declares. Default: the profile's, else none.",
        examples=[["ValueError"]],
    )

    @field_validator("never_retry")
    @classmethod
    def _fit_the_hot_item(cls, types: list[str] | None) -> list[str] | None:
        if len(" ".join(types or [])) > NEVER_RETRY_BYTES:
            raise ValueError(f"must have at most {NEVER_RETRY_BYTES} bytes, all names together")
        return types

    @model_validator(mode="after")
    def _says_attempts_once(self) -> Self:
        if self.retries is not None and self.max_attempts is not None:
            raise ValueError("send retries or maxAttempts, not both")
        return self

    def policy(self) -> dict[str, Any]:
        """Return the fields of a policy that are set."""
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


class ExpiringBody(Body):
    """What expires if it has not begun some time after it is due."""

    expires_seconds: Expiry | None = Field(
        default=None,
        description="Seconds after its due time from which on it is not begun any more: it ends as `expired`, or as "
        "`dead` if an attempt of it has failed. With dependencies, they count from the end of the last one. Default: "
        "the profile's, else never.",
    )


class LimitsBody(Body):
    """How many jobs with the same key run concurrently, and how many start per second."""

    model_config = ConfigDict(json_schema_extra={"example": {"concurrency": 5, "key": "payment-provider"}})

    concurrency: int | None = Field(
        default=None,
        ge=1,
        le=LIMIT_CONCURRENCY,
        description="Maximum number of jobs with this key that run concurrently. Default: the profile's, else none.",
    )
    rate_per_second: StartRate | None = Field(
        default=None,
        description="Maximum number of jobs with this key that start per second. Default: the profile's, else none.",
    )
    key: Name | None = Field(
        default=None,
        description="Jobs with the same key share the limits. Default: the profile's key, else the profile's name "
        "where it sets limits, else the task type.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self == LimitsBody.model_construct():
            raise ValueError("must have at least one of concurrency, ratePerSecond and key")
        return self

    def limit(self) -> Limit:
        """Return the limit in the service's form."""
        return Limit(self.concurrency, self.rate_per_second, self.key)
