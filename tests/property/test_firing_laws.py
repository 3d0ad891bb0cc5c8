"""Laws of firing: however time is cut into ticks, each nominal time is decided once, as the policy promises."""

from itertools import takewhile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.world import IDS
from whendue.schedule_quotas import FIRES_PER_PLAN, MISFIRE_CATCH_UP
from whendue.schedules.calendar.recurrence import Recurrence, after, latest
from whendue.schedules.fires import FireOutcome
from whendue.schedules.model import (
    Definition,
    Misfire,
    Schedule,
    ScheduleState,
    from_item,
    from_text,
    to_item,
    to_text,
)
from whendue.schedules.planning import advanced, plan, proposed
from whendue.schedules.upcoming import NextCheck, changed, with_next_check
from whendue.settings import Timing
from whendue.submission.request import JobRequest

START_MS = 1_800_000_000_123
AHEAD_MS = 120_000
recurrences = st.one_of(
    st.integers(1, 7200).map(lambda every_s: Recurrence(every_s=every_s, start_ms=START_MS)),
    st.sampled_from(["* * * * *", "*/5 * * * * *", "17 * * * *", "* * * * * *"]).map(
        lambda cron: Recurrence(cron=cron)
    ),
    st.just(Recurrence(crons=("*/7 * * * *", "*/20 * * * * *", "0 * * * *"))),
    st.integers(1, 50_000).map(lambda s: Recurrence(at_ms=START_MS + s * 1000)),
)
misfires = st.builds(
    Misfire,
    st.sampled_from(["skip", "fire_once", "catch_up"]),
    st.integers(1, MISFIRE_CATCH_UP),
    st.sampled_from([10, 60, 600]),
    st.sampled_from([None, 700, 5000]),
)
# Seconds between two ticks: usual ones, and outages.
gaps = st.lists(st.one_of(st.integers(1, 180), st.integers(180, 20_000)), min_size=1, max_size=12)


def a_schedule(recurrence: Recurrence, misfire: Misfire | None = None, **changes: Any) -> Schedule:
    definition = Definition(recurrence, JobRequest("ok", {"n": 1.5, "text": "ü"}), misfire or Misfire())
    return Schedule("t", "s", definition, START_MS, START_MS, START_MS, **changes)


def walked(schedule: Schedule, now_ms: int, ended: dict[int, FireOutcome]) -> Schedule:
    """Do what a tick does, and note how fires end."""
    while then := proposed(schedule, now_ms, AHEAD_MS):
        assert proposed(then, now_ms + 1, AHEAD_MS) is None, "a plan stands"
        made = plan(then, IDS)
        assert len(made.fires) <= FIRES_PER_PLAN + then.definition.misfire.runs
        ended_here: dict[int, FireOutcome] = {}
        for gap in made.gaps:
            times = [fire.at_ms for fire in latest(gap.recurrence, gap.first - 1, gap.until, 1 << 20)]
            assert times[0] == gap.first
            assert not ended_here.keys() & set(times)
            assert times[-1] <= now_ms, "what is to come can be withdrawn only if it has an entry of its own"
            ended_here |= dict.fromkeys(times, gap.outcome)
        in_gaps = len(ended_here)
        ended_here |= {fire.nominal: fire.outcome for fire in made.fires}
        assert len(ended_here) == len(made.fires) + in_gaps
        assert not ended.keys() & ended_here.keys()
        assert all(schedule.cursor < at <= then.until for at in ended_here)
        ended |= ended_here
        schedule = advanced(then, made.runs)
    return schedule


def between(recurrence: Recurrence, first: int, last: int) -> list[int]:
    return [item.at_ms for item in takewhile(lambda fire: fire.at_ms <= last, after(recurrence, first))]


def caught_up_of(late: list[int], misfire: Misfire, now_ms: int) -> set[int]:
    """Choose from late nominal times those that still run: the latest, as far as they are not too old."""
    max_age_s = misfire.max_age_s
    young = [at for at in late if max_age_s is None or now_ms - at <= max_age_s * 1000]
    return set(young[max(0, len(young) - misfire.runs) :])


