"""What backfills keep to: each fire once, whoever else is at it; how they end; and what they may cost a tick."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.builders.faults import Refusing
from tests.builders.schedules import before, deaf, definition, dies_before, entries, put, runs, tick
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.ports import WriteResult as Ended
from whendue.errors import UnavailableError
from whendue.schedule_quotas import IN_FLIGHT_S
from whendue.schedules.backfills.model import Backfill, BackfillState, backfill_key, from_item
from whendue.schedules.fires import FireOutcome
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key
from whendue.table.writes import Write

HOUR_S = 3600


def a_past(seconds: int = 90_000, task: str = "ok") -> World:
    """Make a world with a schedule of each minute that is younger than its past."""
    world = World()
    world.clock.advance(seconds)
    world.task("gone", lambda payload, ctx: None)
    world.app.schedules.put(TENANT, "s", replace(definition("0 * * * * *"), template=JobRequest(task, {})))
    return world


def begin(app: App, seconds: int, limit: int | None = None, *, force: bool = False) -> Backfill:
    now_ms = app.clock.now_ms()
    return app.backfills.begin(TENANT, "s", now_ms - seconds * 1000 + 1, now_ms, limit, force=force)


def stored(world: World, backfill: Backfill) -> Backfill:
    [item] = world.table.get([backfill_key(TENANT, "s", backfill.id)])
    assert item
    return from_item(item)


def only(world: World) -> Backfill:
    [item] = [item for key, item in world.table.items().items() if key.sk.startswith("backfill#")]
    return from_item(item)


def noting(world: World, each_takes_s: float = 0) -> tuple[Refusing, Counter[str]]:
    """Return a table whose writes take time, and are counted by name."""
    names: Counter[str] = Counter()

    def apply(writes: Sequence[Write]) -> list[Ended]:
        names.update(write.name for write in writes)
        world.clock.advance(each_takes_s)
        return world.table.apply(writes)

    return Refusing(world.table, "apply", apply), names


def test_two_at_the_same_chunk_make_it_once() -> None:
    """Who comes second learns how far the first one got."""
    world = a_past()
    begun = begin(world.app, 10 * HOUR_S)

    def meanwhile() -> None:
        for _ in range(2):
            world.app.backfills.further(stored(world, begun))

    ended = world.build(store=before(world, "move_backfill", meanwhile)).backfills.further(begun)
    assert ended == stored(world, begun)
    assert ended.made == 300
    for _ in range(2):
        tick(world.app)
    assert (stored(world, begun).state, stored(world, begun).made) == (BackfillState.FINISHED, 600)
    world.work()
    assert len(world.ran) == 600


def test_one_that_has_failed_is_not_revived_by_who_comes_late() -> None:
    """Its schedule was deleted meanwhile."""
    world = a_past()
    begun = begin(world.app, 10 * HOUR_S)

    def meanwhile() -> None:
        world.app.schedules.delete(TENANT, "s")
        world.app.backfills.further(begun)

    world.build(store=before(world, "move_backfill", meanwhile)).backfills.further(begun)
    assert (stored(world, begun).state, stored(world, begun).error) == (BackfillState.FAILED, "schedule_not_found")


def test_a_backfill_stops_when_its_schedule_is_deleted() -> None:
    """And says so; a schedule of the same name does not take it up."""
    world = a_past()
    begun = begin(world.app, 10 * HOUR_S)
    world.app.schedules.delete(TENANT, "s")
    tick(world.app)
    put(world)
    tick(world.app)
    backfill = world.app.backfills.get(TENANT, "s", begun.id)
    assert (backfill.state, backfill.error, backfill.made) == (BackfillState.FAILED, "schedule_not_found", 100)


def test_a_backfill_whose_job_can_be_made_no_more_fails_and_says_why() -> None:
    """Its task was taken out of the code."""
    world = a_past(task="gone")
    begun = begin(world.app, 10 * HOUR_S)
    world.registry.remove("gone")
    tick(world.app)
    backfill = stored(world, begun)
    assert (backfill.state, backfill.made) == (BackfillState.FAILED, 100)
    assert backfill.error
    assert backfill.error.startswith("unknown_task: ")


@pytest.mark.parametrize("name", ["enter_fire", "submit", "move_backfill"])
def test_no_answer_is_no_failure(name: str) -> None:
    """The timer goes on with it."""
    world = a_past()
    begun = begin(world.build(store=deaf(world, name)), HOUR_S)
    assert (begun.state, begun.made) == (BackfillState.RUNNING, 0)
    with pytest.raises(UnavailableError):
        world.build(store=deaf(world, name)).backfills.further(begun)
    tick(world.app)
    assert (stored(world, begun).state, stored(world, begun).made) == (BackfillState.FINISHED, 60)


@pytest.mark.parametrize("name", ["submit", "move_backfill"])
def test_whoever_goes_on_makes_what_was_only_entered_and_writes_no_entry_twice(name: str) -> None:
    """An entry of this backfill is its own, also where it runs what had run."""
    world = a_past()
    world.clock.advance(300)
    tick(world.app)
    world.work()
    before_it = len(world.ran)
    dies_before(world, name, lambda app: begin(app, 300, force=True))
    store, names = noting(world)
    tick(world.build(store=store))
    assert names["backfill_fire"] == 0
    assert (only(world).state, only(world).made) == (BackfillState.FINISHED, 5)
    world.work()
    assert len(world.ran) == before_it + 5
    made = [fire for fire in entries(world)[0].values() if fire.outcome is FireOutcome.CAUGHT_UP]
    assert len(made) == 5


def test_whoever_goes_on_without_force_makes_what_was_only_entered() -> None:
    """What is entered as caught up by this backfill has no job yet."""
    world = a_past()
    dies_before(world, "submit", lambda app: begin(app, 300))
    tick(world.app)
    world.work()
    assert (only(world).made, only(world).passed) == (5, 0)
    assert sum(runs(world).values()) == 5


STOPS = pytest.mark.parametrize("state", [BackfillState.PAUSED, BackfillState.CANCELLED])


def settle(world: World) -> Counter[str]:
    """Let the timer run until no process from before can be at a chunk; return its writes to backfills and entries."""
    store, names = noting(world)
    for _ in range(2):
        tick(world.build(store=store))
        world.clock.advance(IN_FLIGHT_S)
    tick(world.build(store=store))
    return names


def without_jobs(world: World) -> list[int]:
    """List the fires whose entry names a job that does not exist."""
    fires = [fire for fire in entries(world)[0].values() if fire.job]
    return [fire.nominal for fire in fires if world.table.get([job_key(str(fire.job))]) == [None]]


@STOPS
def test_a_chunk_that_a_process_left_is_finished_though_the_backfill_was_stopped(state: BackfillState) -> None:
    """Its entries said that their jobs were made, for good."""
    world = a_past()
    dies_before(world, "submit", lambda app: begin(app, 300))
    world.app.backfills.to(TENANT, "s", only(world).id, state)
    assert len(without_jobs(world)) == 5
    settle(world)
    assert without_jobs(world) == []
    assert (only(world).state, only(world).made, only(world).settles_at) == (state, 5, None)
    world.work()
    made = [fire.nominal for fire in entries(world)[0].values() if fire.backfill]
    assert [runs(world)[nominal] for nominal in made] == [1] * 5


@STOPS
def test_one_that_is_stopped_between_chunks_makes_no_further_job(state: BackfillState) -> None:
    """And costs one write more."""
    world = a_past()
    backfill = begin(world.app, 10 * HOUR_S)
    world.app.backfills.to(TENANT, "s", backfill.id, state)
    names = settle(world)
    assert names["move_backfill"] == 1
    assert sum(1 for fire in entries(world)[0].values() if fire.backfill) == 100
    assert (only(world).state, only(world).made) == (state, 100)


def test_a_begun_chunk_whose_task_is_gone_is_skipped() -> None:
    """No entry names a job that can no longer be created."""
    world = a_past(task="gone")
    dies_before(world, "submit", lambda app: begin(app, 300))
    world.app.backfills.to(TENANT, "s", only(world).id, BackfillState.CANCELLED)
    world.registry.remove("gone")
    settle(world)
    fires = [fire for fire in entries(world)[0].values() if fire.backfill]
    assert {(fire.outcome, fire.reason) for fire in fires} == {(FireOutcome.SKIPPED, "unknown_task")}
    assert (only(world).made, only(world).settles_at) == (0, None)


def test_a_begun_chunk_of_one_that_fails_is_skipped_too() -> None:
    """Its schedule was deleted before its jobs were created."""
    world = a_past()
    dies_before(world, "submit", lambda app: begin(app, 300))
    world.app.schedules.delete(TENANT, "s")
    settle(world)
    assert (only(world).state, only(world).error) == (BackfillState.FAILED, "schedule_not_found")
    assert without_jobs(world) == []


def test_one_that_is_resumed_and_paused_again_is_settled_by_its_last_pause() -> None:
    """A timer that has read the first pause does not take it for the second one."""
    world = a_past()
    backfill = begin(world.app, 10 * HOUR_S)
    first = world.app.backfills.to(TENANT, "s", backfill.id, BackfillState.PAUSED)
    world.clock.advance(IN_FLIGHT_S)

    def meanwhile() -> None:
        world.app.backfills.to(TENANT, "s", backfill.id, BackfillState.RUNNING)
        world.app.backfills.to(TENANT, "s", backfill.id, BackfillState.PAUSED)

    then = world.build(store=before(world, "move_backfill", meanwhile)).backfills.further(first)
    assert first.settles_at
    assert then.settles_at == first.settles_at + IN_FLIGHT_S * 1000 == only(world).settles_at


def test_one_that_has_ended_costs_nothing_more() -> None:
    """Neither in its last tick nor in later ones."""
    world = a_past()
    begin(world.app, 3 * HOUR_S)
    store, names = noting(world)
    for _ in range(3):
        tick(world.build(store=store))
    # The rest of 180 fires, and that there are no more.
    assert names["move_backfill"] == 2


def test_a_tick_whose_time_is_over_leaves_the_rest_to_the_next() -> None:
    """A backfill goes on for as long as there is time, not for its thousand jobs."""
    world = a_past()
    begun = begin(world.app, 20 * HOUR_S)
    store, _ = noting(world, each_takes_s=10)
    due = world.build(store=store).schedule_runner
    due.run(world.clock.now_ms() + 40_000)
    assert 100 < stored(world, begun).made < 500
    assert stored(world, begun).state is BackfillState.RUNNING


@pytest.mark.parametrize("meanwhile_s", [0, 1, 30 * 86_400])
def test_a_backfill_ends_with_its_schedule_though_another_one_takes_its_name(meanwhile_s: int) -> None:
    """1,340 jobs of the old definition were made under the new one's name."""
    world = a_past()
    world.clock.advance(1)
    begun = begin(world.app, 80_000)
    assert begun.state is BackfillState.RUNNING
    world.app.schedules.delete(TENANT, "s")
    world.clock.advance(meanwhile_s)
    put(world, "0 0 * * * *")
    for _ in range(5):
        tick(world.app)
        world.clock.advance(61)
    then = stored(world, begun)
    assert (then.state, then.error, then.made) == (BackfillState.FAILED, "schedule_not_found", begun.made)


