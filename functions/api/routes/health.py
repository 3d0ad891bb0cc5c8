"""Health, for people, load balancers and probes; no token needed."""

from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from whendue.bootstrap import App

# Modules that an answer names.
MODULES: Final = 20
UP: Final = {"status": "UP"}
router = APIGatewayHttpRouter()


@router.get("/health", tags=["health"], summary="Is the function alive?")
def alive() -> dict[str, str]:
    """Answer without asking anything else."""
    return {"status": "UP"}


@router.get("/health/ready", tags=["health"], summary="Do table and queues answer?")
def ready() -> Response[dict[str, Any]]:
    """200 when everything that jobs need answers, else 503.

    A module of tasks that could not be imported is shown as a degraded component. The answer stays 200: other tasks
    run, and no other process could do better.
    """
    return _ready()


@router.get("/actuator/health", tags=["health"], summary="The same, as Spring's actuator shows it")
def actuator() -> Response[dict[str, Any]]:
    """The same as `/health/ready`."""
    return _ready()


def _ready() -> Response[dict[str, Any]]:
    app: App = router.context["whendue"]
    answers = app.health.ready()
    good = all(answer == "ok" for answer in answers.values())
    components: dict[str, Any] = {
        name: UP if answer == "ok" else {"status": "DOWN", "details": {"code": answer}}
        for name, answer in answers.items()
    }
    broken = app.health.broken_modules()
    components["tasks"] = (
        {"status": "DEGRADED", "details": {"modules": broken[:MODULES], "count": len(broken)}} if broken else UP
    )
    body = {"status": "UP" if good else "DOWN", "components": components}
    return Response(HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, "application/json", body)
