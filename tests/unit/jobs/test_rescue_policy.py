"""When rescue looks again."""

import pytest

from tests.builders.transitions import NOW, a_job
from whendue.jobs.rescue_policy import look_again_ms

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
