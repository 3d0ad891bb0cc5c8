"""Fires of schedules with unique keys: a fire whose key is held makes no job, whoever decides it, and says so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.schedules import before, definition, dies_before, entries, put, schedule_of, tick
from tests.builders.world import TENANT, World
from whendue.errors import InvalidRequestError, JobNotFoundError
from whendue.jobs.lifetime import STANDS_FOR
from whendue.jobs.model import Job, State
from whendue.schedules.fires import FireOutcome
from whendue.schedules.history import FireFilter
from whendue.schedules.model import Definition
from whendue.submission.request import JobRequest, UniqueRequest
from whendue.table.keys import job_key

OFTEN = "0 */5 * * * *"


def unique(cron: str = OFTEN, kind: str = "ok", **asked: Any) -> Definition:
    """Return a schedule whose jobs have the key `k`."""
    return replace(definition(cron), template=JobRequest(kind, {}, unique=UniqueRequest("k", **asked)))


def a_world(**asked: Any) -> World:
    """Return a world in which the next tick makes the job of a fire."""
    world = World()
    world.app.schedules.put(TENANT, "s", unique(**asked))
    until_ms = (schedule_of(world).cursor // 300_000 + 1) * 300_000
    world.clock.advance((until_ms - world.clock.now_ms()) / 1000 - 100)
    assert not entries(world)[0]
    return world


def holder(world: World, seconds: float = 3600) -> Job:
    """Submit a job that holds the key."""
    asked = JobRequest("ok", {}, delay_s=seconds, unique=UniqueRequest("k"))
    return world.app.submit.one(TENANT, asked).job


def reasons(world: World) -> list[str | None]:
    """List why fires made no job, in order; None for those that made one."""
    fires, _ = entries(world)
    return [fire.reason for _, fire in sorted(fires.items())]


@pytest.mark.parametrize("on_conflict", ["return", "reject"])
def test_a_fire_whose_key_is_held_is_skipped_and_the_next_one_after_the_holders_end_runs(on_conflict: Any) -> None:
    """The history says why."""
    world = a_world(on_conflict=on_conflict)
    holder(world, 150)
    world.pass_time(700, step_s=5)
    assert reasons(world)[:2] == ["unique_conflict", None]
    page = world.app.fire_history.page(TENANT, "s", FireFilter(), 10, None)
    shown = {view.fire.outcome for view in page.fires}
    assert shown >= {FireOutcome.SKIPPED, FireOutcome.RAN}
    assert all(view.job is None for view in page.fires if view.fire.outcome is FireOutcome.SKIPPED)


def test_fires_of_a_slow_job_are_skipped_while_it_has_not_ended() -> None:
    """As with the overlap policy `skip`, and for jobs from elsewhere, too."""
    world = World()
    world.task("slow", lambda payload, ctx: world.clock.advance(500))
    world.app.schedules.put(TENANT, "s", unique(kind="slow"))
    world.pass_time(1500, step_s=5)
    assert {None, "unique_conflict"} == set(reasons(world))


def test_replace_cancels_the_job_that_has_not_begun() -> None:
    """The fire has its own job."""
    world = a_world(on_conflict="replace")
    old = holder(world)
    tick(world.app)
    assert world.job(old).state is State.CANCELLED
    assert reasons(world)[0] is None


def test_two_timers_agree_on_a_fire_whose_key_is_freed_between_them() -> None:
    """What is written first at the job's id decides: here that there is none."""
    world = a_world()
    held = holder(world)

    def ends_and_another_timer_ticks() -> None:
        world.app.control.cancel(TENANT, held.id)
        tick(world.app)

    tick(world.build(store=before(world, "skip_fire", ends_and_another_timer_ticks)))
    fires, _ = entries(world)
    first = fires[min(fires)]
    assert (first.outcome, first.reason, first.job) == (FireOutcome.SKIPPED, "unique_conflict", None)


