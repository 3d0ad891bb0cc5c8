"""What requests see and change of schedules: what is deleted, ended, or would never fire."""

from collections.abc import Callable

import pytest

from tests.builders.limits import Metered
from tests.builders.schedules import definition, dies_before, put, schedule_of
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.errors import InvalidScheduleError, ScheduleNotFoundError
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.model import Definition, ScheduleState, schedule_key
from whendue.submission.request import JobRequest


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


PAST_MS, FUTURE_MS = 1_000_000_000_000, 4_000_000_000_000
LATER = ("2002-01-01/2199-12-31",)


@pytest.mark.parametrize(
    ("recurrence", "problem"),
    [
        (Recurrence(at_ms=PAST_MS), "at: is in the past; send a later time, or submit a job to run it now"),
        (Recurrence(cron="0 0 * * *", exclude=LATER), "cron: never fires again: no time in the future matches"),
        (
            Recurrence(every_s=86_400, start_ms=PAST_MS, exclude=LATER),
            "every: never fires again: no time in the future matches",
        ),
        (Recurrence(cron="* * * * *", end_ms=PAST_MS), "end: is in the past"),
        (
            Recurrence(cron="0 0 * * *", exclude=LATER, end_ms=FUTURE_MS),
            "end: is before the next fire; send a later time, or leave it out",
        ),
    ],
)
def test_what_would_never_fire_is_refused_with_the_field_to_change(recurrence: Recurrence, problem: str) -> None:
    """Each for its own reason."""
    with pytest.raises(InvalidScheduleError) as refused:
        World().app.schedules.put(TENANT, "s", Definition(recurrence, JobRequest("ok", {})))
    assert str(refused.value) == problem


def test_a_pause_of_a_paused_schedule_that_cannot_be_read_says_so_in_its_item() -> None:
    """It is written, so that it can be read again; a readable one that is paused stays as it is."""
    world = World()
    put(world)
    world.app.schedules.pause(TENANT, "s", "me", "why")
    paused = schedule_of(world)
    world.app.schedules.pause(TENANT, "s", "me", "another reason")
    assert schedule_of(world) == paused
    world.table.rows[schedule_key(TENANT, "s")]["as_of"] = "?"
    world.app.schedules.pause(TENANT, "s", "me", "another reason")
    assert schedule_of(world).pause_reason == "another reason"


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
    assert ([schedule.name for schedule in page.schedules], page.cursor) == (names, None)
    page = world.app.schedules.list(TENANT, 4, None)
    assert [schedule.name for schedule in page.schedules] == names[:4]
    page = world.app.schedules.list(TENANT, 4, page.cursor)
    assert ([schedule.name for schedule in page.schedules], page.cursor) == (names[4:], None)


def test_a_deleted_schedule_that_cannot_be_read_fires_again_when_it_is_put() -> None:
    """It counts as existing, whatever its state, and a put schedule is to fire."""
    world = World()
    put(world)
    world.app.schedules.delete(TENANT, "s")
    world.table.rows[schedule_key(TENANT, "s")]["as_of"] = "?"
    world.clock.advance(1)
    put(world)
    assert schedule_of(world).state is ScheduleState.ACTIVE
    world.pass_time(10)
    assert len(world.ran) == 2


def test_a_paused_schedule_that_cannot_be_read_stays_paused_when_it_is_put() -> None:
    """Only a resume lets it fire again."""
    world = World()
    put(world)
    world.app.schedules.pause(TENANT, "s", "me", "why")
    world.table.rows[schedule_key(TENANT, "s")]["as_of"] = "?"
    world.clock.advance(1)
    put(world)
    assert schedule_of(world).state is ScheduleState.PAUSED


def test_a_repeated_pause_finishes_the_withdrawal_that_the_first_one_left() -> None:
    """Before it is acknowledged: after that no fire of before may run."""
    world = World()
    put(world)
    dies_before(world, "cancel", lambda app: app.schedules.pause(TENANT, "s", "me", "why"))
    assert schedule_of(world).withdraw_until
    world.app.schedules.pause(TENANT, "s", "me", "why")
    assert schedule_of(world).withdraw_until == 0
    world.clock.advance(60)
    world.work()
    assert world.ran == []


def test_what_a_change_of_a_schedule_costs() -> None:
    """One read of it, and the plan up to now; nothing is withdrawn where nothing was planned ahead."""
    world = World()
    world.table = store = Metered()
    world.app = world.build()
    put(world, "0 0 * * * *")
    world.clock.advance(3600)
    store.calls.clear()
    store.writes.clear()
    world.app.schedules.pause(TENANT, "s", "me", "why")
    decided = {"commit_plan": 1, "enter_fire": 1, "submit": 1, "advance": 1}
    assert store.writes == decided | {"change_schedule": 1}
    assert store.calls == {"get": 1, "apply": 5}
    # As it is already: it is only read.
    world.app.schedules.pause(TENANT, "s", "me", "why")
    assert store.calls == {"get": 2, "apply": 5}
