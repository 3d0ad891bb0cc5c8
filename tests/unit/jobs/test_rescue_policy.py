"""When rescue looks again, and what becomes of a job that may not begin any more."""

from dataclasses import replace

import pytest

from tests.builders.transitions import NOW, TIMING, a_job, an_error, running
from whendue.jobs import transitions
from whendue.jobs.dependencies import decide as decide_dependent
from whendue.jobs.dependency_transitions import release
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job, State, evolve
from whendue.jobs.rescue_policy import decide, ended_by_expiry, ended_by_loss, interval_ms, look_again_ms
from whendue.quotas import MAX_LOST

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("deadline_at", "at"),
    [
        (None, NOW + 2 * HOUR_MS),
        (NOW + HOUR_MS, NOW + HOUR_MS),
        (NOW + 3 * HOUR_MS, NOW + 2 * HOUR_MS),
        # It is over: its parts are being cancelled, and there is nothing to hurry for.
        (NOW, NOW + 2 * HOUR_MS),
    ],
)
def test_who_waits_looks_again_after_as_long_or_at_its_deadline(deadline_at: int | None, at: int) -> None:
    """A deadline to come is never slept over."""
    job = a_job(scheduled_at=NOW - 2 * HOUR_MS, deadline_at=deadline_at)
    assert look_again_ms(job, NOW) == at


@pytest.mark.parametrize(
    ("state", "unheard"), [(State.PENDING, 3), (State.RUNNING, 0)], ids=["its messages do not arrive", "they do"]
)
def test_a_pending_job_is_sent_less_and_less_often(state: State, unheard: int) -> None:
    """A running one was claimed, so its messages arrive: it is sent again as soon as at first."""
    job = a_job(state=state, rescues=3, claims=1, lease_until=NOW - 1, due_at=NOW - HOUR_MS)
    step = decide(job, NOW, late=False)
    assert step is not None
    assert (step.name, step.send, step.changes["check_at"]) == ("postpone_check", True, NOW + interval_ms(unheard))


def test_only_a_running_job_ends_by_the_loss_of_its_worker() -> None:
    """A pending one that has lost as many waits for a limit: its next claim decides."""
    job = a_job(state=State.RUNNING, claims=MAX_LOST, fence="f", lease_until=NOW - 1)
    step = ended_by_loss(job, NOW)
    assert step is not None
    assert step.name == "mark_dead"
    assert ended_by_loss(evolve(job, state=State.PENDING), NOW) is None


# --- expiry -----------------------------------------------------------------------------------------------------
BEGUN = {"started_at": NOW - 5, "begin_by": NOW}


@pytest.mark.parametrize(
    ("job", "step", "state"),
    [
        (a_job(begin_by=NOW), "expire", State.EXPIRED),
        (a_job(begin_by=NOW - 1, state=State.WAITING), "expire", State.EXPIRED),
        (a_job(**BEGUN), "end_retries", State.DEAD),
        (a_job(begin_by=NOW + 1), None, None),
        (a_job(), None, None),
        # A composite that waits for its members has begun, and goes on.
        (a_job(**BEGUN, state=State.WAITING, member_count=2), None, None),
        (running(begin_by=NOW), None, None),
        (a_job(begin_by=NOW, state=State.SUCCEEDED), None, None),
    ],
)
def test_what_has_never_begun_expires_and_what_has_ends_dead(job: Job, step: str | None, state: State | None) -> None:
    """What runs, or waits for its own members, is left alone: it has begun in time."""
    over = ended_by_expiry(job, NOW)
    assert (over and over.name, over and over.job.state) == (step, state)


def test_a_job_that_never_begins_again_keeps_its_last_error() -> None:
    """What it failed of is what its owner wants to know; without a failure it says that it came too late."""
    failed = a_job(**BEGUN, failures=1, last=an_error(running()))
    over = ended_by_expiry(failed, NOW)
    assert over
    assert over.job.last == replace(an_error(running()), expires_at=NOW)
    stopped = ended_by_expiry(a_job(**BEGUN), NOW)
    assert stopped
    assert stopped.job.last
    assert stopped.job.last.type == "expired"


