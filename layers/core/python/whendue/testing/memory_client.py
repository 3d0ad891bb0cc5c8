"""The client of the API for a whendue in memory: requests are answered in the process, and waiting lets time pass."""

from collections.abc import Callable
from typing import Final

import httpx

from whendue.bootstrap.application import App
from whendue.client import Client
from whendue.direct.transport import InProcess
from whendue.support.clock import Clock

# Nothing is sent to it (RFC 2606 section 2).
_URL: Final = "https://whendue.invalid"


class NotifyingTransport(httpx.BaseTransport):
    """A transport that calls a function after each answer.

    Args:
        inner: answers the requests.
        answered: called before an answer is returned; what it raises, the request raises.
    """

    def __init__(self, inner: httpx.BaseTransport, answered: Callable[[], None]) -> None:
        """Use this transport."""
        self._inner = inner
        self._answered = answered

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        response = self._inner.handle_request(request)
        self._answered()
        return response


def client_of(app: App, tenant: str, clock: Clock, answered: Callable[[], None]) -> Client:
    """Return a client of an application in this process.

    Args:
        app: the application.
        tenant: whose jobs the client sees.
        clock: what the client waits by.
        answered: called after each answer.

    Raises:
        ConfigurationError: the libraries that the API needs are not installed.
    """
    transport = NotifyingTransport(InProcess(app, tenant), answered)
    return Client(_URL, "in-memory", transport=transport, clock=clock)
