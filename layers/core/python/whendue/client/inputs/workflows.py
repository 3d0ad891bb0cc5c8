"""Workflows to submit. A field that is None is not sent, and has the API's default."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any, Literal

from whendue.client.models.common import Backoff, Limits


@dataclass(frozen=True, slots=True)
class Step:
    """A job of a workflow. Priority, profile and tags that are left out are the workflow's.

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
        profile: Name of the profile that the policy is taken from. Default: the workflow's.
        follow_profile: Whether each attempt uses the newest version of the profile. Default: what the profile says in
            `follow`.
        tags: Labels of your own, returned with the job and its notifications. Default: none.
        group: A part of the tenant, such as one customer, that gets its own fair share of the workers. Default: the
            tenant as a whole.
        limits: Concurrency and rate limits. Default: the profile's.
        notify: Names of subscriptions to notify, in addition to those that apply to all jobs and to those that the
            profile names. Default: none.
        name: Name of the node within the workflow. Default: `step-1`, `job-1` and so on, or `body`.
        delay_seconds: Seconds to wait after the last node it depends on has ended. Default: 0.
        on_dependency_failure: What happens when a job that it depends on does not end as required: `cancel` it, `run`
            it anyway, or `hold` it until that job is run again and ends as required. Default: `cancel`.
        for_each: Runs the node once for each item of a list in the result of a node it depends on, at most 1000 times.
            Default: once.
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
    name: str | None = None
    delay_seconds: float | None = None
    on_dependency_failure: Literal["cancel", "run", "hold"] | None = None
    for_each: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A node that must end first.

    Args:
        node: Name of the node.
        on: How it must end: `success`, `failure` (it is dead, cancelled or expired) or `done` (either).
    """

    node: str
    on: Literal["success", "failure", "done"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Step):
    """A job of a workflow, and the nodes that it waits for.

    Args:
        depends_on: Nodes that must end first: names, or objects. Default: none.
    """

    depends_on: Sequence[str | Edge] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chord:
    """A group of jobs, and a job that runs when all of them have succeeded.

    Args:
        group: Jobs that run in parallel.
        body: Job that runs when all jobs of the group have succeeded.
    """

    group: Sequence[Step]
    body: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowTemplate:
    """A workflow without the time at which it is due: exactly one of `nodes`, `chain`, `group` and `chord`.

    Args:
        expires_seconds: Seconds after its due time from which on it is not begun any more: it ends as `expired`, or as
            `dead` if an attempt of it has failed. With dependencies, they count from the end of the last one. Default:
            the profile's, else never.
        nodes: Jobs by name, each with the names of those that it depends on.
        chain: Jobs that run one after another.
        group: Jobs that run in parallel.
        chord: Jobs that run in parallel, and one that runs when all of them have succeeded.
        deadline_seconds: Cancels what has not ended this many seconds after the workflow started. Default: never.
        priority: Queue of jobs that set none, one of these four. Default: the profile's, else the task's, else
            `normal`.
        queue: Queue of jobs that set none, one of the four priorities or of the deployment's own. Send this or
            `priority`. Default: that of `priority`.
        profile: Profile of jobs that do not set one. Default: `default`.
        tags: Labels of your own, returned with the job and its notifications. Default: none.
    """

    expires_seconds: float | None = None
    nodes: Mapping[str, Node] | None = None
    chain: Sequence[Step] | None = None
    group: Sequence[Step] | None = None
    chord: Chord | None = None
    deadline_seconds: int | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None
    queue: str | None = None
    profile: str | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkflow(WorkflowTemplate):
    """A workflow to submit.

    Args:
        delay_seconds: Seconds to wait before it runs: from now, or from the end of the last job that it depends on.
            Default: 0.
        due_at: Earliest time at which it runs, RFC 3339 with an offset. A time in the past means now. Default: now.
        expires_at: When it expires unless it has begun, later than `due_at`. Send this or `expires_seconds`. Default:
            never.
    """

    delay_seconds: float | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
