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
)
from whendue.adapters.auth import OPERATOR
from whendue.inspection.queues import QueueView
from whendue.pauses.model import Pause
from whendue.settings import ALL_QUEUES

router = APIGatewayHttpRouter()
Name = Annotated[
    str,
    Path(description="Name of the queue: `critical`, `high`, `normal`, `low` or `notifications`.", examples=["low"]),
]


@router.get("/queues", tags=["queues"], summary="List queues", operation_id="listQueues")
def queues() -> QueueListReply:
    """Return which queues are paused.

    With the scope `operator` also who paused them and why, how many messages they hold, and when their oldest job was
    due.
    """
    app, _ = caller(router)
    if identity_of(router).may(OPERATOR):
        return QueueListReply(items=shown(app, app.queues.list(), _whole, attrgetter("name")))
    pauses = app.pauses.of_queues()
    return QueueListReply(items=shown(app, ALL_QUEUES, lambda name: _outside(name, pauses.get(name)), str))


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


def _whole(queue_view: QueueView) -> QueueReply:
    return QueueReply(
        name=queue_view.name,
        depth=queue_view.depth.visible,
        in_flight=queue_view.depth.in_flight,
        delayed=queue_view.depth.delayed,
        oldest_due_at=times.to_timestamp(queue_view.oldest_due_at),
        paused=queue_pause_reply(queue_view.pause, whole=True) if queue_view.pause else None,
    )


def _outside(name: str, pause: Pause | None) -> QueueReply:
    paused = queue_pause_reply(pause, whole=False) if pause else None
    return QueueReply(name=name, depth=None, in_flight=None, delayed=None, oldest_due_at=None, paused=paused)
