"""Workflows as the API takes and shows them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from functions.api.http import times
from functions.api.schemas.base import Body
from functions.api.schemas.job_replies import ErrorReply, error_reply
from functions.api.schemas.job_requests import WORKFLOW, DueBody, JobTemplate, Name, OnDependencyFailure, Priority, Tags
from functions.api.schemas.numbers import Delay
from functions.api.schemas.reply import Reply, Time
from whendue.jobs.dependencies import On
from whendue.jobs.model import Job, State, shown_state
from whendue.quotas import HORIZON_S, PARTS, WORKFLOW_ATTEMPTS, WORKFLOW_TIMEOUT_S
from whendue.submission.request import JobRequest
from whendue.workflows.canvas import chain, chord, group
from whendue.workflows.graph import Draft, Graph, Wanted, make, to_value
from whendue.workflows.progress import critical_path, node_state, progress
from whendue.workflows.service import WorkflowView

ForEach = Annotated[
    Any,
    Field(
        description=f"A reference to a list of a parent's result: it runs for each item, at most {PARTS}.",
        examples=[{"$from": "fetch", "path": "items"}],
    ),
]


class StepBody(JobTemplate):
    """A job of a workflow; priority, profile and tags are the workflow's if not said."""

    name: Name | None = Field(default=None, description="What others call it; step-1, job-1, ... or body if not said.")
    delay_seconds: Delay | None = Field(default=None, description="So long after its last parent.")
    on_dependency_failure: OnDependencyFailure = "cancel"
    for_each: ForEach = None

    def draft(self, where: str, whole: "WorkflowTemplate") -> Draft:
        """Give the node as the graph takes it, without its parents."""
        request = replace(super().request(None), delay_s=self.delay_seconds)
        if self.priority is None:
            request = replace(request, queue=whole.priority)
        if "profile" not in self.model_fields_set:
            request = replace(request, profile=whole.profile)
        if "tags" not in self.model_fields_set:
            request = replace(request, tags=whole.tags)
        return Draft(
            where=where,
            name=self.name or "",
            request=request,
            on_dependency_failure=self.on_dependency_failure,
            for_each=self.for_each,
        )


class EdgeBody(Body):
    """A node that is to end first."""

    node: Name
    on: On = Field(default="success", description="Which end counts: `failure` is dead or cancelled, `done` is any.")


class NodeBody(StepBody):
    """A job of a workflow that says for which others it waits."""

    name: Name | None = Field(default=None, description="As in `nodes`.")
    depends_on: list[Name | EdgeBody] = Field(default_factory=list, description="Nodes that are to end first.")

    def draft(self, where: str, whole: "WorkflowTemplate") -> Draft:
        """Give the node as the graph takes it."""
        edges = (Wanted(one) if isinstance(one, str) else Wanted(one.node, one.on) for one in self.depends_on)
        return replace(super().draft(where, whole), parents=tuple(edges))


class ChordBody(Body):
    """A group, and a job that runs when all of it has succeeded; it may say `{"$from": "group"}` for all results."""

    group: list[StepBody]
    body: StepBody


class WorkflowTemplate(Body):
    """What a workflow is, but for its time: exactly one of `nodes`, `chain`, `group` and `chord`."""

    nodes: dict[Name, NodeBody] | None = Field(
        default=None,
        description="Named jobs and their edges.",
        examples=[{"fetch": {"type": "demo.greet"}, "tell": {"type": "demo.greet", "dependsOn": ["fetch"]}}],
    )
    chain: list[StepBody] | None = Field(default=None, description="Jobs that run one after the other.")
    group: list[StepBody] | None = Field(default=None, description="Jobs that run side by side.")
    chord: ChordBody | None = None
    deadline_seconds: int | None = Field(
        default=None, ge=1, le=HORIZON_S, description="What has not ended so long after its start is cancelled."
    )
    priority: Priority | None = None
    profile: Name = "default"
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if sum(one is not None for one in (self.nodes, self.chain, self.group, self.chord)) != 1:
            raise ValueError("give exactly one of nodes, chain, group and chord")
        wrong = [name for name, node in (self.nodes or {}).items() if node.name not in (None, name)]
        if wrong:
            raise ValueError("a node has another name than in nodes")
        return self

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Give the workflow's job as the service takes it.

        Raises:
            InvalidWorkflowError, InvalidReferenceError: its graph is not valid.
        """
        return JobRequest(
            type=WORKFLOW,
            payload=to_value(make(self._drafts(), self.deadline_seconds)),
            queue=self.priority,
            profile=self.profile,
            policy={"max_attempts": WORKFLOW_ATTEMPTS, "timeout_s": WORKFLOW_TIMEOUT_S},
            tags=self.tags,
            idempotency_key=idempotency_key,
        )

    def _drafts(self) -> list[Draft]:
        if self.chain is not None:
            return chain(self._steps("chain", self.chain))
        if self.group is not None:
            return group(self._steps("group", self.group))
        if self.chord is not None:
            return chord(self._steps("chord.group", self.chord.group), self.chord.body.draft("chord.body", self))
        nodes = (self.nodes or {}).items()
        return [replace(node.draft(f"nodes.{name}", self), name=name) for name, node in nodes]

    def _steps(self, where: str, steps: list[StepBody]) -> list[Draft]:
        return [step.draft(f"{where}.{number}", self) for number, step in enumerate(steps)]


class WorkflowBody(DueBody, WorkflowTemplate):
    """A workflow to be."""

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Give the workflow's job as the service takes it."""
        return self.due(super().request(idempotency_key))


