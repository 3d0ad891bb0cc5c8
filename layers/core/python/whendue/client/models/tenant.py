"""Profiles, pauses, queues, tasks, usage and health, as the API answers with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from whendue.client.json_values import from_header
from whendue.client.models.common import Backoff, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile; where a field is None, the task or the defaults decide.

    Args:
        name: Name of the profile.
        version: Version, counted from 1; None for a built-in profile.
        built_in: Whether whendue ships it; such a profile cannot be changed.
        updated_at: When this version was created; None for a built-in profile.
        priority: Queue of jobs that name none, if it is one of the four priorities.
        queue: Queue of jobs that name none, if it is one of the deployment's own.
        max_attempts: Maximum number of attempts, the first one included.
        timeout_seconds: Longest time that one attempt may take, in seconds.
        lease_seconds: Seconds without a heartbeat after which a worker counts as dead.
        retention_seconds: How long a finished job is kept, in seconds.
        never_retry: Error types that are never retried.
        expires_seconds: Seconds from the due time of its jobs to their expiry; None: they do not expire.
        follow: Whether each attempt uses the newest version.
        limits: Limits that its jobs share; None: none.
        notify: Names of subscriptions to notify of its jobs.
        etag: Names this version; send it as `if_match`. None in lists.
    """

    name: str
    version: int | None
    built_in: bool
    updated_at: datetime | None
    priority: str | None
    queue: str | None = None
    max_attempts: int | None
    backoff: Backoff
    timeout_seconds: int | None
    lease_seconds: int | None
    retention_seconds: int | None
    never_retry: tuple[str, ...] | None
    expires_seconds: float | None
    follow: bool
    limits: Limits | None
    notify: tuple[str, ...]
    etag: str | None = from_header("etag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause that is in action. Only operators see who paused a queue and why.

    Args:
        by: Subject of the token that paused it; None for a queue without the scope `operator`.
        reason: Why it is paused; None for a queue without the scope `operator`.
        since: When it was paused.
        expires_at: When it ends automatically; None if it ends only when it is resumed.
    """

    by: str | None
    reason: str | None
    since: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPause(Pause):
    """A pause of the tenant, or of one of its task types, that is in action.

    Args:
        type: The task type; None for all jobs of the tenant.
    """

    type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue of the deployment, with the jobs of all tenants. Only operators see how full it is.

    Args:
        name: `critical`, `high`, `normal`, `low`, `notifications`, or the name of one of the deployment's own.
        own: Whether it is one of the deployment's own, which has workers of its own.
        draining: Whether it is to be removed: what is in it runs, and no job is accepted for it.
        timeout_seconds: Longest time that an attempt of its jobs may take, in seconds; None for `notifications`.
        weight: Its share while several queues have work: `critical` has 8, `high` 4, `normal` 2, `low` 1.
        memory_mb: Memory of its worker function, in MB; None if the queue is not an own one.
        batch_size: Maximum number of its messages that a worker function gets at once; None likewise.
        maximum_concurrency: Maximum number of its worker functions that run at once; None likewise.
        depth: Approximate number of messages waiting for a worker; None without the scope `operator`.
        in_flight: Approximate number of messages that workers have received; None without the scope `operator`.
        delayed: Approximate number of messages of jobs that are due soon; None without the scope `operator`.
        oldest_due_at: When the job that has been waiting longest was due; None without the scope `operator`.
        paused: The pause that is in action; None if it is not paused.
    """

    name: str
    own: bool = False
    draining: bool = False
    timeout_seconds: int | None = None
    weight: int | None = None
    memory_mb: int | None = None
    batch_size: int | None = None
    maximum_concurrency: int | None = None
    depth: int | None
    in_flight: int | None
    delayed: int | None
    oldest_due_at: datetime | None
    paused: Pause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPolicy:
    """What a task asks for; where a field is None, the defaults decide. Profile and request win over it.

    Args:
        max_attempts: Maximum number of attempts, the first one included.
        own_backoff: Whether a function of the task returns the time between two attempts, instead of `backoff`.
        timeout_seconds: Longest time that one attempt may take, in seconds.
        lease_seconds: Seconds without a heartbeat after which a worker counts as dead.
        retention_seconds: How long a finished job is kept, in seconds.
    """

    max_attempts: int | None
    backoff: Backoff
    own_backoff: bool
    timeout_seconds: int | None
    lease_seconds: int | None
    retention_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of the deployment.

    Args:
        name: Name of the task: the `type` of its jobs.
        module: Python module that declares it.
        description: First line of its documentation; empty if it has none.
        payload_schema: JSON Schema (2020-12) of its payload; None if its model has none.
        queue: Queue of its jobs, where neither request nor profile names one; None: none.
        policy: What it asks for over the defaults.
    """

    name: str
    module: str
    description: str
    payload_schema: Mapping[str, Any] | None
    queue: str | None = None
    policy: TaskPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailure:
    """A module of tasks that could not be imported: its tasks are not available.

    Args:
        module: Name of the Python module.
        error_type: Class of the error.
    """

    module: str
    error_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """The tasks of the deployment, sorted by name.

    Args:
        items: The tasks.
        failures: The modules that could not be imported, sorted by name.
        cursor: Always None: the list is never split into pages.
    """

    items: tuple[Task, ...]
    failures: tuple[TaskFailure, ...]
    cursor: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What was consumed.

    Args:
        submitted: Jobs submitted.
        attempts: Attempts that started.
        ended: Jobs that ended, in any state.
        write_units: DynamoDB write units.
        read_units: DynamoDB read units.
        queue_requests: SQS requests. Those for a batch are divided among its jobs.
        invocations: Lambda invocations. One invocation is divided among the jobs of its batch.
        gb_seconds: Billed time of these invocations in GB-seconds.
        cost: Estimated cost in US dollars, by list prices.
        cost_per_million: Estimated cost of a million jobs like these in US dollars; None if none has ended.
    """

    submitted: int
    attempts: int
    ended: int
    write_units: float
    read_units: float
    queue_requests: float
    invocations: float
    gb_seconds: float
    cost: float
    cost_per_million: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeUsage(Used):
    """What the jobs of a task type have consumed.

    Args:
        type: The task's name; `other` sums up those that the list does not name.
    """

    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantUsage(Used):
    """What the jobs of a tenant have consumed.

    Args:
        tenant: The tenant; `other` sums up those that the list does not name.
    """

    tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Usage of a month: of all tenants with the scope `operator`, otherwise of the token's tenant.

    Args:
        month: The UTC month.
        region: AWS region of the prices.
        prices_checked: Day on which the prices were looked up.
        total: The sum over all task types.
        types: By task type, the most expensive first; at most 100.
        tenants: By tenant, the most expensive first; at most 100. None without the scope `operator`.
    """

    month: str
    region: str
    prices_checked: date
    total: Used
    types: tuple[TypeUsage, ...]
    tenants: tuple[TenantUsage, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the API, or what it depends on, works.

    Args:
        components: The status of each dependency; `GET /health` returns none.
        status: `UP` if all that is needed responds.
    """

    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    status: str
