"""Workflows, as the API answers with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from whendue.client.json_values import from_header
from whendue.client.models.common import Failure
from whendue.client.models.jobs import ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow.

    Args:
        id: Id of the workflow.
        state: `scheduled`, `queued`, `running`, `waiting` (its nodes run), `succeeded`, `dead`, `cancelled` or
            `expired`.
        priority: Name of its queue, as in `queue`.
        queue: Queue of its own job, and of jobs that set none.
        profile: Profile of jobs that do not set one.
        tenant: Tenant that it belongs to.
        created_at: When it was submitted.
        due_at: When it may start.
        finished_at: When it ended; None before.
        expires_at: When it expires unless it has begun; None: never.
        deadline_at: When jobs that have not ended are cancelled; None: never.
        cancel_requested: Whether a cancel was requested.
        retries: How often it was run again from the nodes that failed.
        error: Why it failed; None if it did not.
        tags: Labels that it was submitted with.
        schedule: Name of the schedule that created it.
        nominal_at: Nominal time of the fire that created it.
        replayed: Whether an earlier request with the same Idempotency-Key created it.
    """

    id: str
    state: str
    priority: str
    queue: str | None = None
    profile: str
    tenant: str
    created_at: datetime | None
    due_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = None
    deadline_at: datetime | None
    cancel_requested: bool
    retries: int
    error: Failure | None = None
    tags: Mapping[str, str]
    schedule: str | None = None
    nominal_at: datetime | None = None
    replayed: bool = from_header("idempotency-replayed", default=False)

    @property
    def ended(self) -> bool:
        """Whether it is `succeeded`, `dead`, `cancelled` or `expired`."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowNode:
    """A node and its job.

    Args:
        name: Name of the node.
        type: Name of its task.
        state: State of its job, or `planned` (not created yet), `not_taken` (another branch was taken) or `gone` (no
            longer kept).
        job: Id of its job; None before it is created.
        for_each: Whether it runs once for each item of a list.
        items: Number of items that have a job; None without `for_each`.
        attempt: Number of the latest attempt; 0 before the first one.
        due_at: When it may start; None while it waits for other nodes.
        started_at: When the latest attempt started.
        finished_at: When it ended; None before.
        error: Why the latest attempt failed; None if it did not.
    """

    name: str
    type: str
    state: str
    job: str | None
    for_each: bool
    items: int | None = None
    attempt: int
    due_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEdge:
    """A dependency between two nodes.

    Args:
        from_: Name of the node that must end first.
        to: Name of the node that depends on it.
        on: How it must end: `success`, `failure` or `done`.
    """

    from_: str
    to: str
    on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDetails(Workflow):
    """A workflow with its nodes and edges.

    Args:
        progress: Number of nodes by state.
        critical_path: Names of the nodes that determine when it ends, in order.
        nodes: The nodes.
        edges: The dependencies between the nodes.
    """

    progress: Mapping[str, int]
    critical_path: tuple[str, ...]
    nodes: tuple[WorkflowNode, ...]
    edges: tuple[WorkflowEdge, ...]
