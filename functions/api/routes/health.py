"""Health, for people, load balancers and probes; no token needed."""

from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.response import JSON
from whendue.bootstrap.application import App

# Modules that an answer names.
MODULES: Final = 20
UP: Final = {"status": "UP"}
router = APIGatewayHttpRouter()


@router.get("/health", tags=["health"], summary="Check that the API is running", operation_id="getHealth")
def alive() -> dict[str, str]:
    """Return `UP` without calling any other service."""
    return {"status": "UP"}


@router.get(
    "/health/ready", tags=["health"], summary="Check that table and queues respond", operation_id="getReadiness"
)
def ready() -> Response[dict[str, Any]]:
    """Return 200 if the table and all queues respond, else 503, with the status of each.

    A module of tasks that cannot be imported makes the component `tasks` `DEGRADED`. The answer stays 200, because all
    other tasks run.
    """
    return _ready()


@router.get(
    "/actuator/health",
    tags=["health"],
    summary="Check that table and queues respond (Spring Boot's path)",
    operation_id="getActuatorHealth",
)
def actuator() -> Response[dict[str, Any]]:
    """Return the same as `GET /health/ready`, under the path that Spring Boot's actuator has."""
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
    return Response(HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, JSON, body)
