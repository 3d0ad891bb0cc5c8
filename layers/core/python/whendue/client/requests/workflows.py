"""Requests about workflows."""

from whendue.client.inputs.workflows import NewWorkflow
from whendue.client.listing import Listing
from whendue.client.messages import Request, model, request
from whendue.client.models.common import Page
from whendue.client.models.workflows import Workflow, WorkflowDetails
from whendue.client.requests.jobs import creating


def submit_workflow(
    workflow: NewWorkflow, *, idempotency_key: str | None = None, traceparent: str | None = None
) -> Request[Workflow]:
    """Submit a workflow. It is accepted or refused as a whole.

    Args:
        workflow: the workflow.
        idempotency_key: makes the call safe to repeat. Default: a new key, for the attempts of this call alone.
        traceparent: the trace that the workflow belongs to (W3C Trace Context). Default: none.
    """
    return request("submitWorkflow", model(Workflow), headers=creating(idempotency_key, traceparent), body=workflow)


def list_workflows(
    *, state: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Listing[Page[Workflow], Workflow]:
    """List workflows, the newest first."""
    query = {"state": state, "limit": limit}
    return Listing(
        lambda at: request("listWorkflows", model(Page[Workflow]), query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def get_workflow(workflow_id: str) -> Request[WorkflowDetails]:
    """Get a workflow with its nodes."""
    return request("getWorkflow", model(WorkflowDetails), at={"workflow_id": workflow_id})


def cancel_workflow(workflow_id: str) -> Request[Workflow]:
    """Cancel the jobs of a workflow that have not started, and ask running ones to stop."""
    return request("cancelWorkflow", model(Workflow), at={"workflow_id": workflow_id})


def retry_workflow(workflow_id: str) -> Request[Workflow]:
    """Run a workflow again from the nodes that failed."""
    return request("retryWorkflow", model(Workflow), at={"workflow_id": workflow_id})
