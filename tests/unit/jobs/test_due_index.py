"""When a job is looked at: who sends its message, its writer or the timer."""

import pytest

from tests.builders.samples import a_job
from whendue.jobs.due_index import first_check, is_first_check, owner_is_promote, writer_sends
from whendue.jobs.model import evolve
from whendue.settings import Timing

TIMING = Timing(lookahead_ms=120_000, margin_ms=5000, grace_ms=60_000)
NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("check_at", "sends"),
    [(NOW - 1, True), (NOW + 5000, True), (NOW + 5001, False), (None, False)],
    ids=["past", "within the margin", "later", "never"],
)
def test_the_writer_sends_what_is_checked_before_a_tick_could_see_it(check_at: int | None, sends: bool) -> None:
    """What is never checked is never sent."""
    assert writer_sends(check_at, NOW, TIMING) is sends


@pytest.mark.parametrize(("due_in_ms", "promotes"), [(60_000, False), (125_000, False), (125_001, True)])
def test_promote_sends_what_its_writer_has_not_sent(due_in_ms: int, promotes: bool) -> None:
    """Exactly one of the two."""
    due_at = NOW + due_in_ms
    job = evolve(a_job(), due_at=due_at, scheduled_at=NOW, check_at=first_check(due_at, TIMING))
    assert is_first_check(job.due_at, job.check_at, TIMING)
    assert owner_is_promote(job, TIMING) is promotes
    assert not owner_is_promote(evolve(job, check_at=due_at), TIMING)
