"""Workflows: submit, read, list, cancel, retry."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.body import idempotency_key
from functions.api.http.caller import CursorParameter, caller, shown, traced
from functions.api.schemas.job_requests import WORKFLOW
from functions.api.schemas.workflows import (
    WholeWorkflowReply,
    WorkflowBody,
    WorkflowListReply,
    WorkflowReply,
    whole_workflow_reply,
    workflow_reply,
)
from whendue.operations.listing import JobFilter
from whendue.quotas import PAGE_DEFAULT, PAGE_MAX

router = APIGatewayHttpRouter()
WorkflowId = Annotated[str, Path(description="The workflow's id.")]
JSON = "application/json"
TAGS = ["workflows"]


@router.post("/workflows", status_code=HTTPStatus.ACCEPTED, tags=TAGS, summary="Submit a workflow")
def submit(body: Annotated[WorkflowBody, Body()]) -> Response[WorkflowReply]:
    """Accept a whole workflow durably, or refuse it whole; 202 with its Location, or 200 as for jobs."""
    app, tenant = caller(router)
    request = body.request(idempotency_key(router.current_event.headers))
    end = app.submit.one(tenant, traced(router, request))
    headers: dict[str, str | list[str]] = {"Location": f"/workflows/{end.job.id}"}
    if not end.created:
        headers["Idempotency-Replayed"] = "true"
    status = HTTPStatus.ACCEPTED if end.created else HTTPStatus.OK
    return Response(status, JSON, workflow_reply(end.job, app.clock.now_ms()), headers)


@router.get("/workflows", tags=TAGS, summary="List workflows")
def list_workflows(
    state: Annotated[
        str | None, Query(description="scheduled, queued, waiting, running, succeeded, dead, cancelled")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> WorkflowListReply:
    """List live workflows by the time they are next looked at, then finished ones, newest first."""
    app, tenant = caller(router)
    page = app.query.list(tenant, JobFilter(state=state, type=WORKFLOW), limit, cursor, "workflows")
    now_ms = app.clock.now_ms()
    return WorkflowListReply(
        items=shown(app, page.jobs, lambda job: workflow_reply(job, now_ms), attrgetter("id")), cursor=page.cursor
    )


@router.get("/workflows/<workflow_id>", tags=TAGS, summary="Read a workflow with its nodes")
def read(workflow_id: WorkflowId) -> WholeWorkflowReply:
    """Show a workflow, how far it is, its critical path, and every node and edge."""
    app, tenant = caller(router)
    return whole_workflow_reply(app.workflows.get(tenant, workflow_id), app.clock.now_ms())


@router.post("/workflows/<workflow_id>/cancel", tags=TAGS, summary="Cancel a workflow")
def cancel(workflow_id: WorkflowId) -> WorkflowReply:
    """Cancel what has not begun, ask what runs to stop; the workflow's state tells the end."""
    app, tenant = caller(router)
    return workflow_reply(app.workflows.cancel(tenant, workflow_id), app.clock.now_ms())


@router.post("/workflows/<workflow_id>/retry", tags=TAGS, summary="Run a workflow again from the nodes that failed")
def retry(workflow_id: WorkflowId) -> WorkflowReply:
    """Run what failed, and what hung on it; what has succeeded is left alone."""
    app, tenant = caller(router)
    return workflow_reply(app.workflows.retry(tenant, workflow_id), app.clock.now_ms())
