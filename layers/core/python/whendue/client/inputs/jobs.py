"""Jobs to submit. A field that is None is not sent, and has the API's default."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any, Literal

from whendue.client.models.common import Backoff, Limits


@dataclass(frozen=True, slots=True)
class JobFields:
    """A job without the time at which it is due, alone or in a workflow.

    Args:
        retries: Maximum number of attempts after the first one. Send this or `max_attempts`. Default: the profile's,
            else the task's, else 3.
        max_attempts: Maximum number of attempts, the first one included. Send this or `retries`. Default: the
            profile's, else the task's, else 4.
        backoff: How long to wait before a retry. Fields that are left out have their defaults.
        timeout_seconds: Longest time that one attempt may take, in seconds. Default: the profile's, else the task's,
            else 30.
        lease_seconds: Seconds without a heartbeat after which the worker counts as dead and another one runs the job.
            Default: the profile's, else the task's, else 45.
        retention_seconds: How long a finished job is kept, in seconds. Default: the profile's, else the task's, else
            604800 (7 days).
        never_retry: Error types that are never retried: an attempt that fails with one of them is the last. They add to
            the errors that the task itself declares. Default: the profile's, else none.
        expires_seconds: Seconds after its due time from which on it is not begun any more: it ends as `expired`, or as
            `dead` if an attempt of it has failed. With dependencies, they count from the end of the last one. Default:
            the profile's, else never.
        type: Name of the task to run.
        payload: Argument of the task: JSON that fits the task's model, up to 1 MiB. Default: `{}`.
        priority: Queue that the job goes to, one of these four. Default: the profile's, else the task's, else `normal`.
        queue: Queue that the job goes to, one of the four priorities or of the deployment's own (`GET /queues`). Send
            this or `priority`. Default: that of `priority`.
        profile: Name of the profile that the policy is taken from.
        follow_profile: Whether each attempt uses the newest version of the profile. Default: what the profile says in
            `follow`.
        tags: Labels of your own, returned with the job and its notifications. Default: none.
        group: A part of the tenant, such as one customer, that gets its own fair share of the workers. Default: the
            tenant as a whole.
        limits: Concurrency and rate limits. Default: the profile's.
        notify: Names of subscriptions to notify, in addition to those that apply to all jobs and to those that the
            profile names. Default: none.
    """

    type: str
    payload: Any = field(default_factory=dict)
    _: KW_ONLY
    retries: int | None = None
    max_attempts: int | None = None
    backoff: Backoff | None = None
    timeout_seconds: int | None = None
    lease_seconds: int | None = None
    retention_seconds: int | None = None
    never_retry: Sequence[str] | None = None
    expires_seconds: float | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None
    queue: str | None = None
    profile: str | None = None
    follow_profile: bool | None = None
    tags: Mapping[str, str] | None = None
    group: str | None = None
    limits: Limits | None = None
    notify: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A job that must end first.

    Args:
        job: Id of the job. Send this or `ref`.
        ref: `ref` of an earlier job of the same batch. Send this or `job`.
        on: How it must end: `success`, `failure` (it is dead, cancelled or expired) or `done` (either). Default:
            `success`.
        as_: Name by which references in the payload (`$from`) find its result. Default: its id.
    """

    job: str | None = None
    ref: str | None = None
    on: Literal["success", "failure", "done"] | None = None
    as_: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """A key that one job of its type holds at a time.

    Args:
        key: The key, among the jobs of the same type. Send this or `by_payload`.
        by_payload: Places in the payload that the key is made of: names of fields, joined by dots. At least one of
            them must be there; another one counts as null. An empty list means the whole payload. Send this or `key`.
        scope: How long the job holds the key: until it begins (`pending`), until it ends (`running`), until it
            succeeds, is cancelled or expires (`until_success`), or `for_seconds` from now (`for_seconds`). Default:
            `running`.
        for_seconds: Seconds for which the job holds the key with the scope `for_seconds`, at most its
            `retention_seconds`.
        on_conflict: What happens if another job holds the key: `return` that job, `reject` this one with
            `unique_conflict`, `replace` that one, which is cancelled, or `postpone`: `replace` it, up to the longest
            wait. A job that has begun is not replaced: `unique_conflict`. Default: `return`.
        max_wait_seconds: Longest wait of `postpone`: seconds from the first of the jobs that replace each other until
            the last one is due; at least `delay_seconds`.
    """

    key: str | None = None
    by_payload: Sequence[str] | None = None
    scope: Literal["pending", "running", "until_success", "for_seconds"] | None = None
    for_seconds: float | None = None
    on_conflict: Literal["return", "reject", "replace", "postpone"] | None = None
    max_wait_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTemplate(JobFields):
    """A job without the time at which it is due.

    Args:
        unique: A key that one job of this type holds at a time. A fire is skipped while another job holds its
            key, unless `on_conflict` is `replace` and that job has not begun. Default: none.
    """

    unique: Unique | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob(JobTemplate):
    """A job to submit.

    Args:
        delay_seconds: Seconds to wait before it runs: from now, or from the end of the last job that it depends on.
            Default: 0.
        due_at: Earliest time at which it runs, RFC 3339 with an offset. A time in the past means now. Default: now.
        expires_at: When it expires unless it has begun, later than `due_at`. Send this or `expires_seconds`. Default:
            never.
        depends_on: Jobs that must end first. Ids, or objects. Default: none.
        on_dependency_failure: What happens when a job that it depends on does not end as required: `cancel` it, `run`
            it anyway, or `hold` it until that job is run again and ends as required. Default: `cancel`.
        unique: A key that one job of this type holds at a time. Default: none.
    """

    delay_seconds: float | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    depends_on: Sequence[str | Dependency] | None = None
    on_dependency_failure: Literal["cancel", "run", "hold"] | None = None
    unique: Unique | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJob(NewJob):
    """A job to submit in a batch.

    Args:
        ref: Name by which later jobs of this batch depend on it. Default: none.
        idempotency_key: Makes this job safe to submit again. Default: derived from the key of the batch.
    """

    ref: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which dead jobs to select; a field that is left out selects all.

    Args:
        type: Name of the task.
        priority: Priority of the jobs.
        queue: Queue of the jobs, one of the four priorities or of the deployment's own; or `priority`.
        fingerprint: Fingerprint of the jobs' last error, as `GET /dead-letters` shows it.
    """

    type: str | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None
    queue: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to select: all that have all of what is given.

    Args:
        state: State of the jobs. Default: all states that the action applies to, and `dead` for `redrive`.
        type: Name of the task.
        priority: Queue of the jobs, one of these four.
        queue: Queue of the jobs, one of the four priorities or of the deployment's own; or `priority`.
        fingerprint: Fingerprint of the jobs' last error, as `GET /dead-letters` shows it.
        tags: Tags that a job must have, with these values.
        schedule: Name of the schedule that created the jobs.
        workflow: Id of the workflow, or the `forEach` job, that created the jobs.
        created_after: Only jobs submitted at this time or later.
        created_before: Only jobs submitted before this time.
        finished_after: Only jobs that ended at this time or later.
        finished_before: Only jobs that ended before this time.
    """

    state: Literal["scheduled", "queued", "waiting", "running", "succeeded", "dead", "cancelled", "expired"] | None = (
        None
    )
    type: str | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None
    queue: str | None = None
    fingerprint: str | None = None
    tags: Mapping[str, str] | None = None
    schedule: str | None = None
    workflow: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
