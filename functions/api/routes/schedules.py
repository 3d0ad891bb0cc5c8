"""Schedules: put, read, list, delete, pause, resume, trigger, backfill, preview, and how their fires ended."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http import times
from functions.api.http.body import idempotency_key
from functions.api.http.caller import CursorParameter, caller, shown
from functions.api.http.etags import etag, precondition
from functions.api.schemas.job_replies import JobReply, job_reply
from functions.api.schemas.schedules import (
    BackfillBody,
    BackfillReply,
    FireListReply,
    PauseBody,
    PreviewBody,
    PreviewReply,
    ScheduleBody,
    ScheduleListReply,
    ScheduleReply,
    backfill_reply,
    fire_reply,
    instant_reply,
    schedule_reply,
)
from whendue.adapters.auth import Identity
from whendue.bootstrap import App
from whendue.errors import InvalidRequestError
from whendue.quotas import NAME_BYTES, PAGE_DEFAULT, PAGE_MAX, PREVIEW_FIRES
from whendue.schedules.calendar.recurrence import Recurrence, anchored, check, jitter_ms
from whendue.schedules.history import FireFilter
from whendue.schedules.model import Schedule
from whendue.schedules.service import upcoming

router = APIGatewayHttpRouter()
ScheduleName = Annotated[
    str, Path(description="The schedule's name.", pattern=r"^[A-Za-z0-9._-]+$", max_length=NAME_BYTES)
]
JSON = "application/json"
TAGS = ["schedules"]


def _reply(app: App, schedule: Schedule, status: HTTPStatus = HTTPStatus.OK) -> Response[ScheduleReply]:
    headers: dict[str, str | list[str]] = {"ETag": etag(schedule.version)}
    if status is HTTPStatus.CREATED:
        headers["Location"] = f"/schedules/{schedule.name}"
    return Response(status, JSON, schedule_reply(schedule, app.clock.now_ms()), headers)


@router.put("/schedules/<name>", tags=TAGS, summary="Create or change a schedule")
def put(name: ScheduleName, body: Annotated[ScheduleBody, Body()]) -> Response[ScheduleReply]:
    """201 for a new one, else 200; what was planned ahead under the old definition does not run."""
    app, tenant = caller(router)
    if body.name not in (None, name):
        raise InvalidRequestError("the body names another schedule than the path")
    end = app.schedules.put(tenant, name, body.definition(), precondition(router.current_event.headers))
    return _reply(app, end.schedule, HTTPStatus.CREATED if end.created else HTTPStatus.OK)


@router.get("/schedules", tags=TAGS, summary="List schedules")
def list_schedules(
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> ScheduleListReply:
    """List schedules by name."""
    app, tenant = caller(router)
    page = app.schedules.list(tenant, limit, cursor)
    now_ms = app.clock.now_ms()
    return ScheduleListReply(
        items=shown(app, page.schedules, lambda one: schedule_reply(one, now_ms), attrgetter("name")),
        cursor=page.cursor,
    )


@router.get("/schedules/<name>", tags=TAGS, summary="Read a schedule")
def read(name: ScheduleName) -> Response[ScheduleReply]:
    """Show a schedule, its ETag is its version."""
    app, tenant = caller(router)
    return _reply(app, app.schedules.get(tenant, name))


@router.delete("/schedules/<name>", status_code=HTTPStatus.NO_CONTENT, tags=TAGS, summary="Delete a schedule")
def delete(name: ScheduleName) -> Response[None]:
    """No fire after now makes a job."""
    app, tenant = caller(router)
    app.schedules.delete(tenant, name, precondition(router.current_event.headers))
    return Response(HTTPStatus.NO_CONTENT)


@router.post("/schedules/<name>/pause", tags=TAGS, summary="Pause a schedule")
def pause(name: ScheduleName, body: Annotated[PauseBody | None, Body()] = None) -> Response[ScheduleReply]:
    """No fire after now makes a job, until it is resumed; those are skipped."""
    app, tenant = caller(router)
    identity: Identity = router.context["identity"]
    reason = body.reason if body else ""
    wanted = precondition(router.current_event.headers)
    return _reply(app, app.schedules.pause(tenant, name, identity.subject, reason, wanted))


@router.post("/schedules/<name>/resume", tags=TAGS, summary="Resume a schedule")
def resume(name: ScheduleName) -> Response[ScheduleReply]:
    """Let a schedule fire again."""
    app, tenant = caller(router)
    return _reply(app, app.schedules.resume(tenant, name, precondition(router.current_event.headers)))


@router.post(
    "/schedules/<name>/trigger", status_code=HTTPStatus.ACCEPTED, tags=TAGS, summary="Run a schedule's job now"
)
def trigger(name: ScheduleName) -> Response[JobReply]:
    """Run its job at once, besides its fires; an Idempotency-Key makes it safe to repeat."""
    app, tenant = caller(router)
    end = app.schedules.trigger(tenant, name, idempotency_key(router.current_event.headers))
    headers: dict[str, str | list[str]] = {"Location": f"/jobs/{end.job.id}"}
    status = HTTPStatus.ACCEPTED if end.created else HTTPStatus.OK
    return Response(status, JSON, job_reply(end.job, app.clock.now_ms()), headers)


@router.get("/schedules/<name>/preview", tags=TAGS, summary="The next fires of a schedule")
def preview(
    name: ScheduleName, n: Annotated[int, Query(ge=1, le=PREVIEW_FIRES, description="How many.")] = 10
) -> PreviewReply:
    """Show the fires to come in UTC and local time, and why an odd one is odd."""
    app, tenant = caller(router)
    schedule = app.schedules.get(tenant, name)
    offset_ms = jitter_ms(schedule.identity, schedule.definition.jitter_s)
    return _preview(schedule.definition.recurrence, app.clock.now_ms(), n, offset_ms)


@router.post("/schedules/preview", tags=TAGS, summary="The next fires of a schedule that is not saved")
def preview_unsaved(body: Annotated[PreviewBody, Body()]) -> PreviewReply:
    """Show when it would fire; its jitter depends on its name and is left out."""
    now_ms = caller(router).app.clock.now_ms()
    recurrence = anchored(body.recurrence(), now_ms)
    check(recurrence)
    return _preview(recurrence, now_ms, body.n, 0)


def _preview(recurrence: Recurrence, now_ms: int, n: int, offset_ms: int) -> PreviewReply:
    times_to_come = upcoming(recurrence, now_ms, n)
    return PreviewReply(items=[instant_reply(recurrence, one, offset_ms) for one in times_to_come])


@router.get("/schedules/<name>/fires", tags=TAGS, summary="How a schedule's fires ended")
def fires(
    name: ScheduleName,
    from_: Annotated[str | None, Query(alias="from", description="No nominal time before.")] = None,
    to: Annotated[str | None, Query(description="No nominal time after.")] = None,
    outcome: Annotated[str | None, Query(description="ran, skipped, caught_up, missed, triggered")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> FireListReply:
    """List every nominal time that is past once, newest first, with what became of it."""
    app, tenant = caller(router)
    wanted = FireFilter(_time("from", from_), _time("to", to), outcome)
    page = app.ledger.page(tenant, name, wanted, limit, cursor)
    now_ms = app.clock.now_ms()
    return FireListReply(
        items=shown(app, page.fires, lambda one: fire_reply(one, now_ms), lambda one: str(one.fire.nominal)),
        cursor=page.cursor,
    )


def _time(name: str, text: str | None) -> int | None:
    try:
        return None if text is None else times.read(text)
    except ValueError as error:
        places = [{"where": f"query.{name}", "problem": str(error)}]
        raise InvalidRequestError("the query is not valid", errors=places) from None


@router.post(
    "/schedules/<name>/backfill", status_code=HTTPStatus.ACCEPTED, tags=TAGS, summary="Make the jobs of a past range"
)
def backfill(name: ScheduleName, body: Annotated[BackfillBody, Body()]) -> Response[BackfillReply]:
    """Make jobs for past fires that had none; 202 with its Location, the timer goes on with it."""
    app, tenant = caller(router)
    first, last = times.read(body.from_), times.read(body.to)
    begun = app.backfills.begin(tenant, name, first, last, body.limit, force=body.force)
    headers: dict[str, str | list[str]] = {"Location": f"/schedules/{name}/backfills/{begun.id}"}
    return Response(HTTPStatus.ACCEPTED, JSON, backfill_reply(begun), headers)


@router.get("/schedules/<name>/backfills/<backfill_id>", tags=TAGS, summary="How far a backfill is")
def read_backfill(
    name: ScheduleName, backfill_id: Annotated[str, Path(description="The backfill's id.")]
) -> BackfillReply:
    """Show the progress of a backfill."""
    app, tenant = caller(router)
    return backfill_reply(app.backfills.get(tenant, name, backfill_id))
