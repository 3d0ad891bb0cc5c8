"""Schedules: create, get, list, delete, pause, resume, trigger, backfill, preview, and the history of their fires."""

from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from itertools import islice
from operator import attrgetter
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http import times
from functions.api.http.body import idempotency_key
from functions.api.http.caller import caller, caller_of, shown
from functions.api.http.etags import etag, precondition
from functions.api.http.response import JSON, accepted
from functions.api.schemas.job_replies import JobReply, job_reply
from functions.api.schemas.schedule.definitions import PreviewBody, ScheduleBody, SchedulePauseBody
from functions.api.schemas.schedule.replies import (
    FireListReply,
    PreviewReply,
    ScheduleListReply,
    ScheduleReply,
    fire_reply,
    instant_reply,
    schedule_reply,
)
from functions.api.schemas.schedule.runs import TriggerBody
from functions.api.schemas.shared.list_parameters import CursorParameter, PageLimit
from whendue.adapters.auth import Identity
from whendue.bootstrap.application import App
from whendue.errors import InvalidRequestError, invalid_at
from whendue.quotas import NAME_BYTES, PAGE_DEFAULT
from whendue.schedule_quotas import PREVIEW_FIRES
from whendue.schedules.calendar.recurrence import Nominal, Recurrence, after, anchored, check
from whendue.schedules.fires import Asked
from whendue.schedules.history import FireFilter
from whendue.schedules.model import Schedule
from whendue.schedules.service import Pause
from whendue.schedules.upcoming import offset_ms, upcoming

router = APIGatewayHttpRouter()
ScheduleName = Annotated[
    str,
    Path(
        description="Name of the schedule.",
        pattern=r"^[A-Za-z0-9._-]+$",
        max_length=NAME_BYTES,
        examples=["nightly-report"],
    ),
]
TAGS = ["schedules"]


def _reply(app: App, schedule: Schedule, status: HTTPStatus = HTTPStatus.OK) -> Response[ScheduleReply]:
    headers: dict[str, str | list[str]] = {"ETag": etag(schedule.version)}
    if status is HTTPStatus.CREATED:
        headers["Location"] = f"/schedules/{schedule.name}"
    return Response(status, JSON, schedule_reply(schedule, app.clock.now_ms()), headers)


@router.put("/schedules/<name>", tags=TAGS, summary="Create or replace a schedule", operation_id="putSchedule")
def put(name: ScheduleName, body: Annotated[ScheduleBody, Body()]) -> Response[ScheduleReply]:
    """Create a schedule (201) or replace it (200) with the body. What `GET` returns can be put again, or as a copy.

    Jobs that were planned ahead under the previous definition do not run.
    """
    app, tenant = caller(router)
    identity: Identity = router.context["identity"]
    pause = Pause(identity.subject, body.paused.reason, body.paused.until_ms()) if body.paused else None
    end = app.schedules.put(tenant, name, body.definition(), precondition(router.current_event.headers), pause)
    return _reply(app, end.schedule, HTTPStatus.CREATED if end.created else HTTPStatus.OK)


