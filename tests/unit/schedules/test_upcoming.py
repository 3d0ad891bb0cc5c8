"""What of a schedule is to come: whether it has ended, when it is removed and looked at next, and which runs count."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders.schedules import DEFINITION, NOW_MS, SCHEDULE
from tests.builders.world import SETTINGS
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.model import ScheduleState
from whendue.schedules.upcoming import NextCheck, has_ended, removed_at, runs_until, with_next_check

RULE = NextCheck(SETTINGS.timing, shards=4)
MINUTE_MS = 60_000
OVER = replace(
    SCHEDULE, definition=replace(DEFINITION, recurrence=Recurrence(at_ms=NOW_MS - MINUTE_MS), remove_after_s=60)
)
PAUSED: dict[str, Any] = {"state": ScheduleState.PAUSED}


@pytest.mark.parametrize("changes", [{"withdraw_until": NOW_MS + MINUTE_MS}, PAUSED])
def test_one_that_has_fires_to_withdraw_or_a_pause_without_an_end_has_not_ended(changes: dict[str, Any]) -> None:
    """Though nothing of it fires any more: it would be removed with what was left to do."""
    assert has_ended(OVER)
    assert not has_ended(replace(OVER, **changes))


@pytest.mark.parametrize(
    ("changes", "ended_at"),
    [
        ({}, NOW_MS),
        (PAUSED, NOW_MS),
        (PAUSED | {"paused_until": NOW_MS - 5}, NOW_MS),
        (PAUSED | {"paused_until": NOW_MS + 5 * MINUTE_MS + 1}, NOW_MS + 5 * MINUTE_MS),
    ],
)
def test_one_that_has_ended_is_kept_to_the_end_of_its_pause_and_a_time_longer(
    changes: dict[str, Any], ended_at: int
) -> None:
    """A pause without an end adds nothing: while it lasts, nothing has ended."""
    assert removed_at(replace(OVER, **changes)) == ended_at + MINUTE_MS


def test_the_end_of_a_pause_is_looked_at_only_if_it_has_skipped_something() -> None:
    """Without a time to remove it, nothing is left to do for one that has ended before."""
    paused = replace(OVER, **PAUSED, paused_until=NOW_MS + MINUTE_MS)
    assert with_next_check(paused, RULE).check_at == removed_at(paused)
    kept = replace(paused, definition=replace(OVER.definition, remove_after_s=None))
    assert with_next_check(kept, RULE).check_at is None
    once = replace(DEFINITION, recurrence=Recurrence(at_ms=NOW_MS + 1))
    assert with_next_check(replace(paused, definition=once), RULE).check_at == paused.paused_until


def test_all_runs_of_a_pause_without_an_end_were_before_it() -> None:
    """Also if it was decided ahead of the clock of who asks."""
    ahead = replace(SCHEDULE, **PAUSED, runs=3, cursor=NOW_MS + MINUTE_MS)
    assert runs_until(ahead, NOW_MS) == 3
    assert runs_until(replace(ahead, state=ScheduleState.ACTIVE), NOW_MS) == 2


def test_the_runs_that_are_decided_are_known_though_its_fires_cannot_be_computed() -> None:
    """Nothing is planned ahead, so nothing must be computed."""
    gone = replace(DEFINITION, recurrence=Recurrence(cron="* * * * *", timezone="Nowhere/Gone"))
    assert runs_until(replace(SCHEDULE, definition=gone, runs=3), NOW_MS) == 3
