"""What planning and withdrawal keep to: bounded plans, what had begun, and processes that are late or know less."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.faults import KilledError, Refusing
from tests.functional.test_schedules import definition, entries, outcomes, runs, schedule_of, tick
from tests.world import IDS, TENANT, World
from whendue.engine.ports import Item
from whendue.engine.ports import WriteResult as Ended
from whendue.jobs.model import State
from whendue.quotas import FIRES_PER_PLAN
from whendue.schedules.fires import FireOutcome
from whendue.schedules.model import Definition, Misfire, ScheduleState
from whendue.schedules.planning import plan, proposed
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key
from whendue.table.writes import Write

EACH_SECOND = "* * * * * *"


def put(world: World, cron: str = "*/5 * * * * *", **wanted: Any) -> None:
    world.app.schedules.put(TENANT, "s", definition(cron, **wanted))


def before(world: World, name: str, happens: Callable[[], None]) -> Refusing:
    """Give a table before whose first write of this name something else happens."""

    def apply(writes: Sequence[Write]) -> list[Ended]:
        if table.on and any(write.name == name for write in writes):
            table.on = False
            happens()
        return world.table.apply(writes)

    table = Refusing(world.table, "apply", apply)
    return table


def dies() -> None:
    raise KilledError


def dies_before(world: World, name: str, doing: Callable[[Any], object]) -> None:
    """Let a process die before its first write of this name."""
    with pytest.raises(KilledError):
        doing(world.build(store=before(world, name, dies)))


# --- plans -------------------------------------------------------------------------------------------------------


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


# --- withdrawal --------------------------------------------------------------------------------------------------


def test_whoever_withdraws_late_leaves_the_fires_of_the_new_definition_alone() -> None:
    """It was frozen; meanwhile another has finished its change and fired."""
    world = World()
    put(world)

    def freeze(*arguments: Any, **options: Any) -> list[Item]:
        if frozen.on:
            frozen.on = False
            world.clock.advance(1)
            tick(world.app)
        return world.table.query_range(*arguments, **options)

    frozen = Refusing(world.table, "query_range", freeze)
    world.build(store=frozen).schedules.put(TENANT, "s", definition("*/10 * * * * *"))
    assert not frozen.on
    world.pass_time(60)
    assert set(outcomes(world).values()) == {FireOutcome.RAN}
    assert len(runs(world)) == 6


def test_fires_that_made_no_job_are_withdrawn_too() -> None:
    """Of a task that was taken out: once the schedule asks for another, its fires run."""
    world = World()
    world.task("old", lambda payload, ctx: None)
    put(world)
    world.app.schedules.put(TENANT, "s", replace(definition(), template=JobRequest("old", {})))
    world.registry._tasks.pop("old")
    world.pass_time(200)
    began = world.clock.now_ms()
    put(world)
    world.pass_time(60)
    later = {at: outcome for at, outcome in outcomes(world).items() if at > began}
    assert len(later) == 12
    assert set(later.values()) == {FireOutcome.RAN}


def failing_first() -> Definition:
    return replace(definition(), template=JobRequest("once_bad", {}, policy={"base_s": 300, "jitter": "none"}))


def test_a_fire_that_has_begun_is_not_withdrawn_between_its_attempts() -> None:
    """It counts as the fire of its time, and is tried again as it was defined."""
    world = World()
    world.task("once_bad", lambda payload, ctx: 1 // (ctx.attempt - 1))
    world.app.schedules.put(TENANT, "s", failing_first())
    dies_before(world, "cancel", lambda app: app.schedules.pause(TENANT, "s", "me", "why"))
    world.clock.advance(5)
    world.work()
    tick(world.app)
    [fire] = entries(world)[0].values()
    assert (fire.outcome, len(world.ran)) == (FireOutcome.RAN, 1)
    world.pass_time(400)
    [item] = world.table.get([job_key(fire.job or "")])
    assert item
    assert (item["state"], len(world.ran)) == (State.SUCCEEDED, 2)


def test_a_job_that_is_gone_keeps_nobody_from_withdrawing() -> None:
    """Who changed the schedule died, and the timer was off for longer than jobs are kept."""
    world = World()
    put(world)
    dies_before(world, "cancel", lambda app: app.schedules.pause(TENANT, "s", "me", "why"))
    first, *_ = entries(world)[0].values()
    del world.table._items[job_key(first.job or "")]
    world.clock.advance(1)
    tick(world.app)
    assert schedule_of(world).withdraw_until == 0
    assert list(entries(world)[0].values()) == [first]