@pytest.mark.parametrize("name", ["stand_in", "skip_fire", "advance"])
def test_a_timer_that_dies_leaves_a_fire_that_the_next_one_finishes(name: str) -> None:
    """Whatever of it was written."""
    world = a_world()
    held = holder(world)
    dies_before(world, name, tick)
    if name != "stand_in":
        # The key is free by then; the note stands.
        world.app.control.cancel(TENANT, held.id)
    tick(world.app)
    tick(world.app)
    fires, _ = entries(world)
    first = fires[min(fires)]
    assert (first.outcome, first.reason) == (FireOutcome.SKIPPED, "unique_conflict")


def test_the_note_of_a_fire_is_no_job() -> None:
    """Nobody can run it again, or read it."""
    world = a_world()
    holder(world)
    dies_before(world, "skip_fire", tick)
    fires, _ = entries(world)
    noted = fires[min(fires)].job
    assert noted is not None
    assert STANDS_FOR in (world.table.get([job_key(noted)])[0] or {})
    for ask in (world.app.query.get, world.app.control.redrive, world.app.control.cancel):
        with pytest.raises(JobNotFoundError):
            ask(TENANT, noted)
    world.clock.advance(120)
    [view, *_] = reversed(world.app.fire_history.page(TENANT, "s", FireFilter(), 10, None).fires)
    assert (view.fire.outcome, view.fire.reason, view.job) == (FireOutcome.SKIPPED, "unique_conflict", None)


def test_a_holder_that_cannot_be_read_skips_the_fire_and_stops_no_other_schedule() -> None:
    """Its own schedule goes on with the next fire."""
    world = a_world()
    spoil(world, holder(world))
    world.app.schedules.put(TENANT, "other", definition(OFTEN))
    tick(world.app)
    assert reasons(world)[0] == "unique_conflict"
    assert all(fire.outcome is FireOutcome.RAN for fire in entries(world, "other")[0].values())


def spoil(world: World, job: Job) -> None:
    """Store a job in a form that cannot be read."""
    world.table.rows[job.key]["policy"] = "odd"


def test_a_backfill_skips_what_is_held() -> None:
    """It counts the jobs that it has made."""
    world = World()
    world.clock.advance(7200)
    world.app.schedules.put(TENANT, "s", unique())
    holder(world)
    now_ms = world.clock.now_ms()
    begun = world.app.backfills.begin(TENANT, "s", now_ms - 900_000 + 1, now_ms, None, force=False)
    assert begun.made == 0
    assert set(reasons(world)) == {"unique_conflict"}


def test_a_trigger_is_answered_with_the_holder() -> None:
    """As any submit."""
    world = a_world()
    held = holder(world)
    answer = world.app.schedules.trigger(TENANT, "s", None)
    assert (answer.job.id, answer.outcome) == (held.id, "returned")
    assert not entries(world)[0], "it made no job"


def test_a_schedule_cannot_postpone() -> None:
    """Its fires have times of their own."""
    with pytest.raises(InvalidRequestError, match="postpone"):
        a_world(on_conflict="postpone", max_wait_s=60)


@pytest.mark.parametrize("cron", ["0 * * * * *", "0 0,1 * * * *"])
def test_fires_that_follow_each_other_at_once_have_no_key(cron: str) -> None:
    """Their jobs are made ahead: each would meet the one before, which has yet to begin."""
    with pytest.raises(InvalidRequestError, match="use the overlap policy"):
        World().app.schedules.put(TENANT, "s", unique(cron))


def test_a_schedule_without_a_key_pays_nothing() -> None:
    """Its fires are written together, as ever."""
    world, names = World(), list[str]()
    put(world, OFTEN)
    world.clock.advance(300 - 100 - world.clock.now_ms() // 1000 % 300)
    apply: Callable[..., Any] = world.table.apply
    world.table.apply = lambda writes: names.extend(write.name for write in writes) or apply(writes)  # type: ignore[method-assign,func-returns-value]
    tick(world.app)
    assert "submit" in names
    assert not {"hold_key", "take_key", "stand_in"} & set(names)
