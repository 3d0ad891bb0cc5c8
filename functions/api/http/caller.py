"""The caller of a request and the application: put beside every request by functions/api/app.py."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple, TypeVar

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from whendue.adapters.auth import Identity
from whendue.bootstrap.application import App
from whendue.submission.request import JobRequest

T = TypeVar("T")
R = TypeVar("R")


class Waits:
    """The requests that may wait at the same time: the others of a process keep its other threads.

    Args:
        at_once: how many; a further one is answered at once.
    """

    def __init__(self, at_once: int) -> None:
        """Begin with none that waits."""
        self._free = threading.Semaphore(at_once)

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Return whether a request may wait; it counts until it leaves."""
        may_wait = self._free.acquire(blocking=False)
        try:
            yield may_wait
        finally:
            if may_wait:
                self._free.release()


class Caller(NamedTuple):
    """The application and the caller's tenant."""

    app: App
    tenant: str


def caller(router: APIGatewayHttpRouter) -> Caller:
    """Return the application and the tenant of the request that the router is handling."""
    identity: Identity = router.context["identity"]
    return Caller(router.context["whendue"], identity.tenant)


def shown(app: App, items: Iterable[T], show: Callable[[T], R], name: Callable[[T], str]) -> list[R]:
    """Show the items of a list; one that cannot be shown is left out, and noted for the log.

    Args:
        app: the application.
        items: what the list holds.
        show: returns an item as it is shown.
        name: returns its id or name.
    """
    return [reply for _, reply in app.bulkhead.each(items, show, stage="show", name=name)]


def identity_of(router: APIGatewayHttpRouter) -> Identity:
    """Return the caller's identity, as verified from the token."""
    identity: Identity = router.context["identity"]
    return identity


def caller_of(router: APIGatewayHttpRouter) -> str:
    """Name who asks: the token's subject, or the tenant where it names none."""
    identity = identity_of(router)
    return identity.subject or identity.tenant


def traced(router: APIGatewayHttpRouter, request: JobRequest) -> JobRequest:
    """Let a job belong to the trace of the request that asks for it."""
    return replace(request, traceparent=router.context["traceparent"])
