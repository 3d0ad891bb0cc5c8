"""Cancel, redrive, reschedule, reprioritise."""

from collections.abc import Callable

import pytest

from tests.builders.faults import Refusing
from tests.builders.jobs import claimed
from tests.builders.world import TENANT, World
from whendue.errors import InvalidRequestError, JobNotFoundError, StateConflictError
from whendue.jobs.model import State
from whendue.operations.listing import JobFilter

ALL = JobFilter()


def test_a_cancel_before_the_claim_means_it_never_runs() -> None:
    """G9, whether its message is still on its way or not yet sent."""
    world = World()
    soon, later = world.submit(), world.submit(delay_s=1000)
    for job in (soon, later):
        assert world.app.control.cancel(TENANT, job.id).state is State.CANCELLED
        assert world.app.control.cancel(TENANT, job.id).state is State.CANCELLED
    world.pass_time(1200, step_s=10)
    assert world.ran == []


def test_a_cancelled_job_whose_worker_died_ends_cancelled_not_run_again() -> None:
    """G9: the acknowledged cancel outlives the worker."""
    world = World()
    world.tick()
    job = world.submit()
    world.queues.discard("normal")
    claimed(world, job)
    assert world.app.control.cancel(TENANT, job.id).cancel_requested
    world.pass_time(200)
    assert world.job(job).state is State.CANCELLED
    assert world.ran == []


def test_a_finished_job_cannot_be_cancelled_and_a_live_one_not_redriven() -> None:
    """A conflict is named, not swallowed."""
    world = World()
    job = world.submit()
    with pytest.raises(StateConflictError):
        world.app.control.redrive(TENANT, job.id)
    world.work()
    changes: list[Callable[[], object]] = [
        lambda: world.app.control.cancel(TENANT, job.id),
        lambda: world.app.control.redrive(TENANT, job.id),
        lambda: world.app.control.reschedule(TENANT, job.id, None, "high"),
    ]
    for change in changes:
        with pytest.raises(StateConflictError):
            change()


def test_another_tenants_job_is_like_no_job() -> None:
    """Tenants cannot even learn that an id exists."""
    world = World()
    job = world.submit()
    app = world.app
    for ask in (
        lambda: app.query.get("other", job.id),
        lambda: app.explainer.explain("other", job.id),
        lambda: app.control.cancel("other", job.id),
        lambda: app.control.redrive("other", job.id),
        lambda: app.control.reschedule("other", job.id, 1, None),
        lambda: app.query.get(TENANT, "no-such-job"),
    ):
        with pytest.raises(JobNotFoundError):
            ask()
    assert app.listing.page("jobs", "other", ALL, 10, None).jobs == []


def test_a_redriven_job_runs_again_with_all_its_attempts() -> None:
    """After the cause is mended, nothing but a redrive is needed; the old errors stay readable."""
    world = World()
    broken = Refusing(object(), "x", lambda: None)

    def task(payload: object, ctx: object) -> str:
        if broken.on:
            raise RuntimeError("still broken")
        return "mended"

    world.task("mend", task)
    job = world.submit("mend", {"text": "x" * 1000}, policy={"max_attempts": 2, "base_s": 1})
    world.pass_time(10)
    assert world.job(job).state is State.DEAD
    broken.on = False
    world.app.control.redrive(TENANT, job.id)
    world.work()
    view = world.view(job)
    assert (view.job.state, view.result, view.job.attempt) == (State.SUCCEEDED, "mended", 1)
    assert [attempt.message for attempt in view.attempts] == ["still broken"] * 2
    assert view.job.expires_at is not None


def test_reschedule_moves_a_job_both_ways() -> None:
    """The message of the old due time is stale and dropped; the new one runs on time."""
    world = World()
    sooner, later = world.submit(delay_s=5000), world.submit(delay_s=60)
    now_ms = world.clock.now_ms()
    world.app.control.reschedule(TENANT, sooner.id, now_ms + 30_000, None)
    world.app.control.reschedule(TENANT, later.id, now_ms + 400_000, None)
    world.pass_time(500)
    assert [round((world.runs(job)[0] - now_ms) / 1000) for job in (sooner, later)] == [30, 400]
    assert [len(world.runs(job)) for job in (sooner, later)] == [1, 1]
    with pytest.raises(InvalidRequestError):
        world.app.control.reschedule(TENANT, world.submit().id, 2**43, None)


def test_a_reprioritised_job_goes_through_its_new_queue() -> None:
    """PATCH priority is honoured also when the message was sent already."""
    world = World()
    job = world.submit(queue="low")
    world.app.control.reschedule(TENANT, job.id, None, "critical")
    world.work(queue="low")
    assert world.runs(job) == []
    world.work(queue="critical")
    assert len(world.runs(job)) == 1
    with pytest.raises(InvalidRequestError):
        world.app.control.reschedule(TENANT, job.id, None, "urgent")
