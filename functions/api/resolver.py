"""The resolver of a process that may answer several requests at once, each on a thread of its own.

Powertools keeps the request under way in class attributes of its routers, as a function has one request at a time.
Its resolver for local servers keeps it in a context variable, as this one does:
https://github.com/aws-powertools/powertools-lambda-python, aws_lambda_powertools/event_handler/http_resolver.py
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver


@dataclass(slots=True)
class _Current:
    """What a thread's request keeps in the resolver."""

    event: Any = None
    lambda_context: Any = None
    values: dict[str, Any] = field(default_factory=dict)
    frames: list[str] = field(default_factory=list)


_current: Final[ContextVar[_Current | None]] = ContextVar("current", default=None)


def _of_this_thread() -> _Current:
    if (current := _current.get()) is None:
        _current.set(current := _Current())
    return current


class Resolver(APIGatewayHttpResolver):
    """Powertools' resolver; its request, and what stands beside it, are those of the calling thread."""

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer an event, as the resolver does that this one extends."""
        self.current_event = self._to_proxy_event(dict(event))
        self.lambda_context = context
        try:
            return self._build_response(self._resolve())
        finally:
            self.context.clear()

    def prepare(self) -> None:
        """Build what each route builds at its first request: two threads that build it at once would do so twice."""
        for route in (*self._static_routes, *self._dynamic_routes):
            if not route._middleware_stack_built:  # noqa: SLF001 - Powertools has no public way
                route._build_middleware_stack(self._router_middlewares, self)  # noqa: SLF001 - as above
            _ = (route.dependant, route.body_field)

    @property
    def current_event(self) -> Any:
        """The event under way."""
        return _of_this_thread().event

    @current_event.setter
    def current_event(self, value: Any) -> None:
        _of_this_thread().event = value

    @property
    def lambda_context(self) -> Any:
        """Its context."""
        return _of_this_thread().lambda_context

    @lambda_context.setter
    def lambda_context(self, value: Any) -> None:
        _of_this_thread().lambda_context = value

    @property
    def context(self) -> dict[str, Any]:
        """What stands beside it."""
        return _of_this_thread().values

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        _of_this_thread().values = value

    @property
    def processed_stack_frames(self) -> list[str]:
        """What Powertools notes of its way through the middlewares."""
        return _of_this_thread().frames

    @processed_stack_frames.setter
    def processed_stack_frames(self, value: list[str]) -> None:
        _of_this_thread().frames = value
