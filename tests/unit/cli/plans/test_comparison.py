"""Laws of comparing schedules, and clock changes in both directions."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.cli.plans.comparison import MINUTE_MS, Window, crowds, differences, fires_of, oddities
from whendue.cli.plans.definitions import Plan, plans_of
from whendue.schedule_quotas import BACKFILL_FIRES
from whendue.schedules.calendar.recurrence import Note, Recurrence

DAY_MS = 86_400_000


def ms(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


SPRING, AUTUMN = ms(2026, 3, 28), ms(2026, 10, 24)
crons = st.builds(
    "{} {} * * {}".format, st.integers(0, 59), st.sampled_from(["*", "2", "*/6", "2,3"]), st.integers(0, 6)
)
plans = st.dictionaries(
    st.sampled_from("abc"), st.builds(Recurrence, cron=crons, timezone=st.sampled_from(["UTC", "Europe/Berlin"]))
).map(lambda made: {name: Plan(name, recurrence) for name, recurrence in made.items()})
windows = st.builds(
    lambda start, days: Window(start, start + days * DAY_MS),
    st.integers(SPRING - 20 * DAY_MS, AUTUMN + 20 * DAY_MS),
    st.integers(1, 30),
)


@given(plans, plans, windows)
def test_old_plus_added_less_removed_is_new(old: dict[str, Plan], new: dict[str, Plan], window: Window) -> None:
    """For each schedule; what is not named is the same on both sides."""
    found = {each.name: each for each in differences(old, new, window)}
    for name in {*old, *new}:
        before, then = (
            {fire.at_ms for fire in fires_of(side[name], window).nominals} if name in side else set()
            for side in (old, new)
        )
        if name not in found:
            assert before == then
            continue
        added, removed = set(found[name].added), set(found[name].removed)
        assert (before | added) - removed == then
        assert added.isdisjoint(before)
        assert removed <= before


@given(plans, plans, windows)
def test_the_other_way_around_added_is_removed(old: dict[str, Plan], new: dict[str, Plan], window: Window) -> None:
    """And nothing differs from itself."""
    forward, backward = list(differences(old, new, window)), list(differences(new, old, window))
    assert [(each.name, each.added, each.removed) for each in forward] == [
        (each.name, each.removed, each.added) for each in backward
    ]
    assert list(differences(old, old, window)) == []


@given(plans, windows, st.integers(1, 4))
def test_a_crowded_minute_has_as_many_fires_as_it_says(made: dict[str, Plan], window: Window, least: int) -> None:
    """And no other minute has as many."""
    found = crowds(made, window, least)
    every = [fire.at_ms // MINUTE_MS for plan in made.values() for fire in fires_of(plan, window).nominals]
    for crowd in found:
        minute = int(datetime.fromisoformat(crowd.at).timestamp() * 1000) // MINUTE_MS
        assert every.count(minute) == crowd.fires >= least
        assert 0 < len(crowd.names) <= len(made)
    assert (not found) == all(every.count(minute) < least for minute in every)


def berlin(**fields: Any) -> dict[str, Plan]:
    return plans_of([{"name": "a", "timezone": "Europe/Berlin"} | fields], SPRING)


@pytest.mark.parametrize(
    ("start_ms", "fields", "found"),
    [
        (SPRING, {"cron": "30 2 * * *"}, [(Note.MOVED, "2026-03-29T03:00:00+02:00")]),
        (SPRING, {"cron": "30 2 * * *", "gap": "skip"}, [("skipped_in_gap", "2026-03-29T02:30:00")]),
        (SPRING, {"cron": "30 * * * *"}, [("skipped_in_gap", "2026-03-29T02:30:00")]),
        (SPRING, {"cron": "30 3 * * *"}, []),
        (SPRING, {"cron": "30 2 * * *", "gap": "skip", "exclude": ["2026-03-29"]}, []),
        (SPRING, {"cron": "30 2 * * *", "gap": "skip", "end": "2026-03-28T12:00:00Z"}, []),
        (SPRING, {"cron": "30 2 * * *", "gap": "skip", "start": "2026-03-29T12:00:00Z"}, []),
        (SPRING, {"every": "PT1H"}, []),
        (AUTUMN, {"cron": "30 2 * * *"}, [(Note.ONLY_FIRST, "2026-10-25T02:30:00+02:00")]),
        (
            AUTUMN,
            {"cron": "30 2 * * *", "fold": "twice"},
            [(Note.FIRST, "2026-10-25T02:30:00+02:00"), (Note.SECOND, "2026-10-25T02:30:00+01:00")],
        ),
        (AUTUMN, {"cron": "30 2 * * *", "timezone": "UTC"}, []),
    ],
)
def test_clock_changes_are_named(start_ms: int, fields: dict[str, Any], found: list[tuple[str, str]]) -> None:
    """A local time that does not exist, and one that comes twice."""
    window = Window(start_ms, start_ms + 2 * DAY_MS)
    assert [(oddity.note, oddity.local) for oddity in oddities(berlin(**fields), window)] == found


def test_what_is_too_much_is_compared_as_far_as_both_reach() -> None:
    """A schedule that fires each second does not look as if it had stopped."""
    window = Window(SPRING, SPRING + 2 * DAY_MS)
    second, minute = berlin(cron="* * * * * *"), berlin(cron="* * * * *")
    fires = fires_of(second["a"], window)
    assert (len(fires.nominals), fires.complete) == (BACKFILL_FIRES, False)
    [found] = differences(second, minute, window)
    assert (found.complete, found.added) == (False, ())
    assert max(found.removed) == fires.nominals[-1].at_ms


def test_the_end_of_a_window_is_not_part_of_it() -> None:
    """So windows side by side have each fire once."""
    daily = berlin(cron="0 0 * * *", timezone="UTC")["a"].recurrence
    assert [fire.at_ms for fire in fires_of(Plan("a", daily), Window(SPRING, SPRING + DAY_MS)).nominals] == [SPRING]


def test_a_maximum_of_runs_ends_a_plan() -> None:
    """In what fires, in what differs, and in what clock changes do: after its last run they do nothing to it."""
    window = Window(SPRING - DAY_MS, SPRING + 3 * DAY_MS)
    few, many = (plans_of([{"name": "a", "cron": "0 2 * * *"} | {"maxRuns": runs}], SPRING) for runs in (1, 3))
    assert len(fires_of(few["a"], window).nominals) == 1
    [change] = differences(few, many, window)
    assert (len(change.added), change.removed) == (2, ())
    assert list(oddities(berlin(cron="30 2 * * *", gap="skip", maxRuns=1), window)) == []
    assert len(list(oddities(berlin(cron="30 2 * * *", gap="skip", maxRuns=3), window))) == 1
