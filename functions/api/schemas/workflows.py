"""Workflows as the API takes and shows them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from functions.api.http import times
from functions.api.schemas.base import OBJECT, TEXT, Body, text_or_object
from functions.api.schemas.job_requests import (
    TIMES_ELSEWHERE,
    DueBody,
    JobFields,
    OnDependencyFailure,
    Tags,
)
from functions.api.schemas.reply import CURSOR, MISSING, Missing, Reply, Time
from functions.api.schemas.shared.attempts import ErrorReply, error_reply
from functions.api.schemas.shared.numbers import Delay
from functions.api.schemas.shared.policy import ExpiringBody, Name, Priority, QueueBody, QueueName
from whendue.jobs.dependencies import On
from whendue.jobs.model import Job, State, shown_state
from whendue.quotas import HORIZON_S, MEMBERS_MAX
from whendue.submission.request import JobRequest
from whendue.workflows.canvas import chain, chord, group
from whendue.workflows.graph import Draft, Graph, Wanted, make, workflow_request
from whendue.workflows.progress import critical_path, node_state, progress
from whendue.workflows.service import WorkflowView

EXAMPLE: Final[dict[str, Any]] = {
    "nodes": {
        "first": {"type": "demo.greet", "payload": {"name": "Ada"}},
        "second": {"type": "demo.greet", "payload": {"name": "Grace"}, "dependsOn": ["first"]},
    }
}
ForEach = Annotated[
    Any,
    Field(
        description="Runs the node once for each item of a list in the result of a node it depends on, at most "
        f"{MEMBERS_MAX} times. Default: once.",
        examples=[{"$from": "fetch", "path": "items"}],
    ),
]


class StepBody(JobFields):
    """A job of a workflow. Priority, profile and tags that are left out are the workflow's."""

    ELSEWHERE: ClassVar[Mapping[str, str]] = {
        **TIMES_ELSEWHERE,
        "unique": "a job of a workflow takes no unique key: submit it by itself, or let a job of the workflow do so",
    }

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "greet", "type": "demo.greet", "payload": {"name": "Ada"}}}
    )

    name: Name | None = Field(
        default=None,
        description="Name of the node within the workflow. Default: `step-1`, `job-1` and so on, or `body`.",
    )
    delay_seconds: Delay | None = Field(
        default=None, description="Seconds to wait after the last node it depends on has ended. Default: 0."
    )
    profile: Name | None = Field(  # type: ignore[assignment]
        default=None, description="Name of the profile that the policy is taken from. Default: the workflow's."
    )
    on_dependency_failure: OnDependencyFailure = "cancel"
    for_each: ForEach = None

    def draft(self, where: str, whole: "WorkflowTemplate") -> Draft:
        """Return the node in the graph's form, without its dependencies."""
        request = replace(super().request(None), delay_s=self.delay_seconds)
        if self.queue_name is None:
            request = replace(request, queue=whole.queue_name)
        if self.profile is None:
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
    """A node that must end first."""

    model_config = ConfigDict(json_schema_extra={"example": {"node": "first", "on": "done"}})

    node: Name = Field(description="Name of the node.")
    on: On = Field(
        default="success",
        description="How it must end: `success`, `failure` (it is dead, cancelled or expired) or `done` (either).",
    )


NameOrEdge = Annotated[Annotated[Name, Tag(TEXT)] | Annotated[EdgeBody, Tag(OBJECT)], Discriminator(text_or_object)]


class NodeBody(StepBody):
    """A job of a workflow, and the nodes that it waits for."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"type": "demo.greet", "payload": {"name": "Grace"}, "dependsOn": ["first"]}}
    )

    name: Name | None = Field(
        default=None, description="Must be the node's key in `nodes`, if sent. Default: that key."
    )
    depends_on: list[NameOrEdge] = Field(
        default_factory=list, description="Nodes that must end first: names, or objects. Default: none."
    )

    def draft(self, where: str, whole: "WorkflowTemplate") -> Draft:
        """Return the node in the graph's form."""
        edges = (
            Wanted(wanted) if isinstance(wanted, str) else Wanted(wanted.node, wanted.on) for wanted in self.depends_on
        )
        return replace(super().draft(where, whole), dependencies=tuple(edges))


