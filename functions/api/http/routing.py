"""The routes of the API, as Powertools keeps them and as OpenAPI writes them."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.api_gateway import Route

from functions.api.resolver import Resolver

# The one module of routes that is not below functions/api/routes.
DASHBOARD: Final = "dashboard.routes"
# The modules of functions/api/routes, in the order of the documentation.
MODULES: Final = (
    "jobs",
    "workflows",
    "schedules",
    "backfills",
    "dead_letters",
    "bulk.operations",
    "tasks",
    "profiles",
    "queues",
    "pauses",
    "subscriptions",
    "usage",
    "health",
    "metrics",
    "docs",
    DASHBOARD,
)
# First segment of a path -> the modules that have its routes. The documentation is of all routes.
SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "": (DASHBOARD,),
    "actuator": ("health", "metrics"),
    "assets": (DASHBOARD,),
    "dashboard": (DASHBOARD,),
    "dead-letters": ("dead_letters",),
    "docs": MODULES,
    "health": ("health",),
    "jobs": ("jobs",),
    "openapi.json": MODULES,
    "operations": ("bulk.operations",),
    "pauses": ("pauses",),
    "profiles": ("profiles",),
    "queues": ("queues",),
    "schedules": ("schedules", "backfills"),
    "subscriptions": ("subscriptions",),
    "tasks": ("jobs", "tasks"),
    "unique": ("jobs",),
    "usage": ("usage",),
    "workflows": ("workflows",),
}


class Sections:
    """Adds routes to a resolver when a request first asks for their section: few processes see a request for each.

    Args:
        resolver: whose routes they become.
    """

    def __init__(self, resolver: Resolver) -> None:
        """Begin with no routes."""
        self.resolver = resolver
        self._included: set[str] = set()

    def include(self, path: str) -> None:
        """Add the routes that a path may have, unless they are there; of an unknown section there are none."""
        self._include(SECTIONS.get(path.split("/")[1] if path.startswith("/") else path, ()))

    def include_all(self) -> None:
        """Add all routes that are not there yet."""
        self._include(MODULES)

    def _include(self, modules: tuple[str, ...]) -> None:
        for module in modules:
            if module not in self._included:
                # Relative: in direct mode the package has another name.
                routes = import_module(f"..{module}" if module == DASHBOARD else f"..routes.{module}", __package__)
                self.resolver.include_router(routes.router)
                self._included.add(module)


def routes_of(resolver: APIGatewayHttpResolver) -> list[Route]:
    """List a resolver's routes."""
    return [*resolver._static_routes, *resolver._dynamic_routes]  # noqa: SLF001 - Powertools has no public list


def template_of(route: Route) -> str:
    """Return a route's path as OpenAPI writes it: `/jobs/{job_id}`."""
    return route.path.replace("<", "{").replace(">", "}")
