"""What firing keeps to when processes die, are late, know less, or are not answered."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import pytest
from pydantic import BaseModel, model_validator

from tests.builders.faults import Refusing
from tests.builders.schedules import (
    before,
    deaf,
    definition,
    dies_before,
    entries,
    outcomes,
    put,
    runs,
    schedule_of,
    tick,
)
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.declarations.context import Context
from whendue.declarations.registry import task
from whendue.engine.ports import Item, WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.profiles.model import Profile
from whendue.schedules.fires import Fire, FireOutcome
from whendue.schedules.model import Definition, Misfire, schedule_key
from whendue.submission.request import JobRequest
from whendue.table.keys import Key, job_key
from whendue.table.preconditions import Precondition
from whendue.table.writes import Write

EACH_MINUTE = "0 * * * * *"


def of(task: str, cron: str = EACH_MINUTE, **wanted: Any) -> Definition:
    return replace(definition(cron, **wanted), template=JobRequest(task, {}))


def edit(app: App) -> None:
    app.schedules.put(TENANT, "s", definition(misfire=Misfire("catch_up", 100)))


def delete(app: App) -> None:
    app.schedules.delete(TENANT, "s")


def pause(app: App) -> None:
    app.schedules.pause(TENANT, "s", "me", "why")


def first(world: World) -> Fire:
    return min(entries(world)[0].values(), key=lambda fire: fire.nominal)


# --- what somebody has left half done ----------------------------------------------------------------------------


def test_a_delete_that_was_left_half_done_is_finished_and_stays() -> None:
    """Nothing fires any more, and the item stays for three minutes, so that no late request brings it back."""
    world = World()
    put(world)
    dies_before(world, "cancel", delete)
    world.clock.advance(1)
    tick(world.app)
    assert world.table.get([schedule_key(TENANT, "s")]) != [None]
    world.pass_time(170)
    assert world.table.get([schedule_key(TENANT, "s")]) != [None]
    world.pass_time(120)
    assert world.table.get([schedule_key(TENANT, "s")]) == [None]
    assert world.ran == []


def test_a_pause_that_was_left_half_done_is_one_entry_in_the_end() -> None:
    """The timer that finishes it decides nothing of what passes."""
    world = World()
    put(world)
    dies_before(world, "cancel", pause)
    world.clock.advance(1)
    tick(world.app)
    world.clock.advance(130)
    tick(world.app)
    assert entries(world) == ({}, [])
    world.app.schedules.resume(TENANT, "s")
    fires, gaps = entries(world)
    assert (len(gaps), world.ran) == (1, [])
    assert all(fire.nominal > world.clock.now_ms() for fire in fires.values())


def test_whoever_changes_what_was_left_half_done_finishes_that_first() -> None:
    """Or the fires of the first definition would run besides those of the third."""
    world = World()
    put(world)
    dies_before(world, "cancel", edit)
    world.app.schedules.put(TENANT, "s", definition("0 */2 * * * *"))
    world.pass_time(119)
    assert world.ran == []


def test_a_fire_that_has_begun_under_the_old_definition_does_not_run_again_under_the_new_one() -> None:
    """It counts as the fire of its time."""
    world = World()
    put(world)
    dies_before(world, "cancel", edit)
    world.clock.advance(5)
    world.work()
    begun = first(world)
    world.pass_time(60)
    assert entries(world)[0][begun.nominal] == begun
    assert set(runs(world).values()) == {1}


def test_a_fire_that_ran_under_the_old_definition_ran_even_if_the_new_one_could_not_make_it() -> None:
    """And even if its job is kept no longer."""
    world = World()
    world.task("old", lambda payload, ctx: None)
    put(world)

    def change(app: App) -> None:
        app.schedules.put(TENANT, "s", of("old", "*/5 * * * * *", misfire=Misfire("catch_up", 100)))

    dies_before(world, "cancel", change)
    world.clock.advance(5)
    world.work()
    begun = first(world)
    del world.table.rows[job_key(begun.job or "")]
    world.registry.remove("old")
    world.clock.advance(90)
    for _ in range(3):
        tick(world.app)
        world.clock.advance(200)
    assert entries(world)[0][begun.nominal] == begun
    assert set(outcomes(world).values()) == {FireOutcome.RAN, FireOutcome.SKIPPED}


def test_an_edit_before_the_next_tick_fires_at_the_same_times_without_waiting_for_it() -> None:
    """Entries that were withdrawn are replaced at once."""
    world = World()
    put(world)
    world.clock.advance(1)
    world.app.schedules.put(TENANT, "s", replace(definition(), template=JobRequest("ok", {"n": 2})))
    for _ in range(3):
        world.clock.advance(5)
        world.work()
    assert len(world.ran) == 3


def test_a_deleted_schedule_that_is_put_again_is_not_forgotten_with_the_old_one() -> None:
    """A timer was about to remove its item."""
    world = World()
    put(world)
    world.app.schedules.delete(TENANT, "s")
    world.clock.advance(181)
    tick(world.build(store=before(world, "forget_schedule", lambda: put(world))))
    world.pass_time(6)
    assert len(world.ran) == 1


# --- a plan that was left half done ------------------------------------------------------------------------------


def planning(world: World, name: str, task: str = "ok", **wanted: Any) -> None:
    """Let a timer plan the fire of the next minute, and die before its first write of this name."""
    world.app.schedules.put(TENANT, "s", of(task, "0 */5 * * * *", **wanted))
    world.clock.advance(300 - world.clock.now_ms() // 1000 % 300 - 60)
    dies_before(world, name, tick)
    world.clock.advance(1)


def test_the_next_timer_makes_the_job_that_the_one_before_only_entered() -> None:
    """In time for its fire."""
    world = World()
    planning(world, "submit")
    tick(world.app)
    world.clock.advance(59)
    world.work()
    assert len(world.ran) == 1


def forgetful(after: str) -> tuple[World, Fire]:
    """Let a timer die before a write, and its task be taken out of the code."""
    world = World()
    world.task("gone", lambda payload, ctx: None)
    planning(world, after, "gone")
    world.registry.remove("gone")
    return world, first(world)


def test_an_entered_job_that_was_made_stands_though_it_could_be_made_no_more() -> None:
    """Its maker died after that."""
    world, fire = forgetful("advance")
    tick(world.app)
    world.clock.advance(200)
    tick(world.app)
    assert first(world) == fire
    assert schedule_of(world).as_of == 0


def test_an_entered_job_that_can_be_made_no_more_is_skipped_after_three_minutes() -> None:
    """Until then its maker may still be at it."""
    world, fire = forgetful("submit")
    tick(world.app)
    world.clock.advance(170)
    tick(world.app)
    assert first(world) == fire
    world.clock.advance(10)
    tick(world.app)
    assert (first(world).outcome, first(world).reason, first(world).job) == (FireOutcome.SKIPPED, "unknown_task", None)
    assert schedule_of(world).as_of == 0


class Strict(BaseModel):
    """A payload that nobody sends."""

    missing: int


def test_who_finds_a_fire_skipped_for_another_reason_goes_on_at_once() -> None:
    """There is no job to wait for; what was entered first stands."""
    world = World()
    world.task("gone", lambda payload, ctx: None)
    world.app.schedules.put(TENANT, "s", of("gone", "0 */5 * * * *"))
    world.registry.remove("gone")
    world.clock.advance(300 - world.clock.now_ms() // 1000 % 300 - 60)
    dies_before(world, "advance", tick)
    world.clock.advance(1)

    @task("gone", registry=world.registry)
    def gone(payload: Strict, ctx: Context) -> None:
        """Ask for what the schedule does not give."""

    tick(world.app)
    assert schedule_of(world).as_of == 0
    assert first(world).reason == "unknown_task"
    # It is the schedule's owner's to mend, and no error of ours.
    assert world.app.bulkhead.take() == {}


def test_the_schedule_names_the_error_of_one_fire_though_the_next_fires_had_none() -> None:
    """Or a fire that was skipped would be noticed by nobody."""
    world = World()
    refused: list[bool] = []

    class Moody(BaseModel):
        """A payload that is refused as often as somebody asked."""

        @model_validator(mode="after")
        def refuse(self) -> Self:
            """Raise what a user's validator may raise."""
            if refused:
                refused.pop()
                raise RuntimeError
            return self

    @task("moody", registry=world.registry)
    def moody(payload: Moody, ctx: Context) -> None:
        """Do nothing."""

    world.app.schedules.put(TENANT, "s", of("moody", "*/5 * * * * *"))
    world.clock.advance(60)
    refused.append(True)
    tick(world.app)
    assert [fire.outcome for fire in entries(world)[0].values()].count(FireOutcome.SKIPPED) == 1
    assert "RuntimeError" in (schedule_of(world).last_error or "")


