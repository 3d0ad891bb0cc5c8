"""Attempts of tasks as declared: coroutines, and the delay that the task's own backoff asks for."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tests.builders.world import RealTime, World
from whendue.declarations.registry import Cancel, GiveUp, Retry
from whendue.errors import Interrupted
from whendue.jobs.model import State


def delay_s(world: World, **wanted: Any) -> float:
    """Run a job of the task `late` beside a neighbour until its first attempt has failed; return its delay."""
    neighbour = world.submit()
    job = world.submit("late", **wanted)
    world.work()
    assert world.job(neighbour).state is State.SUCCEEDED
    failed = world.job(job)
    assert failed.state is State.PENDING
    return (failed.due_at - world.clock.now_ms()) / 1000


def failing(world: World, error: BaseException, **options: Any) -> World:
    def run(payload: Any, ctx: Any) -> None:
        raise error

    world.task("late", run, **options)
    return world


def test_the_delay_after_each_failed_attempt_is_that_of_the_tasks_backoff() -> None:
    """Exactly, without jitter; and it is not asked after the last attempt."""
    asked: list[int] = []

    def backoff(attempt: int) -> int:
        asked.append(attempt)
        return 100 * attempt

    world = failing(World(), ValueError("x"), backoff=backoff, max_attempts=3)
    job = world.submit("late")
    world.pass_time(400)
    starts = [at for _, _, at in world.ran]
    assert [round((after - before) / 1000) for before, after in pairwise(starts)] == [100, 200]
    assert (asked, world.job(job).state) == ([1, 2], State.DEAD)


@pytest.mark.parametrize(("error", "seconds"), [(Interrupted(), 70), (Retry("later", after=100), 100), (Retry(), 70)])
def test_a_timeout_has_the_delay_too_and_a_retry_its_least(error: BaseException, seconds: float) -> None:
    """`Retry(after=)` is the least delay, as it is with any backoff."""
    assert delay_s(failing(World(), error, backoff=lambda attempt: 70)) == seconds


def test_a_delay_has_a_bound() -> None:
    """A day, as that of a policy."""
    assert delay_s(failing(World(), ValueError("x"), backoff=lambda attempt: 10**400)) == 86_400


def broken(attempt: int) -> Any:
    raise RuntimeError("secret")


def leaves(attempt: int) -> Any:
    raise SystemExit


def interrupted(attempt: int) -> Any:
    raise Interrupted


@pytest.mark.parametrize(
    "backoff",
    [broken, leaves, interrupted, lambda attempt: None, lambda attempt: "3", lambda attempt: -1, lambda attempt: [3]],
)
def test_a_backoff_that_fails_leaves_the_delay_to_the_policy(backoff: Any) -> None:
    """And the log has it, by its class alone; the neighbour of the job ends as ever."""
    world = failing(World(), ValueError("x"), backoff=backoff, base_s=40, jitter="none")
    assert delay_s(world) == 40
    noted = world.app.runtime.bulkhead.take()
    assert [error["stage"] for error in noted["isolated"]] == ["backoff"]
    assert "secret" not in str(noted)


def test_a_request_that_sets_a_part_of_the_backoff_wins_over_the_task() -> None:
    """As it does over every option of a task."""
    asked: list[int] = []
    world = failing(World(), ValueError("x"), backoff=asked.append, jitter="none")
    assert delay_s(world, policy={"base_s": 30}) == 30
    assert asked == []


@pytest.mark.parametrize("error", [GiveUp("no"), Cancel()])
def test_a_backoff_is_not_asked_where_no_attempt_follows(error: BaseException) -> None:
    """It is code of users, and may cost."""
    asked: list[int] = []
    world = failing(World(), error, backoff=asked.append)
    job = world.submit("late")
    world.work()
    assert (world.job(job).terminal, asked) == (True, [])


def test_a_job_of_a_task_that_is_gone_has_the_delay_of_the_policy() -> None:
    """There is no backoff to ask for: nothing of it is in the log."""
    world = failing(World(), ValueError("x"))
    job = world.submit("late")
    world.registry.remove("late")
    world.work()
    assert world.job(job).state is State.PENDING
    assert world.app.runtime.bulkhead.take() == {}


# --- coroutines -------------------------------------------------------------------------------------------------


async def add(payload: Any, ctx: Any) -> dict[str, int]:
    ctx.progress({"half": True})
    await asyncio.sleep(0)
    return {"attempt": ctx.attempt}


async def fail(payload: Any, ctx: Any) -> None:
    await asyncio.sleep(0)
    raise ValueError("no")


async def stop(payload: Any, ctx: Any) -> None:
    await asyncio.sleep(0)
    raise Cancel


async def cancel_itself(payload: Any, ctx: Any) -> None:
    raise asyncio.CancelledError


async def wait(payload: Any, ctx: Any) -> None:
    await asyncio.sleep(3600)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (add, ({"attempt": 1}, State.SUCCEEDED)),
        (fail, ("ValueError", State.DEAD)),
        (cancel_itself, ("CancelledError", State.DEAD)),
        (wait, ("timeout", State.DEAD)),
    ],
)
def test_a_coroutine_ends_as_any_task(function: Any, expected: tuple[Any, State]) -> None:
    """One that waits is cancelled when its time is over; its thread is in the system's `select`."""
    world = RealTime()
    world.task("later", function)
    assert world.run("later", max_attempts=1, timeout_s=1) == expected


def test_a_coroutine_that_chooses_to_stop_is_cancelled() -> None:
    """An outcome, not an error."""
    world = RealTime()
    world.task("later", stop)
    assert world.run("later")[1] is State.CANCELLED


def test_coroutines_of_one_batch_do_not_wait_for_each_other() -> None:
    """Each has a thread and a loop; one that blocks its loop holds up no other."""
    world = RealTime()

    async def block(payload: Any, ctx: Any) -> None:
        while not world.release.wait(0.01):
            pass

    async def release(payload: Any, ctx: Any) -> None:
        world.release.set()

    world.task("block", block)
    world.task("release", release)
    jobs = [world.submit("block"), world.submit("release"), world.submit("block")]
    world.app.work.handle(world.queues.receive("normal"), world.system.now_ms() + 60_000)
    assert [world.job(job).state for job in jobs] == [State.SUCCEEDED] * 3