@settings(max_examples=60, deadline=None)
@given(recurrences, misfires, gaps)
def test_every_nominal_time_is_decided_once_and_as_promised(
    recurrence: Recurrence, misfire: Misfire, seconds: list[int]
) -> None:
    """However late and in whatever rhythm timers come."""
    schedule, now_ms, ended = a_schedule(recurrence, misfire), START_MS, dict[int, FireOutcome]()
    for gap_s in seconds:
        now_ms += gap_s * 1000
        cursor = schedule.cursor
        schedule = walked(schedule, now_ms, ended)
        late = between(recurrence, cursor, now_ms - misfire.grace_s * 1000)
        caught_up = caught_up_of(late, misfire, now_ms)
        for at in late:
            assert ended[at] is (FireOutcome.CAUGHT_UP if at in caught_up else FireOutcome.MISSED)
        for at in between(recurrence, max(cursor, now_ms - misfire.grace_s * 1000), now_ms + AHEAD_MS):
            assert ended[at] is FireOutcome.RAN
    assert sorted(ended) == between(recurrence, START_MS, now_ms + AHEAD_MS)


@settings(max_examples=60, deadline=None)
@given(recurrences, st.lists(st.integers(1, 180), min_size=1, max_size=30), st.lists(st.integers(1, 180), min_size=1))
def test_ticks_that_are_in_time_give_the_same_history_in_any_rhythm(
    recurrence: Recurrence, left: list[int], right: list[int]
) -> None:
    """Up to look-ahead and grace between two of them; whoever puts a schedule decides its first fires."""
    recorded = []
    until_ms = START_MS + 1000 * min(sum(left), sum(right))
    for rhythm in (left, right):
        now_ms, ended = START_MS, dict[int, FireOutcome]()
        schedule = walked(a_schedule(recurrence), now_ms, ended)
        for seconds in rhythm:
            now_ms += seconds * 1000
            schedule = walked(schedule, now_ms, ended)
        recorded.append({at: outcome for at, outcome in ended.items() if at <= until_ms})
    assert recorded[0] == recorded[1]
    assert set(recorded[0].values()) <= {FireOutcome.RAN}


@settings(deadline=None)
@given(recurrences, st.integers(0, 10_000))
def test_a_pause_skips_what_passes_and_nothing_else(recurrence: Recurrence, seconds: int) -> None:
    """In one gap, up to now and not ahead."""
    now_ms = START_MS + seconds * 1000
    ended: dict[int, FireOutcome] = {}
    walked(a_schedule(recurrence, state=ScheduleState.PAUSED), now_ms, ended)
    assert ended == dict.fromkeys(between(recurrence, START_MS, now_ms), FireOutcome.SKIPPED)


@settings(max_examples=60, deadline=None)
@given(recurrences, misfires, gaps, st.integers(1, 40_000))
def test_a_pause_with_an_end_skips_what_is_before_it_and_the_rest_is_as_without(
    recurrence: Recurrence, misfire: Misfire, seconds: list[int], until_s: int
) -> None:
    """Whenever ticks come: before the end, within the look-ahead of it, or long after it."""
    until_ms, now_ms = START_MS + until_s * 1000, START_MS
    schedule = a_schedule(recurrence, misfire, state=ScheduleState.PAUSED, paused_until=until_ms)
    rule, ended = NextCheck(Timing(), 4), dict[int, FireOutcome]()
    for gap_s in seconds:
        now_ms += gap_s * 1000
        cursor = schedule.cursor
        check_at = with_next_check(schedule, rule).check_at
        assert check_at is None or check_at >= until_ms - AHEAD_MS or schedule.state is ScheduleState.ACTIVE
        schedule = walked(schedule, now_ms, ended)
        if check_at is None or check_at > now_ms:
            # The timer may decide what it looks at too early, but needs to look at nothing.
            assert all(ended[at] is FireOutcome.SKIPPED for at in between(recurrence, cursor, schedule.cursor))
        late = between(recurrence, max(cursor, until_ms - 1), now_ms - misfire.grace_s * 1000)
        caught_up = caught_up_of(late, misfire, now_ms)
        for at in late:
            assert ended[at] is (FireOutcome.CAUGHT_UP if at in caught_up else FireOutcome.MISSED)
        in_time = max(cursor, until_ms - 1, now_ms - misfire.grace_s * 1000)
        assert {ended[at] for at in between(recurrence, in_time, now_ms + AHEAD_MS)} <= {FireOutcome.RAN}
    assert {at for at, outcome in ended.items() if outcome is FireOutcome.SKIPPED} == {
        at for at in between(recurrence, START_MS, schedule.cursor) if at < until_ms
    }
    assert set(between(recurrence, START_MS, now_ms)) <= ended.keys()


