"""When no attempt is left."""

import pytest

from tests.builders.transitions import NOW, a_job
from whendue.jobs.retry_policy import exhausted
from whendue.quotas import RETRY_AGE_S

LAST_MS = NOW + 1000 * RETRY_AGE_S


@pytest.mark.parametrize(
    ("failures", "now_ms", "is_over"),
    [(3, LAST_MS - 1, False), (4, NOW, True), (1, LAST_MS, True)],
    ids=["attempts and time are left", "too often", "made too long ago"],
)
def test_a_job_is_tried_so_often_and_until_it_is_so_old(failures: int, now_ms: int, is_over: bool) -> None:
    """The table holds no job for ever."""
    assert exhausted(a_job(created_at=NOW), failures, now_ms) is is_over