@pytest.mark.parametrize("late", [False, True], ids=["its message is lost", "its message is late"])
@pytest.mark.parametrize("paused", [False, True], ids=["", "paused"])
def test_the_timer_ends_what_has_expired(late: bool, paused: bool) -> None:
    """Neither a backlog nor a pause keeps it."""
    over = decide(a_job(begin_by=NOW), NOW, late=late, paused=paused)
    assert over
    assert over.name == "expire"


def test_a_retry_that_would_begin_after_the_expiry_does_not_happen() -> None:
    """The backoff is ten seconds."""
    job = running(begin_by=NOW + 10_001)
    assert transitions.fail(job, an_error(job), NOW, TIMING, draw=0).job.state is State.PENDING
    job = running(begin_by=NOW + 10_000)
    over = transitions.fail(job, an_error(job), NOW, TIMING, draw=0)
    assert (over.job.state, over.job.failures) == (State.DEAD, 1)
    assert over.job.last == replace(an_error(job), expires_at=NOW + 10_000)
    last = transitions.fail(job, an_error(job), NOW, TIMING, draw=0, final=True).job.last
    assert last == an_error(job), "it is not the expiry that ends it"


def test_a_job_whose_worker_died_is_not_taken_over_after_its_expiry() -> None:
    """Another run would begin then; with a live lease it goes on."""
    lost = running(begin_by=NOW, lease_until=NOW - 1)
    over = ended_by_loss(lost, NOW)
    assert over
    assert (over.name, over.job.last and over.job.last.type) == ("mark_dead", "worker_lost")
    assert ended_by_loss(running(begin_by=NOW, lease_until=NOW), NOW) is None
    assert ended_by_loss(running(begin_by=NOW + 1, lease_until=NOW - 1), NOW) is None


def test_who_waits_for_others_looks_at_its_expiry() -> None:
    """Its check is set anyway; one that has passed is no reason to hurry."""
    waiting = {"state": State.WAITING, "scheduled_at": NOW - 2 * HOUR_MS}
    assert look_again_ms(a_job(**waiting, begin_by=NOW + HOUR_MS), NOW) == NOW + HOUR_MS
    assert look_again_ms(a_job(**waiting, begin_by=NOW), NOW) == NOW + 2 * HOUR_MS
    assert look_again_ms(a_job(**waiting, begin_by=NOW + HOUR_MS, deadline_at=NOW + 7), NOW) == NOW + 7


def test_the_seconds_to_the_expiry_count_from_the_end_of_the_last_dependency() -> None:
    """When it is due is not known before; the same write says both."""
    waiting = a_job(state=State.WAITING, expires_s=60, after_s=5)
    over = release(waiting, NOW, TIMING)
    assert (over.job.due_at, over.job.begin_by, over.job.expires_s) == (NOW + 5000, NOW + 65_000, None)
    assert "begin_by" not in release(a_job(state=State.WAITING), NOW, TIMING).changes


def test_a_dependent_that_has_expired_is_not_released() -> None:
    """Whatever its dependencies have come to."""
    over = decide_dependent(a_job(state=State.WAITING, begin_by=NOW), [], NOW, TIMING)
    assert over
    assert over.job.state is State.EXPIRED


def test_a_job_that_waits_for_a_limit_is_looked_at_when_it_expires() -> None:
    """It would be shown as queued for as long as a place in the line takes otherwise."""
    wait = Wait("slot", "k", 1, NOW)
    assert transitions.defer(a_job(begin_by=NOW + 7), wait, NOW + 120_000, NOW, TIMING).job.due_at == NOW + 7
    assert transitions.defer(a_job(), wait, NOW + 120_000, NOW, TIMING).job.due_at == NOW + 120_000


def test_a_redrive_clears_the_expiry() -> None:
    """It asks for the job to run, now."""
    expired = transitions.expire(a_job(begin_by=NOW), NOW).job
    again = transitions.redrive(expired, NOW, NOW, TIMING)
    assert (again.job.state, again.job.begin_by, again.job.expires_s) == (State.PENDING, None, None)