# --- no answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["enter_fire", "submit", "advance"])
def test_what_the_table_did_not_take_is_not_reported_as_done_and_the_next_tick_does_it(name: str) -> None:
    """The cursor is past a fire only once its job is there."""
    world = World()
    planning(world, "commit_plan")
    assert world.tick(world.build(store=deaf(world, name))).planned == 0
    assert schedule_of(world).as_of
    assert world.tick().planned == 1
    world.clock.advance(59)
    world.work()
    assert len(world.ran) == 1


@pytest.mark.parametrize("doing", [pause, delete, edit])
def test_a_change_that_cannot_decide_the_past_is_unavailable(doing: Callable[[App], None]) -> None:
    """It is no conflict: nobody else is at it."""
    world = World()
    put(world)
    world.clock.advance(600)
    with pytest.raises(UnavailableError):
        doing(world.build(store=deaf(world, "enter_gap")))
    doing(world.app)


def test_a_change_goes_on_where_a_timer_was_quicker() -> None:
    """It reads the schedule again."""
    world = World()
    put(world, EACH_MINUTE)
    world.clock.advance(600)
    pause(world.build(store=before(world, "commit_plan", lambda: tick(world.app))))
    assert schedule_of(world).state == "paused"


def test_a_change_of_a_schedule_that_vanishes_meanwhile_is_unavailable() -> None:
    """Asked again, it says that there is none."""
    world = World()
    put(world)
    world.clock.advance(600)

    def vanish() -> None:
        del world.table.rows[schedule_key(TENANT, "s")]

    with pytest.raises(UnavailableError):
        pause(world.build(store=before(world, "commit_plan", vanish)))


