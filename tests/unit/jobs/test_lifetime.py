"""How long what belongs to a job stands: a job that ends, or is due, sooner puts the look at its payload forward."""

import pytest

from tests.builders.transitions import NOW, TIMING, a_job
from whendue.jobs import transitions
from whendue.jobs.lifetime import IN_ITEM, first_check, next_check
from whendue.jobs.model import Job, State, evolve
from whendue.quotas import ERASE_AFTER_S, ERASE_CHECK_MAX_S, ERASE_CHECK_MIN_S
from whendue.table.keys import payload_key
from whendue.table.writes import Has, Write

DAY_MS = 86_400_000
LATER = a_job(due_at=NOW + 30 * DAY_MS, payload_at=IN_ITEM)


def look_at(ends_at: int) -> Write:
    """Return the write that looks at the payload's item after the retention of a job that ends then."""
    check_at = ends_at + 1000 * (LATER.policy.retention_s + ERASE_AFTER_S)
    return Write("look_sooner", payload_key(LATER.id, LATER.request_hash), [Has("check_at")], {"check_at": check_at})


def test_a_job_that_is_due_sooner_has_its_payload_looked_at_sooner() -> None:
    """Before the job itself is changed, so that a crash in between only looks too early."""
    again = transitions.reschedule(LATER, NOW + DAY_MS, "normal", NOW, TIMING)
    assert again.first == look_at(NOW + DAY_MS)


def test_a_job_that_is_cancelled_long_before_it_is_due_has_its_payload_looked_at_sooner() -> None:
    """As if it had ended when it was due."""
    assert transitions.cancel(LATER, NOW).first == look_at(NOW)


@pytest.mark.parametrize(
    ("job", "due_at"),
    [
        (LATER, LATER.due_at + 1),
        (LATER, LATER.due_at),
        (a_job(due_at=LATER.due_at), NOW),
        # What belongs to a member is never looked at: it goes with its composite.
        (evolve(LATER, parent_id="0189", member_number=0), NOW),
    ],
    ids=["later", "at the same time", "with its payload inline", "of a member"],
)
def test_a_look_that_is_early_enough_stays(job: Job, due_at: int) -> None:
    """It costs no write."""
    assert transitions.reschedule(job, due_at, "normal", NOW, TIMING).first is None


def after_retention(ends_at: int) -> int:
    """Return when what belongs to a job that ends then may go, ms UTC."""
    return ends_at + 1000 * (LATER.policy.retention_s + ERASE_AFTER_S)


@pytest.mark.parametrize("due_in_ms", [0, 1000 * ERASE_CHECK_MAX_S])
def test_what_belongs_to_a_job_that_is_due_soon_is_looked_at_after_its_retention(due_in_ms: int) -> None:
    """A look before would find the job."""
    assert first_check(a_job(due_at=NOW + due_in_ms)) == after_retention(NOW + due_in_ms)


def test_what_belongs_to_a_job_that_is_due_far_ahead_is_looked_at_soon() -> None:
    """The job may never have been written."""
    assert first_check(LATER) == NOW + 1000 * ERASE_AFTER_S


def test_what_a_run_leaves_is_looked_at_after_the_retention_however_late_it_ran() -> None:
    """A job that was claimed has been written."""
    assert first_check(evolve(LATER, claims=1)) == after_retention(LATER.due_at)


@pytest.mark.parametrize(
    ("job", "holds_payload", "at_ms"),
    [
        (LATER, True, after_retention(LATER.due_at)),
        (LATER, False, NOW + 1000 * ERASE_CHECK_MIN_S),
        # Its end is yet to be published, and it has no expiry so far.
        (evolve(LATER, state=State.CANCELLED, finished_at=NOW), True, NOW + 1000 * ERASE_CHECK_MIN_S),
    ],
    ids=["a payload", "something else", "the payload of a job that has ended early"],
)
def test_only_the_payload_of_a_live_job_is_left_alone_until_after_its_retention(
    job: Job, holds_payload: bool, at_ms: int
) -> None:
    """Each delayed job may have one; what ends the job sooner puts the look forward."""
    assert next_check(job, NOW, holds_payload=holds_payload) == at_ms
