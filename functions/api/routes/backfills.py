"""Backfills of a schedule: begin, list, get, pause, resume and cancel them."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http import times
from functions.api.http.caller import caller, caller_of, shown
from functions.api.http.response import JSON
from functions.api.routes.schedules import TAGS, ScheduleName
from functions.api.schemas.schedule.replies import BackfillListReply, BackfillReply, backfill_reply
from functions.api.schemas.schedule.runs import BackfillBody
from functions.api.schemas.shared.list_parameters import CursorParameter, PageLimit
from whendue.quotas import PAGE_DEFAULT
from whendue.schedules.backfills.model import BackfillState
from whendue.schedules.fires import Asked

router = APIGatewayHttpRouter()
BackfillId = Annotated[str, Path(description="Id of the backfill.")]


@router.post(
    "/schedules/<name>/backfill",
    status_code=HTTPStatus.ACCEPTED,
    tags=TAGS,
    summary="Create jobs for past fires",
    operation_id="backfillSchedule",
)
def backfill(name: ScheduleName, body: Annotated[BackfillBody, Body()]) -> Response[BackfillReply]:
    """Create jobs for past fires that had none. It continues in the background; `Location` shows its progress."""
    app, tenant = caller(router)
    first, last = times.read(body.from_), times.read(body.to)
    asked = Asked(caller_of(router), body.reason)
    begun = app.backfills.begin(tenant, name, first, last, body.limit, force=body.force, asked=asked)
    headers: dict[str, str | list[str]] = {"Location": f"/schedules/{name}/backfills/{begun.id}"}
    return Response(HTTPStatus.ACCEPTED, JSON, backfill_reply(begun), headers)


@router.get(
    "/schedules/<name>/backfills/<backfill_id>",
    tags=TAGS,
    summary="Get the progress of a backfill",
    operation_id="getBackfill",
)
def read_backfill(name: ScheduleName, backfill_id: BackfillId) -> BackfillReply:
    """Return the progress of a backfill, also after its schedule was deleted."""
    app, tenant = caller(router)
    return backfill_reply(app.backfills.get(tenant, name, backfill_id))


@router.get(
    "/schedules/<name>/backfills", tags=TAGS, summary="List the backfills of a schedule", operation_id="listBackfills"
)
def list_backfills(
    name: ScheduleName, limit: PageLimit = PAGE_DEFAULT, cursor: CursorParameter = None
) -> BackfillListReply:
    """Return the backfills of a schedule, newest first. They are kept for 90 days, also if it is deleted."""
    app, tenant = caller(router)
    page = app.backfills.page(tenant, name, limit, cursor)
    return BackfillListReply(items=shown(app, page.backfills, backfill_reply, attrgetter("id")), cursor=page.cursor)


@router.post(
    "/schedules/<name>/backfills/<backfill_id>/pause",
    tags=TAGS,
    summary="Pause a backfill",
    operation_id="pauseBackfill",
)
def pause_backfill(name: ScheduleName, backfill_id: BackfillId) -> BackfillReply:
    """Create no further jobs until the backfill is resumed; at most 100 that are being created are finished."""
    return _to(name, backfill_id, BackfillState.PAUSED)


@router.post(
    "/schedules/<name>/backfills/<backfill_id>/resume",
    tags=TAGS,
    summary="Resume a backfill",
    operation_id="resumeBackfill",
)
def resume_backfill(name: ScheduleName, backfill_id: BackfillId) -> BackfillReply:
    """Continue a paused backfill where it was paused."""
    return _to(name, backfill_id, BackfillState.RUNNING)


@router.post(
    "/schedules/<name>/backfills/<backfill_id>/cancel",
    tags=TAGS,
    summary="Cancel a backfill",
    operation_id="cancelBackfill",
)
def cancel_backfill(name: ScheduleName, backfill_id: BackfillId) -> BackfillReply:
    """Create no further jobs; those that exist are not cancelled, nor at most 100 that are being created."""
    return _to(name, backfill_id, BackfillState.CANCELLED)


def _to(name: str, backfill_id: str, state: BackfillState) -> BackfillReply:
    app, tenant = caller(router)
    return backfill_reply(app.backfills.to(tenant, name, backfill_id, state))
