"""Attempts in spans: OpenTelemetry's failures take no attempt with them, and an attempt is made once."""

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from tests.builders.dependencies import Costed
from tests.builders.world import World
from whendue.bootstrap.application import App
from whendue.jobs.model import State
from whendue.tracing.spans import Tracing


class Broken(TracerProvider):
    """Makes no spans."""

    def get_tracer(self, *_: Any, **__: Any) -> Any:
        """Raise."""
        raise RuntimeError("no spans")


@pytest.mark.parametrize("provider", [TracerProvider, Broken])
def test_an_attempt_in_a_span_is_made_once_whatever_becomes_of_the_span(provider: type[TracerProvider]) -> None:
    """A task has side effects, and a trace is for looking on."""
    world = World()
    job = world.submit()
    app = App(replace(world.app.runtime, tracing=Tracing(provider())), world.app.notifications, world.app.metrics)
    world.work(app)
    assert (world.job(job).state, len(world.runs(job))) == (State.SUCCEEDED, 1)


def test_payloads_that_jobs_carry_themselves_are_not_read() -> None:
    """A claim has brought them."""
    world = Costed()
    # The first batch asks what is paused.
    world.submit()
    world.work()
    world.submit(payload={"n": 1})
    carried = world.calls(world.work)
    world.submit(payload={"bulk": "x" * 2000})
    assert world.calls(world.work)["get"] == carried.get("get", 0) + 1
