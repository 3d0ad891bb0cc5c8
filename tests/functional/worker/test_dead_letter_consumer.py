"""Messages that SQS gave up on: each becomes a dead job, is sent again, or is dropped."""

from tests.builders.jobs import claimed
from tests.builders.world import TENANT, World
from whendue.engine.message import to_body
from whendue.engine.ports import ReceivedMessage
from whendue.jobs.model import Job, State


def letter(job: Job) -> ReceivedMessage:
    return ReceivedMessage("1", "1", to_body(job), 1, "dead_letter")


def test_what_falls_into_the_dead_letter_queue_becomes_a_dead_job_with_its_cause() -> None:
    """The net under everything: a message that was never settled is not a mystery."""
    world = World(max_receive_count=2)
    job = world.submit()
    for _ in range(3):
        world.queues.receive("normal")
        world.clock.advance(400)
    letters = world.queues.receive("dead_letter")
    assert world.app.dead_letter.handle(letters).unsettled == []
    view = world.view(job)
    assert (view.job.state, view.job.last and view.job.last.type) == (State.DEAD, "dead_letter")
    assert view.attempts == [], "no worker has begun one"


def test_a_dead_letter_that_may_still_run_is_sent_again_or_left_to_who_runs_it() -> None:
    """Only what nobody will run dies."""
    world = World()
    early, run, gone = world.submit(delay_s=60), world.submit(), world.submit()
    world.queues.discard("normal")
    claimed(world, run)
    world.app.control.cancel(TENANT, gone.id)
    counts = world.app.dead_letter.handle([letter(early), letter(run), letter(gone)]).counts
    assert counts == {"sent_again": 1, "changed": 1, "stale": 1}
    assert [world.job(job).state for job in (early, run, gone)] == [State.PENDING, State.RUNNING, State.CANCELLED]
    world.pass_time(61)
    assert len(world.runs(early)) == 1


def test_the_dead_letter_of_a_job_that_is_gone_is_dropped() -> None:
    """TTL took it: there is nothing to end, and its neighbours' letters are heard."""
    world = World()
    job = world.submit()
    worked = world.app.dead_letter.handle([letter(World(seed=1).submit()), letter(job)])
    assert worked == ([], {"stale": 1, "dead": 1})
    assert world.job(job).state is State.DEAD


def test_a_dead_letter_of_an_old_due_time_ends_nothing() -> None:
    """The job was rescheduled since and has a message of its own: it runs."""
    world = World()
    job = world.submit()
    stale = letter(job)
    world.app.control.reschedule(TENANT, job.id, world.clock.now_ms(), "high")
    assert world.app.dead_letter.handle([stale]).counts == {"stale": 1}
    world.work(queue="high")
    assert len(world.runs(job)) == 1


def test_the_dead_letter_of_a_cancelled_job_whose_worker_died_ends_it_as_cancelled() -> None:
    """G9: who cancelled it learns that it was, and it is no dead job that somebody might redrive."""
    world = World()
    job = world.submit()
    claimed(world, job)
    assert world.app.control.cancel(TENANT, job.id).cancel_requested
    world.clock.advance(100)
    assert world.app.dead_letter.handle([letter(job)]).counts == {"cancelled": 1}
    assert world.job(job).state is State.CANCELLED


def test_an_unreadable_dead_letter_is_kept_for_people() -> None:
    """It may be the only trace of something."""
    world = World()
    worked = world.app.dead_letter.handle([ReceivedMessage("7", "7", "garbage", 1, "dead_letter")])
    assert worked.unsettled == ["7"]


def test_a_dead_letter_of_a_job_that_may_not_begin_any_more_ends_as_it_would_elsewhere() -> None:
    """It never began: nobody is to look for an error."""
    world = World()
    job, running = world.submit(expires_s=10), world.submit(expires_s=10)
    world.queues.discard("normal")
    claimed(world, running)
    world.clock.advance(11)
    assert world.app.dead_letter.handle([letter(job), letter(running)]).counts == {"expired": 1, "changed": 1}
    assert [world.job(each).state for each in (job, running)] == [State.EXPIRED, State.RUNNING]
