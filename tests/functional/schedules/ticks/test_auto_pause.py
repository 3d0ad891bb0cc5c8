"""Schedules that are paused as their last fires ended dead in a row: which failures count."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders.schedules import definition, dies_before, entries, schedule_of, tick
from tests.builders.world import TENANT, World
from whendue.schedules.fires import FireOutcome, revise
from whendue.schedules.model import Definition, ScheduleState
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key

FAILING = replace(definition("0 * * * * *", pause_after=3), template=JobRequest("bad", {}, policy={"max_attempts": 1}))


def pauses(world: World) -> bool:
    world.clock.advance(60)
    tick(world.app)
    return schedule_of(world).state is ScheduleState.PAUSED


def failed(world: World, times: int, wanted: Definition = FAILING) -> None:
    """Put a schedule, and let so many fires end dead."""
    world.app.schedules.put(TENANT, "s", wanted)
    world.clock.advance(60 - world.clock.now_ms() // 1000 % 60)
    for number in range(times):
        world.clock.advance(60 if number else 0)
        world.work()
        if number < times - 1:
            tick(world.app)


def newest(world: World, back: int = 0) -> Any:
    fires = [fire for at, fire in entries(world)[0].items() if at <= world.clock.now_ms()]
    return sorted(fires, key=lambda fire: fire.nominal)[-1 - back]


def test_so_many_failures_in_a_row_pause() -> None:
    """And one less does not."""
    world = World()
    failed(world, 2)
    tick(world.app)
    assert schedule_of(world).state is ScheduleState.ACTIVE
    world.clock.advance(60)
    world.work()
    assert pauses(world)


def test_a_job_that_is_kept_no_longer_is_not_counted() -> None:
    """The tick goes on."""
    world = World()
    failed(world, 3)
    del world.table.rows[job_key(newest(world).job)]
    assert not pauses(world)
    assert world.app.bulkhead.take() == {}


def test_a_skipped_fire_says_nothing_of_the_next_one() -> None:
    """It is no failure, and no success that would end the row."""
    world = World()
    failed(world, 3)
    fire = newest(world, 1)
    job = world.table.rows[job_key(fire.job)]
    world.table.rows[job_key(fire.job)] = {**job, "state": "cancelled"}
    world.table.apply([revise("skip_fire", fire, replace(fire, outcome=FireOutcome.SKIPPED, reason="overlap"))])
    assert not pauses(world)
    world.work()
    assert pauses(world)


def test_an_expired_fire_says_nothing_of_the_next_one() -> None:
    """Its task has never run: a row of failures goes on."""
    world = World()
    failed(world, 3)
    key = job_key(newest(world, 1).job)
    world.table.rows[key] = {**world.table.rows[key], "state": "expired"}
    assert not pauses(world)
    world.work()
    assert pauses(world)


@pytest.mark.parametrize("besides", ["trigger", "backfill"])
def test_what_somebody_asked_for_besides_does_not_count(besides: str) -> None:
    """Only fires do."""
    world = World()
    failed(world, 2 if besides == "trigger" else 3)
    if besides == "trigger":
        world.clock.advance(1)
        world.app.schedules.trigger(TENANT, "s", None)
    else:
        nominal = newest(world).nominal
        world.app.backfills.begin(TENANT, "s", nominal, nominal, None, force=True)
    world.work()
    assert not pauses(world)


def test_what_began_under_an_earlier_definition_does_not_count() -> None:
    """Failures are counted since the last change."""
    world = World()
    failed(world, 2)
    tick(world.app)
    world.clock.advance(59)
    dies_before(world, "cancel", lambda app: app.schedules.put(TENANT, "s", replace(FAILING, pause_after=1)))
    world.clock.advance(1)
    world.work()
    assert not pauses(world)
