"""Metrics, for Prometheus: of all tenants together, so they have a scope of their own."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller
from whendue.metrics.usage import month_of

router = APIGatewayHttpRouter()


@router.get(
    "/actuator/prometheus",
    tags=["metrics"],
    summary="Get all metrics in Prometheus' text format",
    operation_id="getMetrics",
)
def prometheus() -> Response[str]:
    """Return counters, histograms and gauges of the whole deployment, with all tenants together."""
    from functions.api.schemas.metrics import CONTENT_TYPE, exposition

    app, _ = caller(router)
    usage = app.counters.read_usage(month_of(app.clock.now_ms()))
    return Response(200, CONTENT_TYPE, exposition(app.counters.read(), app.gauges.measure(), usage))
