"""What a worker keeps to: suspects last, the newest generation, and an end for jobs that nobody may claim again."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.world import TENANT, World
from whendue.engine.message import to_body
from whendue.engine.ports import Outgoing, WriteResult, WriteStatus
from whendue.jobs.model import Job, State
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import claim
from whendue.table.writes import Write
from whendue.worker import claimer


def received_often(world: World, job: Job) -> None:
    """Let workers receive the job's message and say nothing more: nobody knows whether they reached its claim."""
    for _ in range(6):
        world.queues.receive("normal")
        world.clock.advance(400)


def unheard_of(world: World, job: Job) -> None:
    """Let its worker die; its own message comes again before the timer has looked."""
    world.queues.receive("normal")
    taken(world, job)
    world.clock.advance(400)


def taken_over(world: World, job: Job) -> None:
    """Let a worker claim the job and die; rescue sends it again, as running."""
    world.queues.discard("normal")
    taken(world, job)
    world.clock.advance(100)
    assert world.tick().rescued == {"send": 1}


def survived_by_one(world: World, job: Job) -> None:
    """Let a worker die of the job, and the next one see it fail: pending again, with a lost worker behind it."""
    taken_over(world, job)
    world.work()
    assert (world.job(job).state, world.job(job).lost) == (State.PENDING, 1)
    world.clock.advance(2)


def taken(world: World, job: Job, fence: str = "silent") -> None:
    """Let a worker claim the job and say nothing more."""
    [end] = world.table.apply([claim(job, fence, world.clock.now_ms())])
    assert end.done


@pytest.mark.parametrize("how", [received_often, unheard_of, taken_over, survived_by_one])
def test_what_may_have_killed_a_worker_runs_after_its_neighbours_are_recorded(how: Callable[..., None]) -> None:
    """G10: if it kills this one, too, its neighbours are not run again, and none of them is charged a lost worker."""
    world = World()
    neighbours: list[Job] = []
    seen: list[State] = []

    def watch(payload: Any, ctx: Any) -> None:
        if not neighbours:
            raise RuntimeError("nobody is here")
        seen.extend(world.job(job).state for job in neighbours)

    world.task("watch", watch)
    suspect = world.submit("watch", policy={"base_s": 1, "jitter": "none"})
    how(world, suspect)
    neighbours += [world.submit() for _ in range(3)]
    [worked] = world.work()
    assert worked.counts == {"succeeded": 4}
    assert seen == [State.SUCCEEDED] * 3


def worn_out(world: World) -> Job:
    """Submit a job of which three workers died; its message is visible."""
    job = world.submit(policy={"lease_s": 2})
    for number in range(3):
        taken(world, job, f"silent {number}")
        world.clock.advance(3)
    return job


def test_a_job_that_nobody_may_claim_again_is_ended_by_the_next_message() -> None:
    """G10: dead with its cause at once, not when its next check rings; the message is done with."""
    world = World()
    job = worn_out(world)
    assert world.work() == [([], {"refused": 1})]
    view = world.view(job)
    assert (view.job.state, view.attempts[-1].type) == (State.DEAD, "worker_lost")
    assert world.ran == []


def test_a_job_that_could_not_be_ended_keeps_its_message() -> None:
    """Its next message ends it: it would stay running until its next check is due."""
    world = World()
    job = worn_out(world)

    def deaf(writes: Sequence[Write]) -> list[WriteResult]:
        if any(write.name == "mark_dead" for write in writes):
            return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)
        return world.table.apply(writes)

    [worked] = world.work(world.build(store=Refusing(world.table, "apply", deaf)))
    assert (len(worked.unsettled), worked.counts) == (1, {})
    world.clock.advance(400)
    world.work()
    assert world.job(job).state is State.DEAD


def test_the_message_of_a_job_that_is_gone_is_dropped() -> None:
    """TTL took it: its neighbours run, and nothing is left in the queue."""
    world = World()
    world.queues.send("normal", [Outgoing(to_body(World(seed=1).submit()), 0)])
    job = world.submit()
    assert world.work() == [([], {"refused": 1, "succeeded": 1})]
    assert world.job(job).state is State.SUCCEEDED
    assert world.queues.pending("normal") == 0


def test_of_two_messages_of_a_job_in_a_batch_the_newer_one_counts() -> None:
    """A job that was rescheduled to now runs now, though the message of its old due time came along, and first."""
    world = World()
    job = world.submit(delay_s=3)
    world.clock.advance(2)
    world.app.control.reschedule(TENANT, job.id, world.clock.now_ms(), None)
    world.clock.advance(1)
    assert world.work() == [([], {"duplicate": 1, "succeeded": 1})]
    assert len(world.runs(job)) == 1


def test_a_worker_without_time_left_claims_nothing() -> None:
    """Its messages come again: a run that is cut off at once would cost the job an attempt."""
    world = World()
    job = world.submit()
    worked = world.app.work.handle(world.queues.receive("normal"), world.clock.now_ms())
    assert len(worked.unsettled) == 1
    assert (world.job(job).state, world.job(job).claims) == (State.PENDING, 0)


def test_a_claim_that_cannot_be_made_leaves_its_message_once_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is counted once, and not tried at the table."""
    world = World()
    jobs = [world.submit() for _ in range(3)]

    def refuse_one(job: Job, fence: str, now_ms: int) -> Transition:
        if job.id == jobs[1].id:
            raise ValueError
        return claim(job, fence, now_ms)

    monkeypatch.setattr(claimer, "claim", refuse_one)
    messages = world.queues.receive("normal")
    worked = world.app.work.handle(messages, world.clock.now_ms() + 60_000)
    assert [message.id for message in messages if jobs[1].id in message.body] == worked.unsettled
    assert worked.counts == {"succeeded": 2, "isolated": 1}
