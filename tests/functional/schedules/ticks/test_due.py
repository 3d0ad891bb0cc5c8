"""What a tick does for schedules when time is short or the index lags."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.schedules import definition, put, schedule_of
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.engine.ports import DueEntry, Item
from whendue.schedules.model import schedule_key
from whendue.schedules.ticks import due
from whendue.table.keys import Key


def test_a_tick_says_which_partitions_it_did_not_get_through() -> None:
    """Those of schedules, too: the next tick goes on with them."""
    world = World()
    put(world)
    runner = world.app.schedule_runner
    partition = schedule_of(world).due_pk
    assert runner.run(world.clock.now_ms() + MINUTE_MS).behind == []
    assert partition in runner.run(world.clock.now_ms()).behind


def test_a_tick_looks_at_a_bounded_number_of_a_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says that there is more."""
    monkeypatch.setattr(due, "SCHEDULES_LISTED", 2)
    monkeypatch.setattr(due, "SCHEDULES_LOOKED_AT", 4)
    world = World()
    for number in range(40):
        world.app.schedules.put(TENANT, f"s{number}", definition("0 0 * * * *"))
    world.clock.advance(3600)
    listed = due.list_due(world.app.runtime, world.clock.now_ms() + MINUTE_MS)
    counts = Counter(found.partition for found in listed.entries)
    assert max(counts.values()) == 4
    assert set(listed.behind) == {partition for partition, count in counts.items() if count == 4}


def lagging(world: World) -> Refusing:
    """Return a table whose index shows what was due when this was made, whatever is written later."""
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


def test_a_schedule_whose_read_raises_is_looked_at_again_later() -> None:
    """Its next check is known from the index; the next tick does not begin with it again."""
    world = World()
    put(world)
    world.clock.advance(120)

    def get(keys: Sequence[Key]) -> list[Item | None]:
        if schedule_key(TENANT, "s") in keys:
            raise RuntimeError("no")
        return world.table.get(keys)

    world.build(store=Refusing(world.table, "get", get)).schedule_runner.run(world.clock.now_ms() + MINUTE_MS)
    schedule = schedule_of(world)
    assert (schedule.check_at or 0) > world.clock.now_ms()
    assert "RuntimeError" in (schedule.last_error or "")
