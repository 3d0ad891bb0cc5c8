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


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answer an event of an HTTP API or a REST API."""
    return _api()(event, context)


def concurrent_api(whendue: App) -> Api:
    """Return the API of a process that answers several requests at once (`whendue api`).

    Raises:
        ConfigurationError: a setting is not right.
    """
    api = _api_of(whendue)
    api.prepare_all()
    return api


@cache
def _api() -> Api:
    return _api_of(app(described=True))


def _api_of(whendue: App) -> Api:
    again = partial(AuthSettings.from_env, os.environ)
    return Api(whendue, Verifier(again(), whendue.clock, again), Origins.from_env(os.environ))


if STARTING:
    # Lambda gives a process more CPU while it starts, and SnapStart keeps what was done until now.
    _api().prepare()
    end_start()
