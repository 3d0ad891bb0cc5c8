"""Workflows: how one stands, cancel it, and run again what failed. A workflow is a job: the rest is as for all jobs."""

import json
from dataclasses import dataclass

from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.errors import JobNotFoundError, WorkflowNotFoundError
from whendue.jobs.model import Job, from_item
from whendue.operations.commands import JobCommands, find
from whendue.table.keys import job_key
from whendue.workflows.graph import Graph, from_value


@dataclass(frozen=True, slots=True)
class WorkflowView:
    """A workflow with what is known of its nodes.

    Args:
        job: the workflow itself.
        graph: its nodes; None where the payload is gone.
        jobs: of the nodes by number; None for one that was not made yet, or is gone.
    """

    job: Job
    graph: Graph | None
    jobs: dict[int, Job | None]


class WorkflowService:
    """Shows and changes workflows."""

    def __init__(self, runtime: Runtime, control: JobCommands) -> None:
        """Use this runtime, and what changes jobs."""
        self._runtime = runtime
        self._control = control

    def get(self, tenant: str, workflow_id: str) -> WorkflowView:
        """Show a workflow: its job, its payload, and all of its nodes' jobs in one read.

        Raises:
            WorkflowNotFoundError: the tenant has no such workflow.
            UnavailableError: the table does not answer.
        """
        job = self._find(tenant, workflow_id)
        text = self._runtime.payloads.payloads([job])[job.id]
        graph = None if text is None else from_value(json.loads(text))
        return WorkflowView(job, graph, self._jobs(job, len(graph.nodes) if graph else 0))

    def cancel(self, tenant: str, workflow_id: str, *, by: str | None = None) -> Job:
        """Cancel a workflow: nodes that have not begun never run, those that run are asked to stop.

        Raises:
            WorkflowNotFoundError: the tenant has no such workflow.
            StateConflictError: it has ended.
            UnavailableError: the outcome is unknown; send it again.
        """
        return self._control.cancel(tenant, self._find(tenant, workflow_id).id, by=by)

    def retry(self, tenant: str, workflow_id: str, *, by: str | None = None) -> Job:
        """Run a dead, cancelled or expired workflow again from the nodes that failed; what has succeeded is left alone.

        Raises:
            WorkflowNotFoundError: the tenant has no such workflow.
            StateConflictError: it is neither dead nor cancelled.
            UnavailableError: the outcome is unknown; send it again.
        """
        return self._control.redrive(tenant, self._find(tenant, workflow_id).id, by=by)

    def _find(self, tenant: str, workflow_id: str) -> Job:
        try:
            job = find(self._runtime.store, tenant, workflow_id, self._runtime.clock.now_ms())
        except JobNotFoundError:
            raise WorkflowNotFoundError(f"no workflow has the id {workflow_id}") from None
        if job.expands != "workflow":
            raise WorkflowNotFoundError(f"no workflow has the id {workflow_id}, which is that of a job")
        return job

    def _jobs(self, job: Job, count: int) -> dict[int, Job | None]:
        items = self._runtime.store.get(
            [job_key(self._runtime.ids.of_member(job.member_id_base, number)) for number in range(count)]
        )
        known = readable(self._runtime, items, from_item, "list_nodes")
        jobs = {job.id: job for job in known}
        return {number: jobs.get(self._runtime.ids.of_member(job.member_id_base, number)) for number in range(count)}
