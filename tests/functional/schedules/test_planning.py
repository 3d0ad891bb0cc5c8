"""Plans: a bounded number of fires, and one entry for what passes in a pause."""

from dataclasses import replace

from tests.builders.schedules import DEFINITION, NOW_MS, SCHEDULE, put, schedule_of
from tests.builders.world import IDS, TENANT, World
from whendue.schedule_quotas import FIRES_PER_PLAN
from whendue.schedules.fires import MISFIRED
from whendue.schedules.model import Misfire, ScheduleState
from whendue.schedules.planning import advanced, plan, proposed

EACH_SECOND = "* * * * * *"


def test_a_plan_holds_a_bounded_number_of_fires_that_are_on_time() -> None:
    """However long the grace: a timer that carries it out must get through."""
    world = World()
    put(world, EACH_SECOND, misfire=Misfire("skip", grace_s=3600))
    world.clock.advance(3600)
    planned = proposed(schedule_of(world), world.clock.now_ms(), 120_000)
    assert planned
    assert len(plan(planned, IDS).fires) == FIRES_PER_PLAN


def test_what_passes_in_a_pause_is_one_entry_however_much_it_is() -> None:
    """A gap costs one entry, and needs no bound."""
    world = World()
    put(world, EACH_SECOND, misfire=Misfire("skip", grace_s=3600))
    world.app.schedules.pause(TENANT, "s", "me", "why")
    world.clock.advance(3000)
    planned = proposed(schedule_of(world), world.clock.now_ms(), 0)
    assert planned
    assert (planned.state, planned.until) == (ScheduleState.PAUSED, world.clock.now_ms())


def test_a_pause_whose_end_is_beyond_the_look_ahead_decides_nothing_ahead() -> None:
    """Each fire that it skips ahead costs an entry, which a change must withdraw."""
    paused = replace(SCHEDULE, cursor=NOW_MS - 600_000, state=ScheduleState.PAUSED, paused_until=NOW_MS + 600_000)
    planned = proposed(paused, NOW_MS, 120_000)
    assert planned
    assert planned.until == NOW_MS


def test_what_never_runs_late_is_missed_in_one_range_however_old_it_is() -> None:
    """None is too old: none would have run."""
    definition = replace(DEFINITION, misfire=Misfire("skip", max_age_s=3600))
    schedule = replace(SCHEDULE, definition=definition, cursor=NOW_MS - 7200_000)
    planned = proposed(schedule, NOW_MS, 0)
    assert planned
    [gap] = plan(planned, IDS).gaps
    assert gap.reason == MISFIRED


def test_a_schedule_that_was_deleted_in_its_pause_stays_deleted_by_a_plan_of_a_process_that_comes_late() -> None:
    """The end of the pause was taken for that of its deletion."""
    paused = replace(SCHEDULE, state=ScheduleState.PAUSED, paused_until=NOW_MS - 1, as_of=NOW_MS, until=NOW_MS)
    assert advanced(paused).state is ScheduleState.ACTIVE
    assert advanced(replace(paused, state=ScheduleState.DELETED)).state is ScheduleState.DELETED
