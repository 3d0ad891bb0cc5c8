"""The dashboard over HTTP: a page for every path below /dashboard, its files, its settings, and one-time links."""

import os
from functools import cache
from http import HTTPStatus
from typing import Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.dashboard import files
from functions.api.dashboard.settings import DashboardSettings
from functions.api.http.problems import RouteNotFoundError
from functions.api.http.response import JSON, json_text
from whendue.bootstrap.application import App

router = APIGatewayHttpRouter()
# What a page needs of the browser, which is nothing: https://www.w3.org/TR/permissions-policy/
_PERMISSIONS: Final = "camera=(), geolocation=(), microphone=()"


@router.get("/", include_in_schema=False)
def home() -> Response[str]:
    """Return the dashboard."""
    return _page()


@router.get("/dashboard", include_in_schema=False)
def overview() -> Response[str]:
    """Return the dashboard."""
    return _page()


@router.get("/dashboard/<page>", include_in_schema=False)
def page(page: str) -> Response[str]:  # noqa: ARG001 - the page's script reads its address
    """Return the dashboard, which shows this page."""
    return _page()


@router.get("/dashboard/<page>/<item>", include_in_schema=False)
def page_of_one(page: str, item: str) -> Response[str]:  # noqa: ARG001 - as above
    """Return the dashboard, which shows the page of one job, schedule, and so on."""
    return _page()


@router.get("/dashboard/config.json", include_in_schema=False)
def config() -> Response[str]:
    """Say how one signs in."""
    return Response(HTTPStatus.OK, JSON, json_text(_settings().shown()))


@router.post("/dashboard/sign-in", include_in_schema=False)
def sign_in() -> Response[str]:
    """Exchange a one-time link of a dev stack for its token."""
    if not _settings().links:
        raise RouteNotFoundError
    from functions.api.dashboard.one_time_links import exchange

    app: App = router.context["whendue"]
    token = exchange(app, router.current_event.headers.get("authorization") or "")
    return Response(HTTPStatus.OK, JSON, json_text({"token": token}))


@router.get("/assets/<name>", include_in_schema=False)
def asset(name: str) -> Response[str]:
    """Return a file of the dashboard."""
    accepted = router.current_event.headers.get("accept-encoding") or ""
    found = files.asset(name, accepted, binary=router.context["binary"])
    if found is None:
        raise RouteNotFoundError
    headers: dict[str, str | list[str]] = {"Cache-Control": files.FOR_GOOD, "Vary": "Accept-Encoding"}
    reply = Response(HTTPStatus.OK, found.type, found.text, headers)
    if found.encoding:
        reply.headers["Content-Encoding"] = found.encoding
        # Powertools encodes bytes itself, but validates them as text first.
        reply.base64_encoded = True
    return reply


def _page() -> Response[str]:
    headers: dict[str, str | list[str]] = {
        "Content-Security-Policy": _settings().policy(),
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return Response(HTTPStatus.OK, "text/html; charset=utf-8", files.page(router.context["root"]), headers)


@cache
def _settings() -> DashboardSettings:
    return DashboardSettings.from_env(os.environ)
