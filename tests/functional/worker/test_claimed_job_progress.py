"""A task's progress: its first value is stored at once, the last one with its end."""

from typing import Any

import pytest

from tests.builders.dependencies import Costed, unavailable
from tests.builders.world import TENANT, World
from whendue.declarations.registry import Cancel, GiveUp
from whendue.jobs.model import Job, State


def stored(world: World, job_id: str) -> str | None:
    return world.app.query.get(TENANT, job_id).job.progress


def ran(world: World, function: Any) -> Job:
    world.task("t", function)
    job = world.submit("t", policy={"max_attempts": 2})
    world.work()
    return world.job(job)


def test_the_first_value_is_stored_at_once_and_the_last_one_with_the_end() -> None:
    """A job that takes a second was never seen under way; one that ended showed half of it for ever."""
    world = World()
    seen: list[str | None] = []

    def run(payload: Any, ctx: Any) -> None:
        for value in (1, 2, 3):
            ctx.progress(value)
            seen.append(stored(world, ctx.job_id))

    assert ran(world, run).progress == "3"
    assert seen == ["1", "1", "1"]


@pytest.mark.parametrize(
    ("error", "state"),
    [(RuntimeError, State.PENDING), (GiveUp, State.DEAD), (Cancel, State.CANCELLED), (None, State.SUCCEEDED)],
)
def test_whatever_the_end_is_it_has_the_progress(error: type[Exception] | None, state: State) -> None:
    """How far it came is of most use where it went no further."""

    def run(payload: Any, ctx: Any) -> None:
        ctx.progress("a")
        ctx.progress("b")
        if error:
            raise error("no")

    job = ran(World(), run)
    assert (job.state, job.progress) == (state, '"b"')


def test_a_cancel_that_comes_with_the_end_keeps_the_progress() -> None:
    """The failed attempt is refused for it, and another end is written."""
    world = World()

    def run(payload: Any, ctx: Any) -> None:
        ctx.progress(1)
        world.app.control.cancel(TENANT, ctx.job_id)
        ctx.progress(2)
        raise RuntimeError

    job = ran(world, run)
    assert (job.state, job.progress) == (State.CANCELLED, "2")


def test_progress_costs_one_write_and_no_progress_none() -> None:
    """The last value is part of the write that ends the attempt."""
    world = Costed()

    def run(payload: Any, ctx: Any) -> None:
        for value in range(payload.values):
            ctx.progress(value)

    world.task("t", run)
    world.submit("t", {"values": 0})
    world.work()
    costs = []
    for values in (0, 1, 5):
        world.submit("t", {"values": values})
        costs.append(world.writes(world.work))
    assert costs == [costs[0], costs[0] | {"heartbeat": 1}, costs[0] | {"heartbeat": 1}]
    assert "heartbeat" not in costs[0]


def test_a_first_value_that_cannot_be_stored_is_left_to_the_end() -> None:
    """The task does not learn of it."""
    world = World()
    world.task("t", lambda payload, ctx: ctx.progress(1))
    job = world.submit("t")
    world.work(unavailable(world, "heartbeat"))
    assert (world.job(job).state, world.job(job).progress) == (State.SUCCEEDED, "1")


def test_a_worker_that_was_given_up_stores_no_progress() -> None:
    """Its fence is an earlier one."""
    world = World()
    runs: list[int] = []

    def run(payload: Any, ctx: Any) -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            world.clock.advance(60)
            world.tick()
            world.clock.advance(120)
            world.tick()
            world.work()
            ctx.progress("stale")
        else:
            ctx.progress("new")

    world.task("t", run)
    job = world.submit("t", policy={"lease_s": 2})
    world.work()
    assert len(runs) == 2
    assert world.job(job).progress == '"new"'


def test_a_result_beside_a_progress_keeps_the_item_in_one_write_unit() -> None:
    """Both take of the same room."""
    from whendue.aws_quotas import WRITE_UNIT_BYTES
    from whendue.jobs.model import item_bytes, to_item

    def run(payload: Any, ctx: Any) -> str:
        ctx.progress("p" * 100)
        return "r" * int(payload.size)

    world = World()
    world.task("t", run)
    places = set()
    for size in range(0, 390, 10):
        job = world.submit("t", {"size": size, "bulk": "x" * 150})
        world.work()
        done = world.job(job)
        places.add(done.result_at)
        assert item_bytes(to_item(done)) <= WRITE_UNIT_BYTES, size
    assert places == {None, "item"}
