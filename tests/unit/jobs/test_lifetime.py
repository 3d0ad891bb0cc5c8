"""How long what belongs to a job stands: a job that ends, or is due, sooner puts the look at its payload forward."""

import pytest

from tests.builders.transitions import NOW, TIMING, a_job
from whendue.jobs import transitions
from whendue.jobs.lifetime import IN_ITEM
from whendue.jobs.model import Job
from whendue.quotas import ERASE_AFTER_S
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
    [(LATER, LATER.due_at + 1), (LATER, LATER.due_at), (a_job(due_at=LATER.due_at), NOW)],
    ids=["later", "at the same time", "with its payload inline"],
)
def test_a_look_that_is_early_enough_stays(job: Job, due_at: int) -> None:
    """It costs no write."""
    assert transitions.reschedule(job, due_at, "normal", NOW, TIMING).first is None
