"""Attempts of coroutine functions: their lines and their errors are those of any other attempt."""

import asyncio
import logging
from typing import Any

from tests.builders.world import TENANT, RealTime, World
from whendue.jobs.failures import causes_of, stack_of
from whendue.jobs.model import Job

LOGGER = logging.getLogger("shop.stock")


def messages(world: World, job: Job) -> list[str]:
    logs = world.app.job_logs.page(TENANT, job.id, None, 20, None).logs
    return [line.message for log in logs for line in log.lines]


async def ship(order: int) -> None:
    await asyncio.sleep(0)
    raise LookupError(order)


async def handle() -> None:
    try:
        await ship(7)
    except LookupError as error:
        raise ValueError("no order") from error


def test_the_stack_of_a_coroutine_begins_with_it() -> None:
    """Not with the event loop, which is no code of the user's."""
    world = World()

    async def run(payload: Any, ctx: Any) -> None:
        await handle()

    world.task("t", run)
    job = world.submit("t", policy={"max_attempts": 1})
    world.work()
    last = world.job(job).last
    assert last is not None
    assert [frame.rpartition(":")[0] for frame in stack_of(last)] == [f"{__name__}:run", f"{__name__}:handle"]
    assert last.where == stack_of(last)[-1]
    [cause] = causes_of(last)
    assert (cause.type, cause.message, cause.where.rpartition(":")[0]) == ("LookupError", "7", f"{__name__}:ship")


def test_what_coroutines_log_goes_to_their_attempt() -> None:
    """Jobs follow each other on one thread, whose event loop is kept; tasks within a job share its log."""
    world = World()

    async def part(ctx: Any, name: str) -> None:
        await asyncio.sleep(0)
        LOGGER.info("%s %s", name, ctx.job_id)

    async def run(payload: Any, ctx: Any) -> None:
        await asyncio.gather(part(ctx, "a"), part(ctx, "b"))
        await asyncio.to_thread(ctx.log.info, "c %s", ctx.job_id)

    world.task("t", run)
    jobs = [world.submit("t") for _ in range(3)]
    world.work()
    for job in jobs:
        assert messages(world, job) == [f"{name} {job.id}" for name in "abc"]


def test_what_a_coroutine_left_running_logs_belongs_to_no_later_attempt() -> None:
    """It is cancelled with its job; what it logs while it ends is still of that job."""
    world = RealTime()

    async def lasting(ctx: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            LOGGER.info("end of %s", ctx.job_id)

    async def run(payload: Any, ctx: Any) -> None:
        kept.append(asyncio.create_task(lasting(ctx)))
        await asyncio.sleep(0)

    kept: list[Any] = []
    world.task("t", run)
    jobs = [world.submit("t") for _ in range(3)]
    world.work()
    for job in jobs:
        assert messages(world, job) == [f"end of {job.id}"]