# --- replies -----------------------------------------------------------------------------------------------------


class WorkflowReply(Reply):
    """A workflow."""

    id: str
    state: str = Field(description="scheduled, queued, running, waiting (its nodes run), succeeded, dead or cancelled")
    priority: str
    profile: str
    tenant: str
    created_at: Time | None
    due_at: Time | None
    finished_at: Time | None
    deadline_at: Time | None
    cancel_requested: bool
    retries: int = Field(description="How often it was run again from the nodes that failed.")
    error: ErrorReply | None = None
    tags: dict[str, str]
    schedule: str | None = Field(default=None, description="The schedule that made it.")
    nominal_at: Time | None = Field(default=None, description="The fire for which it was made.")


class WorkflowListReply(Reply):
    """A page of workflows; a cursor of null is the end, a page may be short before it."""

    items: list[WorkflowReply]
    cursor: str | None


class NodeReply(Reply):
    """A node and its job."""

    name: str
    type: str
    state: str = Field(
        description="A job's, or planned (no job yet), not_taken (another branch was), gone (forgotten)."
    )
    job: str | None = Field(description="The job's id; null while there is none.")
    for_each: bool = Field(description="It runs for each item of a list.")
    items: int | None = Field(default=None, description="How many items it has made jobs for.")
    attempt: int
    due_at: Time | None
    started_at: Time | None
    finished_at: Time | None
    error: ErrorReply | None = None


class EdgeReply(Reply):
    """An edge, from the node that is to end first."""

    from_: str = Field(alias="from")
    to: str
    on: str


class WholeWorkflowReply(WorkflowReply):
    """A workflow with its nodes and edges: all that is needed to draw it."""

    progress: dict[str, int] = Field(description="How many nodes are in each state.")
    critical_path: list[str] = Field(description="The nodes that decide when it ends, one after the other.")
    nodes: list[NodeReply]
    edges: list[EdgeReply]


def workflow_reply(job: Job, now_ms: int) -> WorkflowReply:
    """Show a workflow without its nodes."""
    return WorkflowReply(**_fields(job, now_ms))


def whole_workflow_reply(view: WorkflowView, now_ms: int) -> WholeWorkflowReply:
    """Show a workflow with its nodes."""
    graph, jobs = view.graph or Graph(()), view.jobs
    made = view.job.member_count is not None
    names = [node.name for node in graph.nodes]
    edges: list[dict[str, Any]] = [
        {"from": names[link.node], "to": node.name, "on": link.on} for node in graph.nodes for link in node.parents
    ]
    return WholeWorkflowReply(
        **_fields(view.job, now_ms),
        progress=progress(graph, jobs, now_ms, made=made),
        critical_path=[names[number] for number in critical_path(graph, jobs)],
        nodes=[_node(graph, number, jobs, now_ms, made=made) for number in range(len(names))],
        edges=[EdgeReply(**edge) for edge in edges],
    )


def _fields(job: Job, now_ms: int) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": shown_state(job, now_ms),
        "priority": job.queue,
        "profile": job.profile,
        "tenant": job.tenant,
        "created_at": times.to_timestamp(job.created_at),
        "due_at": times.to_timestamp(job.due_at),
        "finished_at": times.to_timestamp(job.finished_at),
        "deadline_at": times.to_timestamp(job.deadline_at),
        "cancel_requested": job.cancel_requested,
        "retries": job.redrives or 0,
        "error": error_reply(job.last) if job.last and job.state is not State.SUCCEEDED else None,
        "tags": dict(job.tags or {}),
        "schedule": job.schedule,
        "nominal_at": times.to_timestamp(job.nominal_at),
    }


def _node(graph: Graph, number: int, jobs: Mapping[int, Job | None], now_ms: int, *, made: bool) -> NodeReply:
    node, job = graph.nodes[number], jobs.get(number)
    return NodeReply(
        name=node.name,
        type=node.request.type,
        state=node_state(job, now_ms, made=made),
        job=job.id if job else None,
        for_each=node.for_each is not None,
        items=job.member_count if job else None,
        attempt=job.attempt if job else 0,
        due_at=times.to_timestamp(job.due_at) if job and job.state is not State.WAITING else None,
        started_at=times.to_timestamp(job.started_at) if job else None,
        finished_at=times.to_timestamp(job.finished_at) if job else None,
        error=error_reply(job.last) if job and job.last and job.state is not State.SUCCEEDED else None,
    )
