"""The API put together: route, token, guard, reply; one log line per request."""

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from functions import log
from functions.api.http import problems
from functions.api.http.body import (
    check_ids,
    check_integers,
    check_key,
    check_lengths,
    checked_body,
    checked_query,
    repeatable,
)
from functions.api.http.caller import Waits
from functions.api.http.cors import Origins
from functions.api.http.etags import NotModifiedError, not_modified, revalidated
from functions.api.http.gateway_event import answer, canonical, normalise
from functions.api.http.response import is_too_large, json_text
from functions.api.http.routing import Sections, routes_of
from functions.api.http.scopes import insist
from functions.api.resolver import Resolver
from whendue.adapters.auth import Identity, Verifier
from whendue.bootstrap.application import App
from whendue.errors import (
    AuthenticationError,
    ForbiddenError,
    InvalidRequestError,
    ResponseTooLargeError,
    UnavailableError,
    UnreadableError,
    WhendueError,
)
from whendue.metrics_export import export
from whendue.quotas import COUNT_EVERY_MS, NAME_BYTES
from whendue.support.text import nearest
from whendue.support.time_limit import validations
from whendue.tracing.traceparent import traceparent

__all__ = ["PUBLIC", "Api", "make_resolver", "routes_of"]

# The pages of the dashboard, whose script alone reads the query.
PAGES = frozenset({"/", "/dashboard", "/dashboard/<page>", "/dashboard/<page>/<item>"})
PUBLIC = PAGES | {
    "/actuator/health",
    "/assets/<name>",
    "/dashboard/config.json",
    "/dashboard/sign-in",
    "/docs",
    "/health",
    "/health/ready",
    "/openapi.json",
}
# Public routes that show more to those who send a token.
MORE_WITH_TOKEN = frozenset({"/openapi.json"})
WITHOUT_QUERY = {"rawQueryString": "", "queryStringParameters": {}}
NO_ORIGINS = Origins()
# What is logged of every request that has it: errors that the request itself survived.
FAULTS = frozenset({"isolated_errors", "counts_lost"})
# Of an unknown method, in the log.
METHOD_CHARACTERS = 16
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def make_resolver() -> APIGatewayHttpResolver:
    """Return the resolver with all routes."""
    sections = _sections()
    sections.include_all()
    return sections.resolver


@cache
def _sections() -> Sections:
    """Make the resolver. Powertools' routers know one resolver, so a process has one."""
    # The guard has parsed the body already, once and strictly.
    resolver = Resolver(
        enable_validation=True, serializer=json_text, json_body_deserializer=lambda _: resolver.context["body"]
    )
    resolver.use([_refuse_unknown_parameters])
    # Every error is ours to answer; one that Powertools sees first would be logged with its message.
    resolver.exception_handler(Exception)(_error_reply)
    return Sections(resolver)


