"""What withdrawal of planned fires keeps to: what had begun, and processes that are late or know less."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.schedules import definition, dies_before, entries, outcomes, put, runs, schedule_of, tick
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.ports import Item
from whendue.jobs.model import State
from whendue.schedules.fires import FireOutcome
from whendue.schedules.model import Definition
from whendue.submission.request import JobRequest
from whendue.table.keys import Key, job_key


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
    world.registry.remove("old")
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
    del world.table.rows[job_key(first.job or "")]
    world.clock.advance(1)
    tick(world.app)
    assert schedule_of(world).withdraw_until == 0
    assert list(entries(world)[0].values()) == [first]


def test_a_triggered_fire_is_not_withdrawn_though_its_request_read_the_schedule_before_the_change() -> None:
    """It was asked for by hand, paused or not."""
    world = World()
    put(world)

    def get(keys: Sequence[Key]) -> list[Item | None]:
        found = world.table.get(keys)
        if slow.on:
            slow.on = False
            dies_before(world, "cancel", lambda app: app.schedules.pause(TENANT, "s", "me", "why"))
            world.clock.advance(1)
        return found

    slow = Refusing(world.table, "get", get)
    job = world.build(store=slow).schedules.trigger(TENANT, "s", None).job
    tick(world.app)
    assert schedule_of(world).withdraw_until == 0
    assert world.job(job).state is State.PENDING
    assert [fire.outcome for fire in entries(world)[0].values()] == [FireOutcome.TRIGGERED]


@pytest.mark.parametrize(
    "change",
    [
        lambda app: app.schedules.put(TENANT, "s", definition("*/7 * * * * *", max_runs=4)),
        lambda app: app.schedules.pause(TENANT, "s", "me", "why", until_ms=app.clock.now_ms() + 20_000),
        lambda app: app.schedules.put(TENANT, "s", definition("*/5 * * * * *", max_runs=4, jitter_s=1)),
    ],
    ids=["another time", "a time that is skipped", "the same time"],
)
def test_a_fire_that_had_begun_before_the_change_reached_it_is_one_of_the_runs(change: Callable[[App], object]) -> None:
    """Once: the simulator found a maximum of five runs that were six."""
    world = World()
    put(world, max_runs=4)
    dies_before(world, "cancel", change)
    world.clock.advance(5)
    world.work()
    assert len(world.ran) == 1
    tick(world.app)
    assert schedule_of(world).withdraw_until == 0
    world.pass_time(120)
    ran = [at for at, outcome in outcomes(world).items() if outcome is FireOutcome.RAN]
    assert (len(ran), schedule_of(world).runs, len(world.ran)) == (4, 4, 4)
