"""A task that creates jobs with `ctx.submit`: each once, whatever dies or is tried again meanwhile."""

from typing import Final

from tests.simulation.scenarios.base import QUICK, Scenario, submitting
from tests.simulation.world import World


def _creates(world: World) -> None:
    world.client(1, submitting(world, "a", do="create", times=2, maxAttempts=6, backoff=QUICK, leaseSeconds=5))


def _creates_and_fails(world: World) -> None:
    """Its second attempt finds what the first one has created."""
    world.client(1, submitting(world, "a", do="create, flaky", times=2, maxAttempts=8, backoff=QUICK, leaseSeconds=5))


SCENARIOS: Final = (
    Scenario("a task that creates jobs", _creates),
    Scenario("a task that creates jobs, and fails at first", _creates_and_fails),
)