@settings(max_examples=60, deadline=None)
@given(recurrences, misfires, gaps, st.integers(1, 300))
def test_a_schedule_runs_as_often_as_it_may_and_as_one_without_a_maximum_until_then(
    recurrence: Recurrence, misfire: Misfire, seconds: list[int], max_runs: int
) -> None:
    """Then nothing more is decided, and it needs no check."""
    from dataclasses import replace

    free = a_schedule(recurrence, misfire)
    bound = replace(free, definition=replace(free.definition, max_runs=max_runs))
    ended, all_ended, now_ms = dict[int, FireOutcome](), dict[int, FireOutcome](), START_MS
    for gap_s in seconds:
        now_ms += gap_s * 1000
        bound, free = walked(bound, now_ms, ended), walked(free, now_ms, all_ended)
    runs, all_runs = (
        [at for at in sorted(outcomes) if outcomes[at] in (FireOutcome.RAN, FireOutcome.CAUGHT_UP)]
        for outcomes in (ended, all_ended)
    )
    assert len(runs) == min(max_runs, len(all_runs)) == (bound.runs or 0)
    if len(all_runs) >= max_runs:
        assert max(ended) == runs[-1] == bound.cursor
        assert with_next_check(bound, NextCheck(Timing(), 4)).check_at is None
    else:
        assert ended == all_ended
    # Runs that are withdrawn are given back.
    at_ms = min(now_ms, bound.cursor)
    assert (changed(bound, at_ms).runs or 0) == sum(at <= at_ms for at in runs)
    assert from_item(to_item(bound)) == bound


@given(recurrences, st.integers(-1000, 200), st.sampled_from(ScheduleState), st.integers(1, 10**6))
def test_the_due_index_holds_every_job_with_a_pending_fan_out(
    recurrence: Recurrence, planned_s: int, state: ScheduleState, later_ms: int
) -> None:
    """At the next fire's first check; at once for what is to be withdrawn; not at all where nothing is to come."""
    rule, at_ms = NextCheck(Timing(), 4), START_MS + later_ms
    before = a_schedule(recurrence, state=ScheduleState.ACTIVE)
    then = changed(advanced_to(before, at_ms + planned_s * 1000), at_ms, state=state)
    assert (then.version, then.cursor) == (at_ms, at_ms)
    assert then.withdraw_until == (at_ms + planned_s * 1000 if planned_s > 0 else 0)
    placed = with_next_check(then, rule)
    coming = next(after(recurrence, at_ms), None)
    if then.withdraw_until:
        assert placed.check_at == at_ms
    elif state is ScheduleState.ACTIVE and coming:
        assert placed.check_at == coming.at_ms - AHEAD_MS
    elif state is ScheduleState.DELETED:
        assert placed.check_at == at_ms + 180_000
    else:
        assert (placed.check_at, placed.due_pk) == (None, None)
    assert from_item(to_item(placed)) == placed


def advanced_to(schedule: Schedule, cursor: int) -> Schedule:
    from dataclasses import replace

    return replace(schedule, cursor=cursor)


@given(recurrences, misfires)
def test_a_definition_comes_back_from_its_text(recurrence: Recurrence, misfire: Misfire) -> None:
    """Equal ones have equal texts; fields of a newer version are left out."""
    definition = a_schedule(recurrence, misfire).definition
    text = to_text(definition)
    assert from_text(text) == definition
    assert from_text('{"novelty": 1, ' + text[1:]) == definition