def test_of_a_plans_fires_only_the_one_whose_job_cannot_be_stored_is_skipped() -> None:
    """The others run."""
    world = World()
    put(world)
    world.clock.advance(60)

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        if writes[0].name != "submit":
            return world.table.apply(writes)
        return [WriteResult(WriteStatus.INVALID), *world.table.apply(writes[1:])]

    tick(world.build(store=Refusing(world.table, "apply", apply)))
    [skipped] = [fire for fire in entries(world)[0].values() if fire.outcome is FireOutcome.SKIPPED]
    assert skipped.reason == "unstorable"
    world.pass_time(120)
    assert skipped.nominal not in runs(world)
    assert len(runs(world)) > 20


def test_a_fire_whose_profile_cannot_be_read_gets_its_job_from_the_next_tick() -> None:
    """The cursor stays before it until then."""
    world = World()
    world.app.profile_editor.put(TENANT, Profile("mine", {}), Precondition())
    world.app.schedules.put(
        TENANT, "s", replace(definition("0 */5 * * * *"), template=JobRequest("ok", {}, profile="mine"))
    )
    world.clock.advance(300 - world.clock.now_ms() // 1000 % 300 - 60)

    def get(keys: Sequence[Key]) -> list[Item | None]:
        if any(key.pk.startswith("PROFILE#") for key in keys):
            raise UnavailableError
        return world.table.get(keys)

    assert world.tick(world.build(store=Refusing(world.table, "get", get))).planned == 0
    assert world.tick().planned == 1
    world.clock.advance(60)
    world.work()
    assert len(world.ran) == 1
