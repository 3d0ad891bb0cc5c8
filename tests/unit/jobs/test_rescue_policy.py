"""When rescue looks again."""

import pytest

from tests.builders.transitions import NOW, a_job
from whendue.jobs.model import State, evolve
from whendue.jobs.rescue_policy import decide, ended_by_loss, interval_ms, look_again_ms
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
