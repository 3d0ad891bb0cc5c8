"""What a tick does for schedules when time is short or the index lags, which failures count, and what requests see."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults import Refusing
from tests.functional.test_guards_schedules import before, dies_before, put
from tests.functional.test_schedules import definition, entries, schedule_of, tick
from tests.world import MINUTE_MS, TENANT, World
from whendue.bootstrap import App
from whendue.engine.ports import DueEntry
from whendue.errors import InvalidScheduleError, ScheduleNotFoundError
from whendue.schedules.calendar.recurrence import Recurrence
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
    due = world.app.tick._due
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
        del world.table._items[schedule_key(TENANT, name)]
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
    del world.table._items[job_key(newest(world).job)]
    assert not pauses(world)


def test_a_skipped_fire_says_nothing_of_the_next_one() -> None:
    """It is no failure, and no success that would end the row."""
    world = World()
    failed(world, 3)
    fire = newest(world, 1)
    job = world.table._items[job_key(fire.job)]
    world.table._items[job_key(fire.job)] = {**job, "state": "cancelled"}
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


# --- requests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asking",
    [
        lambda app: app.schedules.get(TENANT, "s"),
        lambda app: app.schedules.trigger(TENANT, "s", None),
        lambda app: app.schedules.delete(TENANT, "s"),
    ],
)
def test_a_deleted_schedule_is_not_there_though_its_item_stays_a_while(asking: Callable[[App], object]) -> None:
    """For three minutes."""
    world = World()
    put(world)
    world.app.schedules.delete(TENANT, "s")
    with pytest.raises(ScheduleNotFoundError):
        asking(world.app)


def once(at_ms: int) -> Definition:
    return Definition(Recurrence(at_ms=at_ms), JobRequest("ok", {}))


def test_a_change_after_which_it_would_never_fire_is_refused_and_one_that_has_ended_can_be_paused() -> None:
    """To pause or delete says nothing of its times."""
    world = World()
    put(world)
    with pytest.raises(InvalidScheduleError):
        world.app.schedules.put(TENANT, "s", once(world.clock.now_ms() - 1))
    world.app.schedules.put(TENANT, "s", once(world.clock.now_ms() + 1000))
    world.pass_time(300)
    assert world.app.schedules.pause(TENANT, "s", "me", "why").state is ScheduleState.PAUSED


def test_a_change_is_stored_though_nothing_was_planned_ahead() -> None:
    """There is one write then, and no other that could make up for it."""
    world = World()
    put(world, "0 0 1 1 *")
    put(world, "0 0 2 1 *")
    assert world.app.schedules.get(TENANT, "s").definition.recurrence.cron == "0 0 2 1 *"


def test_an_interval_counts_from_its_creation_where_it_has_no_start() -> None:
    """Putting it again changes nothing; giving it a start does, and taking that away again, too."""
    world = World()

    def every(start_ms: int | None = None) -> tuple[int, int | None]:
        wanted = Definition(Recurrence(every_s=3600, start_ms=start_ms), JobRequest("ok", {}))
        schedule = world.app.schedules.put(TENANT, "s", wanted).schedule
        return schedule.version, schedule.definition.recurrence.start_ms

    created_at = world.clock.now_ms()
    assert every() == (created_at, created_at)
    world.clock.advance(10)
    assert every() == (created_at, created_at)
    assert every(created_at + 5000)[1] == created_at + 5000
    assert every()[1] == created_at


def test_a_list_begins_with_the_first_name_and_ends_with_the_last() -> None:
    """Whatever sign a name begins with."""
    world = World()
    names = ["0", "A", "Z", "a", "z"]
    for name in names:
        world.app.schedules.put(TENANT, name, definition("0 0 1 1 *"))
    page = world.app.schedules.list(TENANT, 5, None)
    assert ([one.name for one in page.schedules], page.cursor) == (names, None)
    page = world.app.schedules.list(TENANT, 4, None)
    assert [one.name for one in page.schedules] == names[:4]
    page = world.app.schedules.list(TENANT, 4, page.cursor)
    assert ([one.name for one in page.schedules], page.cursor) == (names[4:], None)
