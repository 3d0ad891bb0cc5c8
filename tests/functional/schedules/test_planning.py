"""Plans: a bounded number of fires, and one entry for what passes in a pause."""

from tests.builders.schedules import put, schedule_of
from tests.builders.world import IDS, TENANT, World
from whendue.schedule_quotas import FIRES_PER_PLAN
from whendue.schedules.model import Misfire, ScheduleState
from whendue.schedules.planning import plan, proposed

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