class Api:
    """Answers events of API Gateway, HTTP APIs and REST APIs alike.

    Args:
        whendue: the application.
        verifier: of bearer tokens.
        origins: whose scripts browsers may let call.
        log_requests: whether a line is logged for each request.
        waits: how many requests may wait for the end of a job at the same time.
    """

    def __init__(
        self,
        whendue: App,
        verifier: Verifier,
        origins: Origins = NO_ORIGINS,
        *,
        log_requests: bool = True,
        waits: int = 1,
    ) -> None:
        """Put the API together."""
        self._log_requests = log_requests
        self._whendue = whendue
        self._verifier = verifier
        self._origins = origins
        self._waits = Waits(waits)
        self._sections = _sections()
        self._resolver = self._sections.resolver

    def prepare(self) -> None:
        """Import what most processes need for their first request."""
        self._sections.include("/jobs")
        self._verifier.prepare()

    def prepare_all(self) -> None:
        """Add and build all routes, before several threads use them at once."""
        self._sections.include_all()
        self._sections.resolver.prepare()
        self._verifier.prepare()

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer one request. Never raises."""
        began_ms = self._whendue.clock.now_ms()
        facts: dict[str, Any] = {"request_id": getattr(context, "aws_request_id", "")}
        asked: dict[str, Any] = {"headers": {}, "requestContext": {"http": {"method": ""}}}
        try:
            asked = normalise(event)
            reply = self._answer(canonical(asked), context, facts)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem
            reply = _problem(error)
        more = SECURITY_HEADERS | self._origins.headers(asked["headers"])
        reply = _whole(event, reply, more)
        if is_too_large(reply):
            # Lambda would fail the call; no route returns so much (tests/functional/api/test_response_size.py).
            reply = _whole(event, _problem(ResponseTooLargeError()), more)
        if asked["requestContext"]["http"]["method"] == "HEAD":
            # RFC 9110 section 9.3.2: what GET would answer, without its content.
            reply["body"] = ""
        duration_ms = self._whendue.clock.now_ms() - began_ms
        fields = {"status": reply["statusCode"], "duration_ms": duration_ms, **facts}
        fields |= export(self._whendue, every_ms=COUNT_EVERY_MS)
        if self._log_requests or fields.keys() & FAULTS:
            log.info("request", **fields)
        return reply

    def _answer(self, event: dict[str, Any], context: Any, facts: dict[str, Any]) -> dict[str, Any]:
        """Answer a request. Fills `facts` as far as it gets: they are logged even if it raises."""
        method, path = event["requestContext"]["http"]["method"], event["rawPath"]
        facts |= {"method": method[:METHOD_CHARACTERS], "route": "none"}
        check_lengths(event)
        self._sections.include(path)
        if asked := self._origins.preflight(method, event["headers"], _methods(self._resolver, path)):
            return asked
        route, parameters = _route(self._resolver, method, path)
        facts["route"] = route.path
        identity = self._identify(event, route)
        if identity:
            facts["tenant"] = identity.tenant
        check_key(event, route)
        event |= WITHOUT_QUERY if route.path in PAGES else checked_query(event, repeatable(route))
        check_integers(route, {"query": event["queryStringParameters"], "path": parameters})
        event |= (body := checked_body(event, route))
        check_ids(parameters)
        parent = traceparent(event["headers"].get("traceparent"))
        about = {"http.request.method": method, "http.route": route.path}
        with self._whendue.tracing.span(f"{method} {route.path}", "SERVER", parent, about) as span:
            self._resolver.context.update(
                whendue=self._whendue,
                identity=identity,
                resolver=self._resolver,
                waits=self._waits,
                traceparent=span.traceparent,
                body=body["value"],
                root=event["root"],
                binary=event["binary"],
            )
            with validations(self._whendue.clock.now_ms):
                reply: dict[str, Any] = self._resolver.resolve(event, context)
            span.note("http.response.status_code", reply["statusCode"])
            if reply["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.failed(str(reply["statusCode"]))
        # A public answer is not asked for again and again.
        return reply if route.path in PUBLIC else revalidated(event, route.path, reply)

    def _identify(self, event: Mapping[str, Any], route: Route) -> Identity | None:
        """Verify the token, unless the route is public, and insist on the scope."""
        if route.path in MORE_WITH_TOKEN and "authorization" in event["headers"]:
            # A public path is answered however bad a token is.
            with suppress(AuthenticationError, ForbiddenError, UnavailableError):
                return self._verified(event, route)
        return None if route.path in PUBLIC else self._verified(event, route)

    def _verified(self, event: Mapping[str, Any], route: Route) -> Identity:
        identity = self._verifier.verify(event["headers"].get("authorization"))
        insist(identity, route.method, route.path)
        return identity


def _whole(event: Mapping[str, Any], reply: Mapping[str, Any], more: Mapping[str, str]) -> dict[str, Any]:
    """Return a reply as it leaves, with the headers that all have."""
    own = reply.get("headers") or {}
    # What is cached, and by what it varies, a reply may say itself.
    vary = ", ".join(headers["Vary"] for headers in (own, more) if "Vary" in headers)
    kept = {name: own[name] for name in ("Cache-Control",) if name in own} | ({"Vary": vary} if vary else {})
    return answer(event, {**reply, "headers": {**own, **more, **kept}})


def _refuse_unknown_parameters(resolver: APIGatewayHttpResolver, next_middleware: Callable[..., Any]) -> Any:
    """Refuse a misspelt query parameter instead of ignoring it."""
    route, query = resolver.context["_route"], resolver.current_event.query_string_parameters or {}
    known = {parameter.alias for parameter in route.dependant.query_params}
    if unknown := set(query) - known:
        places = [
            {"where": f"query.{name[:64]}", "problem": f"is not a parameter of this operation; {_hint(name, known)}"}
            for name in sorted(unknown)
        ]
        raise InvalidRequestError("the query is not valid", errors=places)
    return next_middleware(resolver)


def _hint(unknown: str, known: Collection[str]) -> str:
    """Say which parameter a misspelt one probably means, and which there are."""
    if not known:
        return "it has none"
    near = nearest(unknown[:NAME_BYTES], known)
    return f"{f'did you mean {near}? ' if near else ''}its parameters are {', '.join(sorted(known))}"


def _error_reply(error: Exception) -> Response[str]:
    """Answer an error raised in a route."""
    if isinstance(error, NotModifiedError):
        found = not_modified(error.etag)
        return Response(found["statusCode"], body=found["body"], headers=found["headers"])
    reply = _problem(error)
    return Response(reply["statusCode"], problems.CONTENT_TYPE, reply["body"], reply["headers"])


def _problem(error: Exception) -> dict[str, Any]:
    if isinstance(error, RequestValidationError):
        return problems.reply(problems.invalid(error.errors()))
    if isinstance(error, WhendueError) and problems.is_known(error):
        if isinstance(error, UnreadableError):
            log.failed("an item cannot be read", error.__cause__ or error, item=error.details["item"])
        return problems.reply(error)
    log.failed("request failed", error)
    return problems.reply(WhendueError())


def _route(resolver: APIGatewayHttpResolver, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """Find the route and the parameters in its path.

    Raises:
        RouteNotFoundError, MethodNotAllowedError: there is nothing at this path, or it takes other methods.
    """
    for route, match in (found := _at(resolver, path)):
        if route.method == method:
            return route, match.groupdict()
    if not found:
        raise problems.RouteNotFoundError
    raise problems.MethodNotAllowedError(allow=", ".join(_methods(resolver, path)))


def _at(resolver: APIGatewayHttpResolver, path: str) -> list[tuple[Route, re.Match[str]]]:
    """List the routes of a path; one that is written out hides those with parameters, as OpenAPI has it.

    Else `PATCH /jobs/batch` would be about a job called `batch`.
    """
    # Powertools matches from the start only, and its patterns' `$` overlooks a line feed at the end.
    found = [(route, match) for route in routes_of(resolver) if (match := route.rule.fullmatch(path))]
    return [(route, match) for route, match in found if route.path == path] or found


def _methods(resolver: APIGatewayHttpResolver, path: str) -> list[str]:
    """List the methods that a path takes."""
    methods = {route.method for route, _ in _at(resolver, path)}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
