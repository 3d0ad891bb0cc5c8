"""A rolled-out deploy: workers go down, and this version goes on with what an earlier one has left behind."""

from contextlib import suppress
from functools import partial
from typing import Final

from tests.simulation.recorded import leave_behind, versions
from tests.simulation.scenarios.base import Scenario, submit, submitting
from tests.simulation.world import Nature, World
from whendue.errors import UnavailableError
from whendue.migration.migration import Migration

# What was running goes on for a minute.
PATIENT: Final = Nature(worker_ms=300_000)
MINUTE_MS: Final = 60_000
# At ten seconds the workers are told to go, at fifteen they give back.
GOING: Final = Nature(worker_ms=300_000, goes_s=10)


def _given_back(world: World) -> None:
    """One that ends in time, one that does not, one that does not even stop, one in a slot, one that comes later."""
    world.client(1, submitting(world, "short", takes_s=8))
    world.client(1, submitting(world, "long", takes_s=30, timeoutSeconds=60, maxAttempts=1))
    world.client(1, submitting(world, "stuck", do="stuck", takes_s=30, timeoutSeconds=60, leaseSeconds=20))
    world.client(1, submitting(world, "limited", takes_s=20, timeoutSeconds=60, limits={"concurrency": 1, "key": "k"}))
    world.client(12, submitting(world, "after", takes_s=1))


def _cancelled_as_it_goes(world: World) -> None:
    def script() -> None:
        job = submit(world, "a", "cancelled succeeded", takes_s=60, timeoutSeconds=90, leaseSeconds=20)
        world.scheduler.sleep(13_500)
        world.insist("POST", f"/jobs/{job}/cancel")

    world.client(1, script)


def _migrated(world: World, version: str) -> None:
    """The table is upgraded in small pieces while its jobs run; whoever is stopped is followed by another one."""
    leave_behind(world, version)

    def migrate() -> None:
        process = world.process("migration", MINUTE_MS)

        def run() -> None:
            with suppress(UnavailableError):
                Migration(process.app.runtime, at_once=2).run(1000, lambda _: None)

        process.run(run)

    for after_s in (3, 20, 90, 400):
        world.client(after_s, migrate)
    world.client(2, submitting(world, "new", takes_s=8))
    world.client(30, submitting(world, "newer", delaySeconds=30))


SCENARIOS: Final = (
    Scenario("workers that go down while they work", _given_back, GOING),
    Scenario("a job cancelled while its worker goes down", _cancelled_as_it_goes, GOING),
    *(Scenario(f"left behind by {version}", partial(leave_behind, version=version), PATIENT) for version in versions()),
    *(Scenario(f"{version} is upgraded", partial(_migrated, version=version), PATIENT) for version in versions()),
)