class ChordBody(Body):
    """A group of jobs, and a job that runs when all of them have succeeded.

    The body's payload may refer to all results of the group with `{"$from": "group"}`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "group": [{"type": "demo.greet", "payload": {"name": "Ada"}}],
                "body": {"type": "demo.greet", "payload": {"name": "Grace"}},
            }
        }
    )

    group: list[StepBody] = Field(description="Jobs that run in parallel.")
    body: StepBody = Field(description="Job that runs when all jobs of the group have succeeded.")


class WorkflowTemplate(ExpiringBody, QueueBody):
    """A workflow without the time at which it is due: exactly one of `nodes`, `chain`, `group` and `chord`."""

    ELSEWHERE: ClassVar[Mapping[str, str]] = TIMES_ELSEWHERE

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    nodes: dict[Name, NodeBody] | None = Field(
        default=None,
        description="Jobs by name, each with the names of those that it depends on.",
        examples=[{"fetch": {"type": "demo.greet"}, "notify": {"type": "demo.greet", "dependsOn": ["fetch"]}}],
    )
    chain: list[StepBody] | None = Field(default=None, description="Jobs that run one after another.")
    group: list[StepBody] | None = Field(default=None, description="Jobs that run in parallel.")
    chord: ChordBody | None = Field(
        default=None, description="Jobs that run in parallel, and one that runs when all of them have succeeded."
    )
    deadline_seconds: int | None = Field(
        default=None,
        ge=1,
        le=HORIZON_S,
        description="Cancels what has not ended this many seconds after the workflow started. Default: never.",
    )
    priority: Priority | None = Field(
        default=None,
        description="Queue of jobs that set none, one of these four. Default: the profile's, else the task's, else "
        "`normal`.",
    )
    queue: QueueName | None = Field(
        default=None,
        description="Queue of jobs that set none, one of the four priorities or of the deployment's own. Send this or "
        "`priority`. Default: that of `priority`.",
    )
    profile: Name = Field(default="default", description="Profile of jobs that do not set one. Default: `default`.")
    tags: Tags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if sum(form is not None for form in (self.nodes, self.chain, self.group, self.chord)) != 1:
            raise ValueError("must have exactly one of nodes, chain, group and chord")
        wrong = [name for name, node in (self.nodes or {}).items() if node.name not in (None, name)]
        if wrong:
            raise ValueError(f"nodes.{wrong[0]}.name must be {wrong[0]}: send the same name, or leave it out")
        return self

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Return the request for the workflow's job.

        Raises:
            InvalidWorkflowError, InvalidReferenceError: its graph is not valid.
        """
        return workflow_request(
            make(self._drafts(), self.deadline_seconds),
            expires_s=self.expires_seconds,
            queue=self.queue_name,
            profile=self.profile,
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
    """A workflow to submit."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    def request(self, idempotency_key: str | None) -> JobRequest:
        """Return the request for the workflow's job."""
        return self.due(super().request(idempotency_key))


# --- replies -----------------------------------------------------------------------------------------------------


class WorkflowReply(Reply):
    """A workflow."""

    id: str = Field(description="Id of the workflow.")
    state: str = Field(
        description="`scheduled`, `queued`, `running`, `waiting` (its nodes run), `succeeded`, `dead`, `cancelled` or "
        "`expired`."
    )
    priority: str = Field(description="Name of its queue, as in `queue`.")
    queue: str | None = Field(default=None, description="Queue of its own job, and of jobs that set none.")
    profile: str = Field(description="Profile of jobs that do not set one.")
    tenant: str = Field(description="Tenant that it belongs to.")
    created_at: Time | None = Field(description="When it was submitted.")
    due_at: Time | None = Field(description="When it may start.")
    finished_at: Time | None = Field(description="When it ended; null before.")
    expires_at: Time | None = Field(default=None, description="When it expires unless it has begun; null: never.")
    deadline_at: Time | None = Field(description="When jobs that have not ended are cancelled; null: never.")
    cancel_requested: bool = Field(description="Whether a cancel was requested.")
    retries: int = Field(description="How often it was run again from the nodes that failed.")
    error: ErrorReply | None = Field(default=None, description="Why it failed; null if it did not.")
    tags: dict[str, str] = Field(description="Labels that it was submitted with.")
    schedule: str | None = Field(default=None, description="Name of the schedule that created it.")
    nominal_at: Time | None = Field(default=None, description="Nominal time of the fire that created it.")


class WorkflowListReply(Reply):
    """A page of workflows. A page may be short although there are more."""

    items: list[WorkflowReply] = Field(description="The workflows.")
    cursor: str | None = Field(description=CURSOR)
    missing: Missing = Field(description=MISSING)


class NodeReply(Reply):
    """A node and its job."""

    name: str = Field(description="Name of the node.")
    type: str = Field(description="Name of its task.")
    state: str = Field(
        description="State of its job, or `planned` (not created yet), `not_taken` (another branch was taken) or "
        "`gone` (no longer kept)."
    )
    job: str | None = Field(description="Id of its job; null before it is created.")
    for_each: bool = Field(description="Whether it runs once for each item of a list.")
    items: int | None = Field(default=None, description="Number of items that have a job; null without `forEach`.")
    attempt: int = Field(description="Number of the latest attempt; 0 before the first one.")
    due_at: Time | None = Field(description="When it may start; null while it waits for other nodes.")
    started_at: Time | None = Field(description="When the latest attempt started.")
    finished_at: Time | None = Field(description="When it ended; null before.")
    error: ErrorReply | None = Field(default=None, description="Why the latest attempt failed; null if it did not.")


class EdgeReply(Reply):
    """A dependency between two nodes."""

    from_: str = Field(alias="from", description="Name of the node that must end first.")
    to: str = Field(description="Name of the node that depends on it.")
    on: str = Field(description="How it must end: `success`, `failure` or `done`.")


class WorkflowDetailsReply(WorkflowReply):
    """A workflow with its nodes and edges."""

    progress: dict[str, int] = Field(description="Number of nodes by state.")
    critical_path: list[str] = Field(description="Names of the nodes that determine when it ends, in order.")
    nodes: list[NodeReply] = Field(description="The nodes.")
    edges: list[EdgeReply] = Field(description="The dependencies between the nodes.")


def workflow_reply(job: Job, now_ms: int) -> WorkflowReply:
    """Show a workflow without its nodes."""
    return WorkflowReply(**_fields(job, now_ms))


def whole_workflow_reply(view: WorkflowView, now_ms: int) -> WorkflowDetailsReply:
    """Show a workflow with its nodes."""
    graph, jobs = view.graph or Graph(()), view.jobs
    made = view.job.member_count is not None
    names = [node.name for node in graph.nodes]
    edges: list[dict[str, Any]] = [
        {"from": names[link.node], "to": node.name, "on": link.on} for node in graph.nodes for link in node.dependencies
    ]
    return WorkflowDetailsReply(
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
        "queue": job.queue,
        "profile": job.profile,
        "tenant": job.tenant,
        "created_at": times.to_timestamp(job.created_at),
        "due_at": times.to_timestamp(job.due_at),
        "finished_at": times.to_timestamp(job.finished_at),
        "expires_at": times.to_timestamp(job.begin_by),
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
