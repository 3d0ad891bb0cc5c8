"""The routes of the API, as Powertools keeps them and as OpenAPI writes them."""

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.api_gateway import Route


def routes_of(resolver: APIGatewayHttpResolver) -> list[Route]:
    """List a resolver's routes."""
    return [*resolver._static_routes, *resolver._dynamic_routes]  # noqa: SLF001 - Powertools has no public list


def template_of(route: Route) -> str:
    """Return a route's path as OpenAPI writes it: `/jobs/{job_id}`."""
    return route.path.replace("<", "{").replace(">", "}")
