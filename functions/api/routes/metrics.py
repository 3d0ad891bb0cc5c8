"""Metrics, for Prometheus: of all tenants together, so they have a scope of their own."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller

router = APIGatewayHttpRouter()


@router.get("/actuator/prometheus", tags=["metrics"], summary="All metrics, in Prometheus' text format")
def prometheus() -> Response[str]:
    """Show counters, histograms and gauges of the whole deployment, all tenants together."""
    from functions.api.schemas.metrics import CONTENT_TYPE, exposition

    app, _ = caller(router)
    return Response(200, CONTENT_TYPE, exposition(app.counters.read(), app.gauges.measure()))
