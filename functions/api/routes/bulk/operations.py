"""Bulk operations: begin, list, get, cancel and undo them."""

from http import HTTPStatus
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.body import idempotency_key
from functions.api.http.caller import caller, caller_of, shown
from functions.api.http.response import JSON, accepted
from functions.api.schemas.bulk.operations import (
    OperationBody,
    OperationListReply,
    OperationReply,
    dry_run_reply,
    operation_in_list,
    operation_reply,
)
from functions.api.schemas.shared.list_parameters import CursorParameter, PageLimit
from whendue.bulk.model import Operation, OperationState
from whendue.quotas import PAGE_DEFAULT

TAGS = ["operations"]
router = APIGatewayHttpRouter()
OperationStateParameter = Annotated[
    Literal["running", "finished", "cancelled"] | None,
    Query(description="Only operations in this state. Default: all."),
]
OperationId = Annotated[str, Path(description="Id of the bulk operation.")]


@router.post(
    "/operations",
    status_code=HTTPStatus.ACCEPTED,
    tags=TAGS,
    summary="Cancel, redrive, move or delete many jobs",
    operation_id="startOperation",
)
def start(body: Annotated[OperationBody, Body()]) -> Response[OperationReply]:
    """Begin a bulk operation, or only count its jobs (`dryRun`, answered with 200).

    The first jobs are changed at once, the others in the background, each one once. `Location` shows the progress.
    A repeated Idempotency-Key returns the same operation, for 90 days; a dry run ignores it.
    """
    app, tenant = caller(router)
    asked = body.asked(caller_of(router), app.clock.now_ms())
    if body.dry_run:
        return Response(HTTPStatus.OK, JSON, dry_run_reply(*app.bulk.dry_run(tenant, asked)))
    key = idempotency_key(router.current_event.headers)
    if key is None:
        return _accepted(app.bulk.begin(tenant, asked))
    operation, is_new = app.bulk.begin_once(tenant, asked, key, body.model_dump_json())
    return accepted(f"/operations/{operation.id}", operation_reply(operation), created=is_new)


@router.get("/operations", tags=TAGS, summary="List bulk operations", operation_id="listOperations")
def list_operations(
    state: OperationStateParameter = None, limit: PageLimit = PAGE_DEFAULT, cursor: CursorParameter = None
) -> OperationListReply:
    """Return the bulk operations, newest first. They are kept for 90 days.

    With `state=finished` or `cancelled`, a page may be short, even empty, before the end.
    """
    app, tenant = caller(router)
    page = app.bulk.page(tenant, limit, cursor, None if state is None else OperationState(state))
    return OperationListReply(
        items=shown(app, page.operations, operation_in_list, lambda operation: operation.id), cursor=page.cursor
    )


@router.get(
    "/operations/<operation_id>", tags=TAGS, summary="Get a bulk operation's progress", operation_id="getOperation"
)
def read(operation_id: OperationId) -> OperationReply:
    """Return a bulk operation: what was asked and who did, how far it is, and jobs that it could not change."""
    app, tenant = caller(router)
    return operation_reply(app.bulk.get(tenant, operation_id))


@router.post(
    "/operations/<operation_id>/cancel", tags=TAGS, summary="Cancel a bulk operation", operation_id="cancelOperation"
)
def cancel(operation_id: OperationId) -> OperationReply:
    """Change no further jobs; what is changed stays, and up to 100 jobs that are being changed are finished."""
    app, tenant = caller(router)
    return operation_reply(app.bulk.cancel(tenant, operation_id, caller_of(router)))


@router.post(
    "/operations/<operation_id>/undo",
    status_code=HTTPStatus.ACCEPTED,
    tags=TAGS,
    summary="Undo a bulk redrive",
    operation_id="undoOperation",
)
def undo(operation_id: OperationId) -> Response[OperationReply]:
    """End those of the redriven jobs that have not begun, as they had ended before: by an operation of its own.

    A redrive that is running is cancelled first.
    """
    app, tenant = caller(router)
    return _accepted(app.bulk.undo(tenant, operation_id, caller_of(router)))


def _accepted(operation: Operation) -> Response[OperationReply]:
    headers: dict[str, str | list[str]] = {"Location": f"/operations/{operation.id}"}
    return Response(HTTPStatus.ACCEPTED, JSON, operation_reply(operation), headers)
