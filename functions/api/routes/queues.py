"""Queues: how full they are; pause and resume them for all tenants."""

from http import HTTPStatus
from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http import times
from functions.api.http.caller import caller, caller_of, identity_of, shown
from functions.api.schemas.pauses import (
    PauseReply,
    QueueListReply,
    QueuePauseBody,
    QueueReply,
    pause_reply,
    queue_pause_reply,
    queue_properties,
)
from whendue.adapters.auth import OPERATOR
from whendue.inspection.queues import QueueView
from whendue.pauses.model import Pause
from whendue.settings import Settings

router = APIGatewayHttpRouter()
Name = Annotated[
    str,
    Path(
        description="Name of the queue: `critical`, `high`, `normal`, `low`, `notifications`, or one of the "
        "deployment's own.",
        examples=["low"],
    ),
]


@router.get("/queues", tags=["queues"], summary="List queues", operation_id="listQueues")
def queues() -> QueueListReply:
    """Return the queues, with what their workers can do, and which of them are paused.

    With the scope `operator` also who paused them and why, how many messages they hold, and when their oldest job was
    due.
    """
    app, _ = caller(router)
    if identity_of(router).may(OPERATOR):
        views = app.queues.list()
        return QueueListReply(items=shown(app, views, lambda view: _whole(view, app.settings), attrgetter("name")))
    pauses, settings = app.pauses.of_queues(), app.settings
    names = settings.all_queues
    return QueueListReply(items=shown(app, names, lambda name: _outside(name, pauses.get(name), settings), str))


@router.post("/queues/<name>/pause", tags=["queues"], summary="Pause a queue", operation_id="pauseQueue")
def pause(name: Name, body: Annotated[QueuePauseBody, Body()]) -> PauseReply:
    """Start no more jobs from a queue, of any tenant. Running jobs continue.

    The pause takes effect everywhere within 5 seconds of the answer.
    """
    app, tenant = caller(router)
    return pause_reply(app.pauses.pause_queue(name, body.reason, caller_of(router), body.until, tenant))


@router.post(
    "/queues/<name>/resume",
    tags=["queues"],
    summary="Resume a queue",
    operation_id="resumeQueue",
    status_code=HTTPStatus.NO_CONTENT,
)
def resume(name: Name) -> Response[None]:
    """End the pause of a queue. Jobs that waited start within minutes, roughly in the order of their due times."""
    app, _ = caller(router)
    app.resume.queue(name)
    return Response(HTTPStatus.NO_CONTENT)


def _whole(queue_view: QueueView, settings: Settings) -> QueueReply:
    return QueueReply(
        **queue_properties(queue_view.name, settings),
        depth=queue_view.depth.visible,
        in_flight=queue_view.depth.in_flight,
        delayed=queue_view.depth.delayed,
        oldest_due_at=times.to_timestamp(queue_view.oldest_due_at),
        paused=queue_pause_reply(queue_view.pause, whole=True) if queue_view.pause else None,
    )


def _outside(name: str, pause: Pause | None, settings: Settings) -> QueueReply:
    paused = queue_pause_reply(pause, whole=False) if pause else None
    known = queue_properties(name, settings)
    return QueueReply(**known, depth=None, in_flight=None, delayed=None, oldest_due_at=None, paused=paused)
