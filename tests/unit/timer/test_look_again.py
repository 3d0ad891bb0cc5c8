"""A job that must not be sent is looked at after as long as it has waited, within bounds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.samples import a_job
from whendue.quotas import (
    HELD_CHECK_MAX_S,
    HELD_CHECK_MIN_S,
    LATE_CHECK_MAX_S,
    LATE_CHECK_MIN_S,
    RESCUE_INTERVAL_MAX_S,
)
from whendue.timer.look_again import held_check, is_held, late_check

JOB = a_job()
DUE = JOB.due_at


@pytest.mark.parametrize(
    ("waited_s", "late_s", "held_s"),
    [
        (0, LATE_CHECK_MIN_S, HELD_CHECK_MIN_S),
        (61, 61, HELD_CHECK_MIN_S),
        (LATE_CHECK_MAX_S + 1, LATE_CHECK_MAX_S, HELD_CHECK_MIN_S),
        (HELD_CHECK_MIN_S + 1, LATE_CHECK_MAX_S, HELD_CHECK_MIN_S + 1),
        (10**6, LATE_CHECK_MAX_S, HELD_CHECK_MAX_S),
    ],
)
def test_the_longer_it_has_waited_the_longer_it_waits(waited_s: int, late_s: int, held_s: int) -> None:
    """So what is met at each tick stays few, and a lost one is at most as late again."""
    now_ms = DUE + 1000 * waited_s
    assert late_check(JOB, now_ms) - now_ms == 1000 * late_s
    assert held_check(JOB, now_ms, None) - now_ms == 1000 * held_s


def test_a_pause_that_ends_by_itself_is_not_outwaited() -> None:
    """At its end all that it holds is looked at; one that is over is no time in the past."""
    assert held_check(JOB, DUE, DUE + 5) == DUE + 5
    assert held_check(JOB, DUE, DUE + 10**9) == DUE + 1000 * HELD_CHECK_MIN_S
    assert held_check(JOB, DUE, DUE - 5) == DUE


def test_an_expiry_is_not_outwaited() -> None:
    """The check is written anyway: then the job is found expired, whether it is late or a pause holds it."""
    expiring = replace(JOB, begin_by=DUE + 5)
    assert late_check(expiring, DUE) == held_check(expiring, DUE, None) == DUE + 5
    assert held_check(expiring, DUE, DUE + 3) == DUE + 3
    later = replace(JOB, begin_by=DUE + 10**9)
    assert (late_check(later, DUE), held_check(later, DUE, None)) == (late_check(JOB, DUE), held_check(JOB, DUE, None))


def test_what_was_scheduled_after_it_was_due_waits_from_then_on() -> None:
    """A redriven job is due at once, and has not waited since its first life."""
    later = replace(JOB, scheduled_at=DUE + 600_000)
    assert late_check(later, DUE + 700_000) == DUE + 800_000


@given(st.integers(0, 10**7), st.integers(0, RESCUE_INTERVAL_MAX_S))
def test_no_other_check_of_a_due_job_is_taken_for_that_of_a_held_one(waited_s: int, interval_s: int) -> None:
    """A resume tells by the check alone whom to bring back."""
    now_ms = DUE + 1000 * waited_s
    assert is_held(held_check(JOB, now_ms, None), now_ms)
    assert not is_held(late_check(JOB, now_ms), now_ms)
    assert not is_held(None, now_ms)
    assert not is_held(now_ms + 1000 * interval_s, now_ms)
