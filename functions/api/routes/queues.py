"""Queues: how much waits in them; pause and resume them for all tenants."""

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
Name = Annotated[str, Path(description="critical, high, normal, low or notifications")]


@router.get("/queues", tags=["queues"], summary="List the queues")
def queues() -> QueueListReply:
    """Show which queues are paused; to operators also by whom and why, each queue's messages, and its oldest job."""
    app, _ = caller(router)
    if identity_of(router).may(OPERATOR):
        return QueueListReply(items=shown(app, app.queues.list(), _whole, attrgetter("name")))
    pauses = app.pauses.of_queues()
    return QueueListReply(items=shown(app, ALL_QUEUES, lambda name: _outside(name, pauses.get(name)), str))


@router.post("/queues/<name>/pause", tags=["queues"], summary="Pause a queue")
def pause(name: Name, body: Annotated[QueuePauseBody, Body()]) -> PauseReply:
    """Claim nothing new from a queue, of any tenant, from 5 s after the reply on; what runs goes on."""
    app, tenant = caller(router)
    return pause_reply(app.pauses.pause_queue(name, body.reason, caller_of(router), body.until, tenant))


@router.post("/queues/<name>/resume", tags=["queues"], summary="Resume a queue", status_code=HTTPStatus.NO_CONTENT)
def resume(name: Name) -> Response[None]:
    """End a queue's pause; what waited comes back with the timer's next ticks, in due order."""
    app, _ = caller(router)
    app.resume.queue(name)
    return Response(HTTPStatus.NO_CONTENT)


def _whole(one: QueueView) -> QueueReply:
    return QueueReply(
        name=one.name,
        depth=one.depth.visible,
        in_flight=one.depth.in_flight,
        delayed=one.depth.delayed,
        oldest_due_at=times.to_timestamp(one.oldest_due_at),
        paused=queue_pause_reply(one.pause, whole=True) if one.pause else None,
    )


def _outside(name: str, pause: Pause | None) -> QueueReply:
    paused = queue_pause_reply(pause, whole=False) if pause else None
    return QueueReply(name=name, depth=None, in_flight=None, delayed=None, oldest_due_at=None, paused=paused)
