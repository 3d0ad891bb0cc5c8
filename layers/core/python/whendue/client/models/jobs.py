"""Jobs, as the API answers with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from whendue.client.json_values import from_header
from whendue.client.models.common import Attempt, Failure, JobUnique, Limits, Problem, Sourced


def _seconds(header: str) -> int | None:
    # As the API writes it; a gateway's date asks for no less than an interval.
    return int(header[:9]) if header.isascii() and header.isdigit() else None


# States in which nothing changes any more, unless the job is run again.
ENDED: Final = frozenset({"succeeded", "dead", "cancelled", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveBackoff:
    """How long the job waits before a retry.

    Args:
        base_seconds: Seconds before the first retry.
        factor: Each wait is this many times as long as the one before.
        cap_seconds: Longest wait between two attempts, in seconds.
        jitter: `full` or `none`.
    """

    base_seconds: Sourced[float]
    factor: Sourced[float]
    cap_seconds: Sourced[float]
    jitter: Sourced[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectivePolicy:
    """The policy of the job. The request overrides the profile, the profile the task, the task the defaults.

    Args:
        max_attempts: Maximum number of attempts, the first one included.
        timeout_seconds: Longest time that one attempt may take, in seconds.
        lease_seconds: Seconds without a heartbeat after which a worker counts as dead.
        retention_seconds: How long the finished job is kept, in seconds.
        never_retry: Error types that are never retried, in addition to those that the task declares.
    """

    max_attempts: Sourced[int]
    backoff: EffectiveBackoff
    timeout_seconds: Sourced[int]
    lease_seconds: Sourced[int]
    retention_seconds: Sourced[int]
    never_retry: Sourced[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job.

    Args:
        id: Id of the job.
        type: Name of the task.
        state: `scheduled`, `queued`, `waiting`, `running`, `succeeded`, `dead`, `cancelled` or `expired`.
        priority: Name of its queue, as in `queue`.
        queue: Queue that it is in: `critical`, `high`, `normal`, `low` or one of the deployment's own; `notifications`
            for a delivery.
        profile: Name of its profile.
        profile_version: Version of the profile that its policy is taken from; None for a built-in profile.
        follow_profile: Whether each attempt uses the newest version of the profile.
        tenant: Tenant that it belongs to.
        due_at: When the next attempt may start.
        expires_at: From when on no attempt of it begins; None: never, or not known yet.
        expires_seconds: Seconds from its due time to `expires_at`, while it waits for other jobs; None: none.
        created_at: When it was submitted.
        started_at: When the latest attempt started; None before the first one.
        finished_at: When it ended; None before.
        attempt: Number of the latest attempt; 0 before the first one.
        max_attempts: Maximum number of attempts, the first one included.
        lost: Number of attempts that ended because the worker died.
        cancel_requested: Whether a cancel was requested while it ran.
        progress: What the task reported last; None if it reported nothing.
        result: What the task returned; None before it succeeded.
        error: Why the latest attempt failed; None if it did not.
        tags: Labels that it was submitted with.
        group: Part of the tenant that it belongs to.
        limits: Limits that the request set; None if the profile's apply.
        unique: Its unique key; None: it was submitted without one, or a redrive has taken it away.
        schedule: Name of the schedule that created it.
        nominal_at: Nominal time of the fire that created it.
        unmet_dependencies: Number of jobs that must end before it runs; None: none.
        parent_id: Id of the workflow or `for_each` job that created it.
        node: Name of its node in the workflow.
        notify: Names of subscriptions to notify.
        subscription: Name of the subscription that it is a delivery of.
        traceparent: Trace that it belongs to (W3C Trace Context).
        etag: Names this state of the job; send it as `if_match`. None in lists.
        replayed: Whether an earlier request with the same Idempotency-Key created it.
    """

    id: str
    type: str
    state: str
    priority: str
    queue: str | None = None
    profile: str
    profile_version: int | None
    follow_profile: bool
    tenant: str
    due_at: datetime
    expires_at: datetime | None = None
    expires_seconds: float | None = None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    max_attempts: int
    lost: int
    cancel_requested: bool
    progress: Any = None
    result: Any = None
    error: Failure | None = None
    tags: Mapping[str, str]
    group: str | None = None
    limits: Limits | None = None
    unique: JobUnique | None = None
    schedule: str | None = None
    nominal_at: datetime | None = None
    unmet_dependencies: int | None = None
    parent_id: str | None = None
    node: str | None = None
    notify: tuple[str, ...] = ()
    subscription: str | None = None
    traceparent: str | None = None
    etag: str | None = from_header("etag")
    replayed: bool = from_header("idempotency-replayed", default=False)

    @property
    def ended(self) -> bool:
        """Whether it is `succeeded`, `dead`, `cancelled` or `expired`."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWithPolicy(Job):
    """A job with the policy that it runs under.

    Args:
        effective: The policy, each value with the layer that set it.
    """

    effective: EffectivePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedJob(JobWithPolicy):
    """The job that a request is answered with.

    Args:
        outcome: What became of the request: it `created` the job; an earlier one with the same Idempotency-Key did
            (`replayed`); the job holds the unique key (`returned`); or the job that held it was cancelled (`replaced`,
            `postponed`).
    """

    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueHolder:
    """The job that holds a unique key.

    Args:
        key_id: Id of the key, as `unique.key_id` of its jobs.
        job: The job; None: the key is free.
    """

    key_id: str
    job: Job | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWithTimeline(JobWithPolicy):
    """A job with its payload and its attempts. A large payload or result is read with a request of its own.

    Args:
        payload: Payload of the job; None if `payload_url` is set.
        payload_url: Where to read a payload of more than 524288 bytes.
        payload_bytes: Size of the payload in bytes, if `payload_url` is set.
        result_url: Where to read a result of more than 524288 bytes.
        result_bytes: Size of the result in bytes, if `result_url` is set.
        attempts: The latest 100 attempts, oldest first; `GET /jobs/{job_id}/attempts` lists all that failed.
        retry_after_seconds: The request was to wait and could not, as too many wait: ask again after so many seconds.
            None if it could, or was not to wait.
    """

    payload: Any = None
    payload_url: str | None = None
    payload_bytes: int | None = None
    result_url: str | None = None
    result_bytes: int | None = None
    attempts: tuple[Attempt, ...]
    retry_after_seconds: int | None = from_header("retry-after", read=_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """The answer for one job of a batch.

    Args:
        status: HTTP status that the same job would get from `POST /jobs`.
        job: The job; None if it was refused.
        outcome: What became of the request: it `created` the job; an earlier one with the same Idempotency-Key did
            (`replayed`); the job holds the unique key (`returned`); or the job that held it was cancelled (`replaced`,
            `postponed`). None if it was refused.
        problem: Problem details (RFC 9457); None if the job was accepted.
    """

    status: int
    job: Job | None = None
    outcome: str | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The answers for all jobs of a batch.

    Args:
        items: One answer for each job, in the order of the request.
    """

    items: tuple[BatchItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason, with the facts behind it.

    Args:
        code: Names the kind of reason.
        text: The reason in words.
        facts: Values behind it. Names that end in `At` or `Until` are times.
    """

    code: str
    text: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a job has not run yet, or why it ended.

    Args:
        id: Id of the job.
        state: State of the job.
        reasons: The reasons, the most important one first.
    """

    id: str
    state: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One thing that happened to a job. What a type of event does not have is None.

    Args:
        type: `submitted`, `rescheduled`, `reprioritised`, `started`, `lost`, `cancel_requested`, `failed`, `succeeded`,
            `dead`, `cancelled`, `expired`, `redriven` or `redrive_undone`.
        at: When it happened. Of `lost`, when it was known at the latest.
        by: Who asked for it, of `rescheduled`, `reprioritised`, `cancel_requested`, `cancelled`, `redriven` and
            `redrive_undone`: the token's subject, or the tenant where it has none. None if whendue did.
        operation_id: Id of the bulk operation that it was asked for with.
        attempt: Number of the attempt, of `started` and `failed`.
        error: Why the attempt failed, or why the job ended.
        due_at: The new due time, of `rescheduled` and `redriven`.
        previous_due_at: The due time before, of `rescheduled`.
        priority: The new priority, if it was changed.
        previous_priority: The priority before, if it was changed.
        workers: Of `lost`: number of workers that died, or were not heard of, since the submit or the last `redriven`.
        expires_at: The expiry of the job, of `dead`, if the next attempt would have begun after it.
    """

    type: str
    at: datetime
    by: str | None
    operation_id: str | None
    attempt: int | None
    error: Failure | None
    due_at: datetime | None
    previous_due_at: datetime | None
    priority: str | None
    previous_priority: str | None
    workers: int | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEventPage:
    """A page of events, newest first.

    Args:
        items: The events, newest first.
        cursor: Send it as `cursor` to get the next page; None at the end.
        complete: False if events are missing: requests to the job beyond the first 100 and the last, attempts before
            the last 200, or what was asked before an upgrade of whendue.
    """

    items: tuple[JobEvent, ...]
    cursor: str | None
    complete: bool
