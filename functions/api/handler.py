"""API function: answers HTTP requests."""

import os
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from functions import STARTING, end_start
from functions.api.app import Api
from functions.api.http.cors import Origins
from whendue.adapters.auth import AuthSettings, Verifier
from whendue.bootstrap.application import App
from whendue.bootstrap.process import app

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Of the threads of a process, one in so many may wait.
WAITING = 4


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer an event of an HTTP API or a REST API."""
    return _api()(event, context)


def concurrent_api(whendue: App, threads: int) -> Api:
    """Return the API of a process that answers several requests at once (`whendue api`).

    Args:
        whendue: the application.
        threads: how many requests it answers at once; a quarter of them, rounded down, may wait for the end of a job.

    Raises:
        ConfigurationError: a setting is not right.
    """
    api = _api_of(whendue, waits=threads // WAITING)
    api.prepare_all()
    return api


@cache
def _api() -> Api:
    return _api_of(app(described=True))


def _api_of(whendue: App, waits: int = 1) -> Api:
    if any("_DASHBOARD_" in name for name in os.environ):
        # Without any, nothing can be wrong, and no start loads it.
        from functions.api.dashboard.settings import DashboardSettings

        DashboardSettings.from_env(os.environ)
    again = partial(AuthSettings.from_env, os.environ)
    return Api(whendue, Verifier(again(), whendue.clock, again), Origins.from_env(os.environ), waits=waits)


if STARTING:
    # Lambda gives a process more CPU while it starts, and SnapStart keeps what was done until now.
    _api().prepare()
    end_start()
