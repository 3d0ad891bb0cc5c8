"""The API put together: guard, token, route, reply; one log line per request."""

from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from functions import log
from functions.api import problems
from functions.api.events import normalise
from functions.api.guard import checked_body
from functions.api.response import is_too_large, json_text
from functions.api.routes import (
    dead_letters,
    docs,
    health,
    jobs,
    metrics,
    pauses,
    profiles,
    queues,
    schedules,
    subscriptions,
    workflows,
)
from functions.api.scopes import scope_of
from whendue.adapters.auth import Identity, Verifier
from whendue.bootstrap import App
from whendue.domain.trace import traceparent
from whendue.errors import InvalidRequestError, ResponseTooLargeError, WhendueError
from whendue.limits import COUNT_EVERY_MS
from whendue.report import report

PUBLIC = frozenset({"/", "/docs", "/openapi.json", "/health", "/health/ready", "/actuator/health"})
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@cache
def make_resolver() -> APIGatewayHttpResolver:
    """Make the resolver with all routes. Powertools' routers know one resolver, so a process has one."""
    resolver = APIGatewayHttpResolver(enable_validation=True, serializer=json_text)
    resolver.use([_refuse_unknown_parameters])
    # Every error is ours to answer; one that Powertools sees first would be logged with its message.
    resolver.exception_handler(Exception)(_error_reply)
    for module in (
        jobs,
        workflows,
        schedules,
        dead_letters,
        profiles,
        queues,
        pauses,
        subscriptions,
        health,
        metrics,
        docs,
    ):
        resolver.include_router(module.router)
    return resolver


class Api:
    """Answers events of API Gateway, HTTP APIs and REST APIs alike.

    Args:
        whendue: the application.
        verifier: of bearer tokens.
    """

    def __init__(self, whendue: App, verifier: Verifier) -> None:
        """Put the API together."""
        self._whendue = whendue
        self._verifier = verifier
        self._resolver = make_resolver()

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer one request. Never raises."""
        began_ms = self._whendue.effects.now_ms()
        facts: dict[str, Any] = {"request_id": getattr(context, "aws_request_id", "")}
        try:
            reply = self._answer(normalise(event), context, facts)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem
            reply = _problem(error)
        # A body of null is none of API Gateway's answers: emulators make a 500 of it.
        reply["body"] = reply.get("body") or ""
        reply["headers"] = _as_text(reply.get("headers") or {}) | SECURITY_HEADERS
        if is_too_large(reply):
            # Lambda would fail the call; no route gives so much (tests/functional/api/test_response_size.py).
            reply = _problem(ResponseTooLargeError())
            reply["headers"] |= SECURITY_HEADERS
        duration_ms = self._whendue.effects.now_ms() - began_ms
        told = {"status": reply["statusCode"], "duration_ms": duration_ms, **facts}
        log.info("request", **told, **report(self._whendue, every_ms=COUNT_EVERY_MS))
        return reply

    def _answer(self, event: dict[str, Any], context: Any, facts: dict[str, Any]) -> dict[str, Any]:
        method, path = event["requestContext"]["http"]["method"], event["rawPath"]
        facts |= {"method": method, "route": _pattern(self._resolver, method, path)}
        identity = self._identify(event, method, path)
        if identity:
            facts["tenant"] = identity.tenant
        event |= checked_body(event)
        parent = traceparent(event["headers"].get("traceparent"))
        about = {"http.request.method": method, "http.route": facts["route"]}
        with self._whendue.tracing.span(f"{method} {facts['route']}", "SERVER", parent, about) as span:
            self._resolver.append_context(
                whendue=self._whendue, identity=identity, resolver=self._resolver, traceparent=span.traceparent
            )
            reply: dict[str, Any] = self._resolver.resolve(event, context)
            span.note("http.response.status_code", reply["statusCode"])
            if reply["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.failed(str(reply["statusCode"]))
        return reply

    def _identify(self, event: Mapping[str, Any], method: str, path: str) -> Identity | None:
        """Verify the token, unless the path is public, and insist on the scope."""
        if path in PUBLIC:
            return None
        identity = self._verifier.verify(event["headers"].get("authorization"))
        identity.need(scope_of(method, path))
        return identity


def _refuse_unknown_parameters(resolver: APIGatewayHttpResolver, next_middleware: Callable[..., Any]) -> Any:
    """Refuse a misspelt query parameter instead of ignoring it."""
    route = resolver.context["_route"]
    known = {parameter.alias for parameter in route.dependant.query_params}
    if unknown := set(resolver.current_event.query_string_parameters or {}) - known:
        places = [{"where": f"query.{name[:64]}", "problem": "there is no such parameter"} for name in sorted(unknown)]
        raise InvalidRequestError("the query is not valid", errors=places)
    return next_middleware(resolver)


def _error_reply(error: Exception) -> Response[str]:
    """Answer an error raised in a route."""
    if isinstance(error, NotFoundError):
        error = _no_route(make_resolver())
    answer = _problem(error)
    return Response(answer["statusCode"], problems.CONTENT_TYPE, answer["body"], answer["headers"])


def _problem(error: Exception) -> dict[str, Any]:
    if isinstance(error, RequestValidationError):
        return problems.reply(problems.invalid(error.errors()))
    if isinstance(error, WhendueError) and problems.is_known(error):
        return problems.reply(error)
    log.failed("request failed", error)
    return problems.reply(WhendueError())


def _no_route(resolver: APIGatewayHttpResolver) -> WhendueError:
    """Tell a path that is not there from one that takes other methods."""
    allow = sorted(route.method for route in routes_of(resolver) if route.rule.match(resolver.context["_path"]))
    return problems.MethodNotAllowedError(allow=", ".join(allow)) if allow else problems.RouteNotFoundError()


def routes_of(resolver: APIGatewayHttpResolver) -> list[Route]:
    """List a resolver's routes."""
    return [*resolver._static_routes, *resolver._dynamic_routes]  # noqa: SLF001 - Powertools has no public list


def _pattern(resolver: APIGatewayHttpResolver, method: str, path: str) -> str:
    """Name the route without its ids, for the log."""
    found = (route.path for route in routes_of(resolver) if route.method == method and route.rule.match(path))
    return next(found, "none")


def _as_text(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else ", ".join(value) for name, value in headers.items()}
