"""The client of the API for a whendue in memory: requests are answered in the process, and waiting lets time pass."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import httpx

from whendue.bootstrap.application import App
from whendue.client import Client
from whendue.direct.transport import InProcess
from whendue.support.clock import Clock

# Nothing is sent to it (RFC 2606 section 2).
_URL: Final = "https://whendue.invalid"


class ApiTransport(httpx.BaseTransport):
    """Answers requests by the API's code, which is imported for the first one, and calls a function after each answer.

    Args:
        app: the application.
        tenant: whose jobs the requests are about.
        answered: called before an answer is returned; what it raises, the request raises.
    """

    def __init__(self, app: App, tenant: str, answered: Callable[[], None]) -> None:
        """Use this application."""
        self._app = app
        self._tenant = tenant
        self._answered = answered

    @cached_property
    def _api(self) -> InProcess:
        return InProcess(self._app, self._tenant)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request.

        Raises:
            ConfigurationError: the libraries that the API needs are not installed.
        """
        response = self._api.handle_request(request)
        self._answered()
        return response


def client_of(app: App, tenant: str, clock: Clock, answered: Callable[[], None]) -> Client:
    """Return a client of an application in this process.

    Args:
        app: the application.
        tenant: whose jobs the client sees.
        clock: what the client waits by.
        answered: called after each answer.
    """
    return Client(_URL, "in-memory", transport=ApiTransport(app, tenant, answered), clock=clock)
