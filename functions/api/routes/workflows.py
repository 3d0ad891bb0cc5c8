"""Workflows: submit, read, list, cancel, retry."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.body import idempotency_key
from functions.api.http.caller import caller, caller_of, shown, traced
from functions.api.http.response import accepted
from functions.api.schemas.reply import missing
from functions.api.schemas.shared.list_parameters import CursorParameter, PageLimit, StateParameter
from functions.api.schemas.workflows import (
    WorkflowBody,
    WorkflowDetailsReply,
    WorkflowListReply,
    WorkflowReply,
    whole_workflow_reply,
    workflow_reply,
)
from whendue.jobs.model import WORKFLOW
from whendue.operations.listing import JobFilter
from whendue.quotas import PAGE_DEFAULT

router = APIGatewayHttpRouter()
WorkflowId = Annotated[str, Path(description="Id of the workflow.")]
TAGS = ["workflows"]


@router.post(
    "/workflows", status_code=HTTPStatus.ACCEPTED, tags=TAGS, summary="Submit a workflow", operation_id="submitWorkflow"
)
def submit(body: Annotated[WorkflowBody, Body()]) -> Response[WorkflowReply]:
    """Store a workflow and run it when it is due. If any part of it is not valid, all of it is refused."""
    app, tenant = caller(router)
    request = body.request(idempotency_key(router.current_event.headers))
    end = app.submit.one(tenant, traced(router, request))
    return accepted(f"/workflows/{end.job.id}", workflow_reply(end.job, app.clock.now_ms()), created=end.created)


@router.get("/workflows", tags=TAGS, summary="List workflows", operation_id="listWorkflows")
def list_workflows(
    state: StateParameter = None,
    limit: PageLimit = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> WorkflowListReply:
    """Return workflows, the newest first: by the time of their submit, with `state=dead` by the time of their end."""
    app, tenant = caller(router)
    page = app.listing.page("workflows", tenant, JobFilter(state=state, type=WORKFLOW), limit, cursor)
    return WorkflowListReply(
        items=shown(app, page.jobs, lambda job: workflow_reply(job, page.at_ms), attrgetter("id")),
        cursor=page.cursor,
        missing=missing(is_complete=page.is_complete),
    )


@router.get("/workflows/<workflow_id>", tags=TAGS, summary="Get a workflow with its nodes", operation_id="getWorkflow")
def read(workflow_id: WorkflowId) -> WorkflowDetailsReply:
    """Return a workflow, its progress, its critical path, and all nodes and edges."""
    app, tenant = caller(router)
    return whole_workflow_reply(app.workflows.get(tenant, workflow_id), app.clock.now_ms())


@router.post("/workflows/<workflow_id>/cancel", tags=TAGS, summary="Cancel a workflow", operation_id="cancelWorkflow")
def cancel(workflow_id: WorkflowId) -> WorkflowReply:
    """Cancel jobs that have not started and ask running ones to stop: watch the state of the workflow."""
    app, tenant = caller(router)
    return workflow_reply(app.workflows.cancel(tenant, workflow_id, by=caller_of(router)), app.clock.now_ms())


@router.post(
    "/workflows/<workflow_id>/retry",
    tags=TAGS,
    summary="Run a workflow again from the nodes that failed",
    operation_id="retryWorkflow",
)
def retry(workflow_id: WorkflowId) -> WorkflowReply:
    """Run the nodes that failed again, and those that depend on them. Nodes that succeeded are not run again."""
    app, tenant = caller(router)
    return workflow_reply(app.workflows.retry(tenant, workflow_id, by=caller_of(router)), app.clock.now_ms())