@router.get("/schedules", tags=TAGS, summary="List schedules", operation_id="listSchedules")
def list_schedules(
    limit: PageLimit = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> ScheduleListReply:
    """Return the schedules of the tenant, sorted by name."""
    app, tenant = caller(router)
    page = app.schedules.list(tenant, limit, cursor)
    now_ms = app.clock.now_ms()
    return ScheduleListReply(
        items=shown(app, page.schedules, lambda schedule: schedule_reply(schedule, now_ms), attrgetter("name")),
        cursor=page.cursor,
    )


@router.get("/schedules/<name>", tags=TAGS, summary="Get a schedule", operation_id="getSchedule")
def read(name: ScheduleName) -> Response[ScheduleReply]:
    """Return a schedule. The ETag is its version."""
    app, tenant = caller(router)
    return _reply(app, app.schedules.get(tenant, name))


@router.delete(
    "/schedules/<name>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=TAGS,
    summary="Delete a schedule",
    operation_id="deleteSchedule",
)
def delete(name: ScheduleName) -> Response[None]:
    """Delete a schedule. From now on, no fire creates a job."""
    app, tenant = caller(router)
    app.schedules.delete(tenant, name, precondition(router.current_event.headers))
    return Response(HTTPStatus.NO_CONTENT)


@router.post("/schedules/<name>/pause", tags=TAGS, summary="Pause a schedule", operation_id="pauseSchedule")
def pause(name: ScheduleName, body: Annotated[SchedulePauseBody | None, Body()] = None) -> Response[ScheduleReply]:
    """Skip all fires from now on, until a time or until the schedule is resumed. Another `until` replaces the first."""
    app, tenant = caller(router)
    identity: Identity = router.context["identity"]
    asked = body or SchedulePauseBody()
    wanted = precondition(router.current_event.headers)
    until_ms = asked.until_ms()
    then = app.schedules.pause(tenant, name, identity.subject, asked.reason, wanted, until_ms=until_ms)
    return _reply(app, then)


@router.post("/schedules/<name>/resume", tags=TAGS, summary="Resume a schedule", operation_id="resumeSchedule")
def resume(name: ScheduleName) -> Response[ScheduleReply]:
    """Fire again from now on. Fires during the pause stay skipped."""
    app, tenant = caller(router)
    return _reply(app, app.schedules.resume(tenant, name, precondition(router.current_event.headers)))


@router.post(
    "/schedules/<name>/trigger",
    status_code=HTTPStatus.ACCEPTED,
    tags=TAGS,
    summary="Run the job of a schedule now",
    operation_id="triggerSchedule",
)
def trigger(name: ScheduleName, body: Annotated[TriggerBody | None, Body()] = None) -> Response[JobReply]:
    """Run the job or workflow of a schedule at once. Its fires are not affected."""
    app, tenant = caller(router)
    changes = body.changes() if body else {}
    asked = Asked(caller_of(router), body.reason if body else None)
    end = app.schedules.trigger(tenant, name, idempotency_key(router.current_event.headers), changes, asked)
    reply = job_reply(end.job, app.clock.now_ms())
    return accepted(f"/jobs/{end.job.id}", reply, created=end.created, replayed=end.outcome == "replayed")


@router.get(
    "/schedules/<name>/preview",
    tags=TAGS,
    summary="Preview the next fires of a schedule",
    operation_id="previewSchedule",
)
def preview(
    name: ScheduleName,
    limit: Annotated[int, Query(ge=1, le=PREVIEW_FIRES, description="Number of fires to return. Default: 10.")] = 10,
    from_: Annotated[
        str | None,
        Query(
            alias="from",
            description="First nominal time, RFC 3339 with an offset: to see a change of clocks, say. Default: now.",
            json_schema_extra={"format": "date-time"},
        ),
    ] = None,
) -> PreviewReply:
    """Return the next fires in UTC and in local time, with a note where a change of clocks affects one.

    Those that a pause skips are left out; with a pause without an end, as if it were resumed. The runs that are left of
    `maxRuns` are counted from `from`.
    """
    app, tenant = caller(router)
    schedule = app.schedules.get(tenant, name)
    offset = partial(offset_ms, schedule.identity, schedule.definition)
    now_ms = app.clock.now_ms()
    fires = upcoming(schedule, _before(_time("from", from_), now_ms), now_ms)
    return _preview(schedule.definition.recurrence, fires, limit, offset)


@router.post(
    "/schedules/preview",
    tags=TAGS,
    summary="Preview a schedule without saving it",
    operation_id="previewUnsavedSchedule",
)
def preview_unsaved(body: Annotated[PreviewBody, Body()]) -> PreviewReply:
    """Return the next fires that the schedule would have. Jitter depends on the name: without one it is left out."""
    app, tenant = caller(router)
    now_ms = app.clock.now_ms()
    recurrence = anchored(body.recurrence(), now_ms)
    check(recurrence)
    first_ms = _before(None if body.from_ is None else times.read(body.from_), now_ms)
    fires = islice(after(recurrence, max(first_ms, body.paused_up_to_ms())), body.max_runs)
    return _preview(recurrence, fires, body.limit, partial(body.offset_ms, tenant))


def _before(from_ms: int | None, now_ms: int) -> int:
    """Return after when a preview begins, ms UTC."""
    return now_ms if from_ms is None else max(from_ms, 0) - 1


def _preview(
    recurrence: Recurrence, fires: Iterator[Nominal], limit: int, offset: Callable[[int], int]
) -> PreviewReply:
    shown = [instant_reply(recurrence, fire, offset(fire.at_ms)) for fire in islice(fires, limit)]
    return PreviewReply(items=shown)


@router.get("/schedules/<name>/fires", tags=TAGS, summary="List the past fires of a schedule", operation_id="listFires")
def fires(
    name: ScheduleName,
    from_: Annotated[
        str | None,
        Query(
            alias="from",
            description="First nominal time, RFC 3339 with an offset. Default: the oldest that is kept (90 days).",
            json_schema_extra={"format": "date-time"},
        ),
    ] = None,
    to: Annotated[
        str | None,
        Query(
            description="Last nominal time, RFC 3339 with an offset. Default: now.",
            json_schema_extra={"format": "date-time"},
        ),
    ] = None,
    outcome: Annotated[
        Literal["ran", "skipped", "caught_up", "missed", "triggered"] | None,
        Query(description="Only this outcome: `ran`, `skipped`, `caught_up`, `missed` or `triggered`. Default: all."),
    ] = None,
    limit: PageLimit = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> FireListReply:
    """Return past fires with their outcome, newest first. Each nominal time appears once.

    They are kept for 90 days, also if the schedule is deleted.
    """
    app, tenant = caller(router)
    wanted = FireFilter(_time("from", from_), _time("to", to), outcome)
    if wanted.is_reversed:
        raise invalid_at("query.to", "must not be earlier than from")
    page = app.fire_history.page(tenant, name, wanted, limit, cursor)
    now_ms = app.clock.now_ms()
    return FireListReply(
        items=shown(app, page.fires, lambda fire: fire_reply(fire, now_ms), lambda fire: str(fire.fire.nominal)),
        cursor=page.cursor,
    )


def _time(name: str, text: str | None) -> int | None:
    try:
        return None if text is None else times.read(text)
    except ValueError as error:
        places = [{"where": f"query.{name}", "problem": str(error)}]
        raise InvalidRequestError("the query is not valid", errors=places) from None
