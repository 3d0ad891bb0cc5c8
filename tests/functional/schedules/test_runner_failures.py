"""What a tick does for schedules when time is short or the index lags, and which failures count."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.schedules import before, definition, dies_before, entries, put, schedule_of, tick
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.engine.ports import DueEntry
from whendue.schedules.fires import FireOutcome, revise
from whendue.schedules.model import Definition, ScheduleState, schedule_key
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key

FAILING = replace(definition("0 * * * * *", pause_after=3), template=JobRequest("bad", {}, policy={"max_attempts": 1}))


# --- the walk ----------------------------------------------------------------------------------------------------


def test_a_tick_says_which_partitions_it_did_not_get_through() -> None:
    """Those of schedules, too: the next tick goes on with them."""
    world = World()
    put(world)
    due = world.app.schedule_runner
    partition = schedule_of(world).due_pk
    assert due.run(world.clock.now_ms() + MINUTE_MS).behind == []
    assert partition in due.run(world.clock.now_ms()).behind


def lagging(world: World) -> Refusing:
    """Give a table whose index shows what was due when this was made, whatever is written later."""
    real = world.table.query_due
    partitions = [f"schedules#{shard}" for shard in range(world.app.settings.shards)]
    then_ms = world.clock.now_ms() + 120 * MINUTE_MS
    old = {name: real(name, after=None, until_ms=then_ms, limit=100) for name in partitions}

    def query_due(partition: str, *, after: DueEntry | None, **wanted: Any) -> list[DueEntry]:
        return old[partition] if after is None and partition in old else real(partition, after=after, **wanted)

    return Refusing(world.table, "query_due", query_due)


def test_an_index_that_shows_what_is_gone_holds_nobody_up() -> None:
    """A schedule that was deleted and forgotten, and one that has ended."""
    world = World()
    names = [f"s{number}" for number in range(12)]
    for name in names:
        world.app.schedules.put(TENANT, name, definition("0 0 * * * *"))
    store = lagging(world)
    for name in names[::2]:
        del world.table.rows[schedule_key(TENANT, name)]
    world.clock.advance(3600 - world.clock.now_ms() // 1000 % 3600)
    assert world.tick(world.build(store=store)).planned == 6


def test_a_deleted_schedule_that_is_put_again_is_not_forgotten_with_the_old_one() -> None:
    """A timer was about to remove its item."""
    world = World()
    put(world)
    world.app.schedules.delete(TENANT, "s")
    world.clock.advance(181)
    tick(world.build(store=before(world, "forget_schedule", lambda: put(world))))
    world.pass_time(6)
    assert len(world.ran) == 1


# --- failures ----------------------------------------------------------------------------------------------------


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
