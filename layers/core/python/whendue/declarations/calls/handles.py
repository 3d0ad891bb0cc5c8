"""Submits calls, and returns handles: by the attempt that runs here, else by the client in force.

The one module outside of the command line that imports the client: when a call is made outside of a task. Workers need
no httpx for it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from whendue.declarations.calls.model import Call, WorkflowCall
from whendue.declarations.context import Context
from whendue.declarations.log_capture import CURRENT
from whendue.errors import InvalidRequestError
from whendue.quotas import DEPENDENCIES, NAME_BYTES

if TYPE_CHECKING:
    from whendue.client import (
        AsyncClient,
        Client,
        Explanation,
        Job,
        JobWithTimeline,
        NewJob,
        NewWorkflow,
        Workflow,
        WorkflowDetails,
        WorkflowNode,
    )

C = TypeVar("C")
# As long as the client waits (client/flows/waiting.py), which is not loaded for it.
WAIT_S: Final = 300.0
# Nodes that an error names, the first ones.
NAMED: Final = 10


class _Handle(Generic[C]):
    """What was submitted.

    Args:
        id: of the job.
        client: what asks the API; None inside of a task, which cannot wait for other jobs.
    """

    def __init__(self, id: str, client: C | None = None) -> None:  # noqa: A002 - the attribute's name
        """Keep an id."""
        self.id = id
        self._client = client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, _Handle) and other.id == self.id

    def __hash__(self) -> int:
        return hash((type(self), self.id))

    @property
    def client(self) -> C:
        """What asks the API.

        Raises:
            RuntimeError: it was submitted inside of a task.
        """
        if self._client is None:
            raise RuntimeError(
                f"{self!r} was submitted inside of a task, which would hold its worker while it waits: let the next "
                "step follow in a chain, or give the id to a client"
            )
        return self._client


class JobHandle(_Handle["Client"]):
    """A job that code has submitted."""

    def get(self) -> "JobWithTimeline":
        """Return the job as it is now."""
        return self.client.get_job(self.id)

    def wait(self, *, timeout_s: float = WAIT_S) -> "JobWithTimeline":
        """Wait until it has ended, and return it.

        Args:
            timeout_s: how long to wait, seconds.

        Raises:
            WaitTimeoutError: it has not ended in time, and goes on.
        """
        return self.client.wait_for_job(self.id, timeout_s=timeout_s)

    def result(self, *, timeout_s: float = WAIT_S) -> Any:
        """Wait until it has ended, and return what the task returned; arguments as of `wait`.

        Raises:
            JobNotSucceededError: it is dead, cancelled or expired.
            WaitTimeoutError: it has not ended in time, and goes on.
        """
        job = _succeeded(self.wait(timeout_s=timeout_s))
        return self.client.get_job_result(self.id) if job.result_url else job.result

    def cancel(self) -> "Job":
        """Cancel it; a running job is asked to stop."""
        return self.client.cancel_job(self.id)

    def explain(self) -> "Explanation":
        """Explain why it has not run, or why it ended."""
        return self.client.explain_job(self.id)


class WorkflowHandle(_Handle["Client"]):
    """A workflow that code has submitted."""

    def get(self) -> "WorkflowDetails":
        """Return the workflow as it is now, with its jobs."""
        return self.client.get_workflow(self.id)

    def wait(self, *, timeout_s: float = WAIT_S) -> "WorkflowDetails":
        """Wait until it has ended, and return it; arguments and errors as of `JobHandle.wait`."""
        return self.client.wait_for_workflow(self.id, timeout_s=timeout_s)

    def result(self, node: str | None = None, *, timeout_s: float = WAIT_S) -> Any:
        """Wait until the workflow has ended, and return the result of one of its jobs.

        Args:
            node: the name of the node. Default: the only node that no other one depends on, as the last of a chain.
            timeout_s: how long to wait, seconds.

        Raises:
            JobNotSucceededError: the node's job is dead or cancelled; or the workflow is, and has no such job.
            ClientError: the node's job is no longer kept.
            ValueError: no node has this name; or none was given, and several are last. The message lists them.
            WaitTimeoutError: the workflow has not ended in time, and goes on.
        """
        workflow = self.wait(timeout_s=timeout_s)
        job = _succeeded(self.client.get_job(_job_of(workflow, node)))
        return self.client.get_job_result(job.id) if job.result_url else job.result

    def cancel(self) -> "Workflow":
        """Cancel its jobs that have not started, and ask running ones to stop."""
        return self.client.cancel_workflow(self.id)

    def explain(self) -> "Explanation":
        """Explain why it has not run, or why it ended."""
        return self.client.explain_job(self.id)


class AsyncJobHandle(_Handle["Client | AsyncClient"]):
    """A job that a coroutine has submitted; its methods are those of `JobHandle`, to be awaited."""

    async def get(self) -> "JobWithTimeline":
        """Return the job as it is now."""
        job: JobWithTimeline = await _awaited(self.client, "get_job", self.id)
        return job

    async def wait(self, *, timeout_s: float = WAIT_S) -> "JobWithTimeline":
        """Wait until it has ended, and return it; arguments and errors as of `JobHandle.wait`."""
        job: JobWithTimeline = await _awaited(self.client, "wait_for_job", self.id, timeout_s=timeout_s)
        return job

    async def result(self, *, timeout_s: float = WAIT_S) -> Any:
        """Wait until it has ended, and return what the task returned; as `JobHandle.result`."""
        job = _succeeded(await self.wait(timeout_s=timeout_s))
        return await _awaited(self.client, "get_job_result", self.id) if job.result_url else job.result

    async def cancel(self) -> "Job":
        """Cancel it; a running job is asked to stop."""
        job: Job = await _awaited(self.client, "cancel_job", self.id)
        return job

    async def explain(self) -> "Explanation":
        """Explain why it has not run, or why it ended."""
        explanation: Explanation = await _awaited(self.client, "explain_job", self.id)
        return explanation


class AsyncWorkflowHandle(_Handle["Client | AsyncClient"]):
    """A workflow that a coroutine has submitted; its methods are those of `WorkflowHandle`, to be awaited."""

    async def get(self) -> "WorkflowDetails":
        """Return the workflow as it is now, with its jobs."""
        workflow: WorkflowDetails = await _awaited(self.client, "get_workflow", self.id)
        return workflow

    async def wait(self, *, timeout_s: float = WAIT_S) -> "WorkflowDetails":
        """Wait until it has ended, and return it; arguments and errors as of `JobHandle.wait`."""
        workflow: WorkflowDetails = await _awaited(self.client, "wait_for_workflow", self.id, timeout_s=timeout_s)
        return workflow

    async def result(self, node: str | None = None, *, timeout_s: float = WAIT_S) -> Any:
        """Wait until it has ended, and return the result of one of its jobs; as `WorkflowHandle.result`."""
        workflow = await self.wait(timeout_s=timeout_s)
        job = _succeeded(await _awaited(self.client, "get_job", _job_of(workflow, node)))
        return await _awaited(self.client, "get_job_result", job.id) if job.result_url else job.result

    async def cancel(self) -> "Workflow":
        """Cancel its jobs that have not started, and ask running ones to stop."""
        workflow: Workflow = await _awaited(self.client, "cancel_workflow", self.id)
        return workflow

    async def explain(self) -> "Explanation":
        """Explain why it has not run, or why it ended."""
        explanation: Explanation = await _awaited(self.client, "explain_job", self.id)
        return explanation


# --- submitting --------------------------------------------------------------------------------------------------


def submit_job(call: Call) -> JobHandle:
    """Submit a job by the attempt that runs here, else by the client in force."""
    if attempt := _attempt():
        return JobHandle(attempt.submit_call(call))
    client = _blocking_client()
    return JobHandle(client.submit_job(_new_job(call), idempotency_key=call.key).id, client)


async def submit_job_async(call: Call) -> AsyncJobHandle:
    """Submit a job as `submit_job` does, without blocking the loop."""
    if attempt := _attempt():
        return AsyncJobHandle(await attempt.submit_call_async(call))
    client = _client()
    job = await _awaited(client, "submit_job", _new_job(call), idempotency_key=call.key)
    return AsyncJobHandle(job.id, client)


def submit_workflow(call: WorkflowCall) -> WorkflowHandle:
    """Submit a workflow by the attempt that runs here, else by the client in force."""
    if attempt := _attempt():
        return WorkflowHandle(attempt.submit_call(call))
    client = _blocking_client()
    return WorkflowHandle(client.submit_workflow(_new_workflow(call), idempotency_key=call.key).id, client)


async def submit_workflow_async(call: WorkflowCall) -> AsyncWorkflowHandle:
    """Submit a workflow as `submit_workflow` does, without blocking the loop."""
    if attempt := _attempt():
        return AsyncWorkflowHandle(await attempt.submit_call_async(call))
    client = _client()
    workflow = await _awaited(client, "submit_workflow", _new_workflow(call), idempotency_key=call.key)
    return AsyncWorkflowHandle(workflow.id, client)


def _attempt() -> Context | None:
    attempt = CURRENT.get()
    return attempt if isinstance(attempt, Context) else None


# --- by the client -----------------------------------------------------------------------------------------------


def _client() -> "Client | AsyncClient":
    from whendue.client import current_client

    return current_client()


def _blocking_client() -> "Client":
    from whendue.client import Client

    client = _client()
    if not isinstance(client, Client):
        raise TypeError("the client in force is an AsyncClient: await submit_async(...) or delay_async(...)")
    return client


async def _awaited(client: "Client | AsyncClient", operation: str, *arguments: Any, **options: Any) -> Any:
    """Call an operation of a client; one that blocks is called in a thread."""
    import asyncio

    from whendue.client import AsyncClient

    called: Callable[..., Any] = getattr(client, operation)
    if isinstance(client, AsyncClient):
        return await called(*arguments, **options)
    return await asyncio.to_thread(called, *arguments, **options)


def _succeeded(job: "JobWithTimeline") -> "JobWithTimeline":
    from whendue.client import JobNotSucceededError

    if job.state != "succeeded":
        raise JobNotSucceededError(job)
    return job


def _job_of(workflow: "WorkflowDetails", name: str | None) -> str:
    """Return the id of the job whose result is asked for: of a node, or of the workflow if that ended without it."""
    from whendue.client import ClientError

    node = _node(workflow, name)
    if node.job is None and workflow.state == "succeeded":
        raise ClientError(f"the node {node.name!r} of the workflow {workflow.id} is {node.state}: it has no result")
    return node.job or workflow.id


def _node(workflow: "WorkflowDetails", name: str | None) -> "WorkflowNode":
    """Return the node of a name, or the only one that no other one depends on."""
    needed = {edge.from_ for edge in workflow.edges}
    choices = [node for node in workflow.nodes if (node.name not in needed if name is None else node.name == name)]
    if len(choices) == 1:
        return choices[0]
    named = choices or workflow.nodes
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    listed = f"{', '.join(node.name for node in named[:NAMED])}{more}"
    if name is None:
        raise ValueError(f"no node depends on {listed}: name the one whose result you want, as in result(node='a')")
    raise ValueError(f"the workflow {workflow.id} has no node {name[:NAME_BYTES]!r}; its nodes are {listed}")


def _new_job(call: Call) -> "NewJob":
    from whendue.client import NewJob, Unique

    fields = dict(call.fields)
    if "unique" in fields:
        fields["unique"] = Unique(**fields["unique"])
    return NewJob(call.type, call.payload, delay_seconds=call.delay_s, due_at=call.due_at, **fields)


def _new_workflow(call: WorkflowCall) -> "NewWorkflow":
    from whendue.client import Chord, NewWorkflow, Node, Step

    times: dict[str, Any] = {"delay_seconds": call.delay_s, "due_at": call.due_at}
    *header, last = call.steps
    if all(len(step.waits_for) <= DEPENDENCIES for step in call.steps):
        nodes = {
            step.name: Node(
                step.call.type,
                step.call.payload,
                delay_seconds=step.call.delay_s,
                depends_on=step.waits_for or None,
                **step.call.fields,
            )
            for step in call.steps
        }
        return NewWorkflow(nodes=nodes, **times, **call.fields)
    if last.waits_for != tuple(step.name for step in header) or any(step.waits_for for step in header):
        raise InvalidRequestError(
            f"a step can wait for at most {DEPENDENCIES} others, unless the workflow is one chord of signatures"
        )
    # A chord of the API waits for its group as a whole.
    named = [
        Step(step.call.type, step.call.payload, name=step.name, delay_seconds=step.call.delay_s, **step.call.fields)
        for step in call.steps
    ]
    return NewWorkflow(chord=Chord(group=named[:-1], body=named[-1]), **times, **call.fields)