def test_a_backfill_goes_on_with_what_was_asked_for_when_its_schedule_is_changed() -> None:
    """A change is no other schedule."""
    world = a_past()
    begun = begin(world.app, 80_000)
    world.clock.advance(1)
    put(world, "0 0 * * * *")
    for _ in range(20):
        tick(world.app)
        world.clock.advance(61)
    assert stored(world, begun).state is BackfillState.FINISHED
    assert stored(world, begun).made > 1300


def test_a_backfill_that_is_gone_while_the_index_still_shows_it_is_no_error() -> None:
    """The index lags behind the table."""
    world = a_past()
    begun = begin(world.app, 10 * HOUR_S)
    del world.table.rows[backfill_key(TENANT, "s", begun.id)]
    tick(world.app)
    assert world.app.bulkhead.take() == {}


def test_schedules_that_take_all_the_time_leave_a_part_of_it_to_backfills(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that is always short of time would never continue them."""
    monkeypatch.setattr("whendue.schedules.ticks.runner.SCHEDULES_PER_PAGE", 1)
    world = a_past()
    begun = begin(world.app, 20 * HOUR_S)
    for number in range(30):
        world.app.schedules.put(TENANT, f"s{number}", definition("0 * * * * *"))
    world.clock.advance(120)
    store, names = noting(world, each_takes_s=1)
    world.build(store=store).schedule_runner.run(world.clock.now_ms() + 40_000)
    assert stored(world, begun).made > begun.made
    assert 0 < names["advance"] < 30


def test_a_backfill_that_ends_takes_no_further_turn_of_its_tenant() -> None:
    """The tenant's next one goes on when its turn comes, not a turn later."""
    world, order = a_past(), list[str]()
    world.app.schedules.put("omega", "s", definition("0 * * * * *"))
    for seconds in (HOUR_S, 20 * HOUR_S):
        begin(world.app, seconds)
        world.clock.advance(0.001)
    now_ms = world.clock.now_ms()
    world.app.backfills.begin("omega", "s", now_ms - 20 * HOUR_S * 1000, now_ms, None, force=False)

    def apply(writes: Sequence[Write]) -> list[Ended]:
        order.extend(write.key.pk.split("#")[1] for write in writes if write.name == "move_backfill")
        return world.table.apply(writes)

    tick(world.build(store=Refusing(world.table, "apply", apply)))
    assert order[:6] == [TENANT, "omega"] * 3
