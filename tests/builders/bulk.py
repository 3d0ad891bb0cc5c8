"""Bulk operations of a world in memory: begun, continued, and looked for in the histories of jobs."""

from collections import Counter
from typing import Any

from tests.builders.world import TENANT, World
from whendue.bulk.model import Action, Operation
from whendue.bulk.service import Asked
from whendue.jobs.model import Job
from whendue.operations.listing import JobFilter

ALL = JobFilter()
ONCE = {"max_attempts": 1}
UNKNOWN = "0190a5d2-0000-7000-8000-000000000000"


def dead_jobs(world: World, count: int) -> list[Job]:
    jobs = [world.submit("bad", policy=ONCE) for _ in range(count)]
    world.work()
    return jobs


def begin(world: World, action: Action, wanted: JobFilter | None = ALL, **more: Any) -> Operation:
    return world.app.bulk.begin(TENANT, Asked(action, "ada", wanted=wanted, **more))


def get(world: World, operation: Operation) -> Operation:
    return world.app.bulk.get(TENANT, operation.id)


def to_the_end(world: World, operation: Operation, ticks: int = 20) -> Operation:
    """Let the timer tick until the operation has ended."""
    for _ in range(ticks):
        if not get(world, operation).is_running:
            break
        world.clock.advance(60)
        world.tick()
    return get(world, operation)


def events(world: World, job: Job) -> list[tuple[str, str | None, str | None]]:
    page = world.app.history.page(TENANT, job.id, 200, None)
    return [(event.type.value, event.by, event.operation) for event in page.events if event.by]


def touches(world: World, operation: Operation) -> Counter[str]:
    """Count by job how often an operation has changed it, from the jobs' histories."""
    jobs = {key.pk.removeprefix("JOB#") for key in world.table.items() if key.sk == "job"}
    return Counter(
        job_id
        for job_id in jobs
        for event in world.app.history.page(TENANT, job_id, 200, None).events
        if event.operation == operation.id
    )
