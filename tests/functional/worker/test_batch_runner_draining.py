"""A worker's process goes down: what has not begun stays, what does not end in time is given back."""

from collections.abc import Callable
from typing import Any

from tests.builders.world import RealTime, World
from whendue.declarations.context import Context
from whendue.errors import Interrupted
from whendue.jobs.model import State
from whendue.jobs.transitions import claim

FOREVER_MS = 10**15
NOW = 0


def drain_after(world: RealTime, seconds: float) -> Callable[[], int]:
    """A process that is going down already, with some time left."""
    at_ms = world.system.now_ms() + round(seconds * 1000)
    return lambda: at_ms


def hang(world: RealTime) -> Callable[[Any, Context], None]:
    """A task that does not end by itself, and stops when it is interrupted."""

    def task(payload: object, ctx: Context) -> None:
        while not world.release.wait(0.01):
            pass

    return task


def drain_once_running(world: RealTime) -> Callable[[], int | None]:
    """A process that is told to go down, at once, as soon as a job runs in it."""
    return lambda: NOW if world.ran else None


def test_messages_that_come_while_the_process_goes_down_stay_unclaimed() -> None:
    """Their receive count is all that they have lost."""
    world = World()
    job = world.submit()
    messages = world.queues.receive("normal")
    worked = world.app.work.handle(messages, FOREVER_MS, lambda: FOREVER_MS)
    assert worked.unsettled == [message.id for message in messages]
    assert (world.job(job).claims, world.ran) == (0, [])


def test_suspects_that_have_not_begun_stay_when_the_process_goes_down() -> None:
    """They run one after the other: the last of ten may be minutes away."""
    world = World()
    first, second = world.submit(), world.submit()
    world.table.apply([claim(job, "silent", world.clock.now_ms()) for job in (first, second)])
    world.clock.advance(100)
    world.queues.change_visibility("normal", [message.receipt for message in world.queues.receive("normal")], 0)
    messages = world.queues.receive("normal")
    worked = world.app.work.handle(messages, FOREVER_MS, lambda: FOREVER_MS if world.ran else None)
    assert world.job(first).state is State.SUCCEEDED
    assert worked.unsettled == [messages[1].id]
    assert world.job(second).claims == 1


def test_a_job_that_still_runs_is_given_back_at_once_and_costs_no_attempt() -> None:
    """Another worker starts it over; its timeline shows no failure."""
    world = RealTime()
    world.task("hang", hang(world))
    job = world.submit("hang", policy={"max_attempts": 1, "timeout_s": 600})
    worked = world.app.work.handle(world.queues.receive("normal"), FOREVER_MS, drain_once_running(world))
    assert (worked.unsettled, worked.counts) == ([], {"given_back": 1})
    given = world.view(job)
    assert (given.job.state, given.job.claims, given.job.failures) == (State.PENDING, 0, 0)
    assert given.job.due_at <= world.system.now_ms()
    assert given.attempts == []
    world.release.set()
    world.app.work.handle(world.queues.receive("normal"), FOREVER_MS)
    assert (world.job(job).state, world.job(job).claims) == (State.SUCCEEDED, 1)


def test_a_task_that_does_not_stop_is_given_back_to_start_when_its_lease_has_ended() -> None:
    """G4: the old run may go on until then, and the process may hang."""
    world = RealTime()

    def stubborn(payload: object, ctx: Context) -> None:
        while not world.release.is_set():
            try:
                world.release.wait(0.01)
            except Interrupted:
                continue

    world.task("stubborn", stubborn)
    job = world.submit("stubborn", policy={"lease_s": 30, "timeout_s": 600})
    before_ms = world.system.now_ms()
    world.app.work.handle(world.queues.receive("normal"), FOREVER_MS, drain_once_running(world))
    world.release.set()
    given = world.job(job)
    assert (given.state, given.claims, given.failures) == (State.PENDING, 0, 0)
    assert given.due_at >= before_ms + 30_000


def test_a_job_that_ends_in_time_is_not_touched() -> None:
    """The grace is there to be used."""
    world = RealTime()

    def short(payload: object, ctx: Context) -> str:
        world.release.wait(0.7)
        return "done"

    world.task("short", short)
    job = world.submit("short")
    going_down = drain_after(world, 20)
    worked = world.app.work.handle(
        world.queues.receive("normal"), FOREVER_MS, lambda: going_down() if world.ran else None
    )
    assert worked.counts == {"succeeded": 1}
    assert world.view(job).result == "done"


def test_a_cancel_that_was_requested_wins_over_being_given_back() -> None:
    """G9: nobody starts it again."""
    world = RealTime()
    world.task("hang", hang(world))
    job = world.submit("hang", policy={"timeout_s": 600})

    def cancelled() -> int | None:
        if world.ran and world.job(job).state is State.RUNNING and not world.job(job).cancel_requested:
            world.app.control.cancel("acme", job.id)
        return NOW if world.ran else None

    world.app.work.handle(world.queues.receive("normal"), FOREVER_MS, cancelled)
    assert world.job(job).state is State.CANCELLED
