"""Jobs that may not begin any more, as a worker and the timer find them."""

from collections.abc import Sequence

import pytest

from tests.builders.faults import Refusing
from tests.builders.jobs import claimed
from tests.builders.world import TENANT, World
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.jobs.model import Job, State
from whendue.submission.request import Dependency
from whendue.table.writes import Write


@pytest.fixture
def world() -> World:
    return World()


def expiring(world: World, kind: str = "ok", seconds: float = 10, **wanted: object) -> Job:
    return world.submit(kind, expires_s=seconds, **wanted)


def test_a_job_begins_until_its_expiry_and_not_from_then_on(world: World) -> None:
    """At this moment it is too late."""
    in_time, late = expiring(world, seconds=10.001), expiring(world)
    world.clock.advance(10)
    world.work()
    assert [world.job(job).state for job in (in_time, late)] == [State.SUCCEEDED, State.EXPIRED]
    assert world.runs(late) == []
    assert world.job(late).finished_at == world.clock.now_ms()


def test_the_timer_finds_a_job_whose_message_is_lost(world: World) -> None:
    """No worker ever sees it."""
    job = expiring(world)
    world.queues.discard("normal")
    world.pass_time(240)
    assert world.job(job).state is State.EXPIRED
    assert world.runs(job) == []


def test_a_paused_job_expires(world: World) -> None:
    """A pause does not stop the clock; the timer, which holds the job, looks at it then."""
    world.app.pauses.pause_tenant(TENANT, None, "testing", "me", None)
    job = expiring(world, seconds=600)
    world.pass_time(720)
    assert world.job(job).state is State.EXPIRED


def test_a_job_of_a_paused_queue_expires_with_the_resume(world: World) -> None:
    """The timer reads nothing of a queue that is paused as a whole: nothing of it may run."""
    world.app.pauses.pause_queue("normal", "testing", "me", None)
    job = expiring(world, seconds=600)
    world.pass_time(720)
    world.app.pauses.resume_queue("normal")
    world.pass_time(240)
    assert world.job(job).state is State.EXPIRED
    assert world.runs(job) == []


def test_a_running_job_never_expires(world: World) -> None:
    """Not even if its worker goes on for long after."""
    job = expiring(world, seconds=10)
    claimed(world, job)
    world.clock.advance(20)
    world.work()
    assert world.job(job).state is State.RUNNING


def test_a_job_whose_worker_died_ends_dead_once_nobody_may_begin_it_again(world: World) -> None:
    """Its message comes again after its lease, and after its expiry."""
    job = expiring(world, seconds=10)
    claimed(world, job)
    world.pass_time(400)
    found = world.job(job)
    assert (found.state, found.last and found.last.type) == (State.DEAD, "worker_lost")
    assert world.runs(job) == []


def test_a_failed_job_is_dead_when_its_retry_comes_too_late(world: World) -> None:
    """Its retry was planned in time, and no worker took it."""
    job = expiring(world, "bad", seconds=30, policy={"base_s": 5, "jitter": "none"})
    world.work()
    assert world.job(job).state is State.PENDING
    world.clock.advance(30)
    world.work()
    found = world.job(job)
    assert (found.state, found.failures, len(world.runs(job))) == (State.DEAD, 1, 1)
    assert found.last
    assert found.last.type != "expired"


def test_an_expiry_that_cannot_be_written_leaves_the_message(world: World) -> None:
    """It comes again."""
    job = expiring(world)
    world.clock.advance(20)

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        return [WriteResult(WriteStatus.UNAVAILABLE) for _ in writes]

    [worked] = world.work(world.build(Refusing(world.table, "apply", apply)))
    assert len(worked.unsettled) == 1
    world.clock.advance(400)
    world.work()
    assert world.job(job).state is State.EXPIRED


def test_a_dependent_of_an_expired_job_is_treated_as_one_of_a_dead_one(world: World) -> None:
    """By default it is cancelled; with `on: failure` it runs."""
    job = expiring(world, seconds=5)
    default = world.submit(depends_on=(Dependency(job=job.id),))
    on_failure = world.submit(depends_on=(Dependency(job=job.id, on="failure"),))
    world.clock.advance(20)
    world.work()
    world.work()
    assert [world.job(each).state for each in (job, default, on_failure)] == [
        State.EXPIRED,
        State.CANCELLED,
        State.SUCCEEDED,
    ]


def test_a_job_that_waits_for_others_expires(world: World) -> None:
    """The timer looks at it at its expiry."""
    never = world.submit(delay_s=5000)
    now_ms = world.clock.now_ms()
    job = world.submit(depends_on=(Dependency(job=never.id),), expires_at=now_ms + 600_000)
    world.pass_time(720)
    assert world.job(job).state is State.EXPIRED


def test_a_redriven_job_runs_although_it_had_expired(world: World) -> None:
    """Nor does it expire again."""
    job = expiring(world)
    world.clock.advance(20)
    world.work()
    world.app.control.redrive(TENANT, job.id)
    world.work()
    assert world.job(job).state is State.SUCCEEDED
    assert world.job(job).begin_by is None
