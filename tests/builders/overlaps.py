"""Schedules whose fires meet jobs that still run."""

import pytest

from tests.builders.faults import Counted, KilledError
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.jobs.model import Job, State
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.fires import FireOutcome
from whendue.schedules.history import FireFilter, FireView
from whendue.schedules.model import Definition, Overlap
from whendue.submission.request import JobRequest

EVERY_10_S = Recurrence(cron="*/10 * * * * *")


def running(overlap: Overlap, lease_s: int = 600, expires_s: float | None = None) -> tuple[World, Job]:
    """Let a schedule's first fire run, in a worker that is never heard of again; return its job."""
    world = World()
    template = JobRequest("ok", {}, policy={"lease_s": lease_s}, expires_s=expires_s)
    world.app.schedules.put(TENANT, "s", Definition(EVERY_10_S, template, overlap=overlap))
    world.clock.advance(10)
    # Ask for pauses, read the job, read the key, take the slot, claim: the fifth call is the last one.
    with pytest.raises(KilledError):
        world.build(store=Counted(world.table, [], 4, after=True)).work.handle(
            world.queues.receive("normal"), world.clock.now_ms() + MINUTE_MS
        )
    [job] = [fire.job for fire in fires(world) if fire.job and fire.job.state is State.RUNNING]
    return world, job


def fires(world: World) -> list[FireView]:
    """List the fires that have come, the oldest first."""
    return world.app.fire_history.page(TENANT, "s", FireFilter(), 100, None).fires[::-1]


def fire(world: World, times: int = 1) -> None:
    for _ in range(times):
        world.clock.advance(10)
        world.work()


def outcomes(world: World) -> list[tuple[FireOutcome, str | None, State | None]]:
    return [(view.fire.outcome, view.fire.reason, view.job.state if view.job else None) for view in fires(world)]


SKIPPED = (FireOutcome.SKIPPED, "overlap", State.CANCELLED)
WAITS = (FireOutcome.RAN, None, State.PENDING)
RUNS = (FireOutcome.RAN, None, State.RUNNING)
RAN = (FireOutcome.RAN, None, State.SUCCEEDED)
