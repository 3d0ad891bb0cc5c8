"""Schedules and the timer: every nominal time ends once, whoever dies where; policies give the runs they promise."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError
from tests.builders.schedules import MINUTE_MS, definition, entries, outcomes, runs, tick
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.ports import Item
from whendue.errors import ScheduleNotFoundError
from whendue.jobs.model import State
from whendue.schedules.calendar.recurrence import Recurrence, after
from whendue.schedules.fires import FireOutcome
from whendue.schedules.model import Definition, Misfire, from_item, schedule_key
from whendue.schedules.ticks.runner import ScheduleRunner
from whendue.submission.request import JobRequest

YEAR_MS = 365 * 86_400_000


def nominals(world: World, wanted: Definition) -> list[int]:
    """List the nominal times from the world's start up to now, by walking."""
    found: list[int] = []
    for nominal in after(wanted.recurrence, world.clock.start_ms):
        if nominal.at_ms > world.clock.now_ms():
            return found
        found.append(nominal.at_ms)
    return found


# --- killed anywhere ---------------------------------------------------------------------------------------------


def put(app: App) -> None:
    app.schedules.put(TENANT, "s", definition())


def edit(app: App) -> None:
    app.schedules.put(TENANT, "s", definition("*/4 * * * * *"))


def pause(app: App) -> None:
    app.schedules.pause(TENANT, "s", "me", "why")


def resume(app: App) -> None:
    app.schedules.resume(TENANT, "s")


def delete(app: App) -> None:
    app.schedules.delete(TENANT, "s")


def backfill(app: App) -> None:
    now_ms = app.clock.now_ms()
    app.backfills.begin(TENANT, "s", now_ms - 180_000, now_ms, None, force=False)


BEFORE: Mapping[str, Sequence[Callable[[App], None]]] = {
    "put": (),
    "tick": (put,),
    "edit": (put,),
    "pause": (put,),
    "resume": (put, pause),
    "delete": (put,),
    "backfill": (put, pause, resume),
}
DOING = {item.__name__: item for item in (put, tick, edit, pause, resume, delete, backfill)}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("name", "outage_s"), [*((name, 0) for name in BEFORE), ("tick", 400), ("edit", 400)])
def test_a_process_that_dies_at_any_call_leaves_a_complete_history_and_nothing_runs_twice(
    name: str, outage_s: int, after_effect: bool
) -> None:
    """The next tick, or the same request again, goes on; fires that were missed meanwhile are accounted for."""
    deaths = 0
    while True:
        world, calls = World(seed=deaths), list[str]()
        for doing in BEFORE[name]:
            doing(world.app)
            world.pass_time(97, step_s=5)
        world.clock.advance(outage_s)
        ports = (Counted(port, calls, deaths, after=after_effect) for port in (world.table, world.queues))
        try:
            DOING[name](world.build(*ports))
        except KilledError:
            deaths += 1
        else:
            break
        world.pass_time(63, step_s=5)
        if name not in ("tick", "delete"):
            DOING[name](world.app)
        elif name == "delete":
            with suppress(ScheduleNotFoundError):
                delete(world.app)
        world.pass_time(130, step_s=5)
        # What a death kept from being sent is healed within three minutes (guarantee G6).
        world.pass_time(200, step_s=5)
        _is_whole(world, name)
    assert deaths > 3


def _is_whole(world: World, name: str) -> None:
    ended = outcomes(world)
    wanted = definition()
    if name not in ("edit", "put"):
        last = world.clock.now_ms() if name not in ("pause", "delete") else max(ended)
        assert sorted(ended) == [at for at in nominals(world, wanted) if at <= last], name
    fires, _ = entries(world)
    times = runs(world)
    assert set(times.values()) <= {1}
    made = {at for at, fire in fires.items() if fire.job and fire.outcome is not FireOutcome.TRIGGERED}
    assert set(times) <= made
    for at in made:
        if at < world.clock.now_ms() - 190_000:
            item = world.table.get([_job_key(fires[at].job or "")])[0]
            assert item, "an entry names a job that is not there"
            assert item["state"] == State.SUCCEEDED
    live = [item for key, item in world.table.items().items() if key.sk == "schedule#s"]
    if name == "delete":
        world.pass_time(60, step_s=5)
        live = [item for key, item in world.table.items().items() if key.sk == "schedule#s"]
    assert all(item["withdraw_until"] == 0 for item in live)
    assert bool(live) == (name != "delete")


def _job_key(job_id: str) -> Any:
    from whendue.table.keys import job_key

    return job_key(job_id)


def test_many_timers_at_once_create_each_fire_once() -> None:
    """Each reads before any has written, as when they start at the same moment."""
    world = World()
    put(world.app)
    world.clock.advance(500)
    # Reads of all timers come before the first write: their plans are all of the same moment.
    [item] = world.table.get([schedule_key(TENANT, "s")])
    assert item
    firing = world.app.fire_enqueuer
    for _ in range(4):
        firing.ahead([from_item(item)])
    world.pass_time(200)
    assert sorted(outcomes(world)) == nominals(world, definition())
    assert set(runs(world).values()) == {1}


# --- policies ----------------------------------------------------------------------------------------------------


class Witness:
    """A table that notes the plans which are committed to it: (cursor, as_of)."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.commits: list[tuple[int, int]] = []

    def apply(self, writes: Sequence[Any]) -> Any:
        before: list[Item | None] = self._table.get([write.key for write in writes])
        results = self._table.apply(writes)
        for write, old, end in zip(writes, before, results, strict=True):
            if write.name == "commit_plan" and end.done and old and old["as_of"] == 0:
                self.commits.append((old["cursor"], write.changes["as_of"]))
        return results

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


class Swallow:
    """Queues that take everything."""

    def send(self, queue: str, messages: Sequence[Any]) -> list[bool]:
        return [True] * len(messages)


@pytest.mark.thorough
@pytest.mark.parametrize(("policy", "runs_of_missed"), [("skip", 0), ("fire_once", 1), ("catch_up", 5)])
def test_a_year_of_a_minute_schedule_under_outages_has_every_fire_once(policy: Any, runs_of_missed: int) -> None:
    """Timers that stop for minutes to weeks and die at any call; the policy gives exactly the runs that it promises."""
    world, chance = World(), random.Random(f"year {policy}")
    witness = Witness(world.table)
    wanted = Definition(
        Recurrence(every_s=60, start_ms=world.clock.start_ms), JobRequest("ok", {}), Misfire(policy, 5, 60)
    )
    world.app.schedules.put(TENANT, "s", wanted)
    began, deaths = world.clock.now_ms(), 0
    while world.clock.now_ms() < began + YEAR_MS:
        for _ in range(chance.randint(3, 18)):
            deaths += _tick_that_may_die(world, witness, chance)
            world.clock.advance(chance.choice([60, 60, 120, 170]) + chance.random())
        world.clock.advance(chance.choice([200, 900, 7200, 86_400, 7 * 86_400]) * (0.5 + chance.random()))
    for _ in range(3):
        _due(world, witness).run(world.clock.now_ms() + MINUTE_MS)
    assert deaths > 20
    ended = outcomes(world)
    expected = range(began + MINUTE_MS, world.clock.now_ms() + 1, MINUTE_MS)
    assert sorted(ended) == list(expected)
    assert len(expected) > 525_000
    late = _late(began, witness.commits)
    assert len(late) > 40
    for missed_times in late:
        caught_up = missed_times[max(0, len(missed_times) - runs_of_missed) :]
        assert {ended[at] for at in caught_up} <= {FireOutcome.CAUGHT_UP}
        assert {ended[at] for at in set(missed_times) - set(caught_up)} <= {FireOutcome.MISSED}
    missed = {at for missed_times in late for at in missed_times}
    assert {ended[at] for at in set(expected) - missed} == {FireOutcome.RAN}
    fires, _ = entries(world)
    jobs = [world.table.get([_job_key(fire.job or "")])[0] for fire in fires.values()]
    assert all(jobs)
    assert len(jobs) == sum(key.sk == "job" for key in world.table.items())


def _due(world: World, table: Any) -> ScheduleRunner:
    return world.build(store=table, queue=Swallow()).schedule_runner  # type: ignore[arg-type]


def _tick_that_may_die(world: World, witness: Witness, chance: random.Random) -> bool:
    kill_at = chance.randrange(12) if chance.random() < 0.05 else None
    table = Counted(witness, [], kill_at, after=chance.random() < 0.5)
    try:
        _due(world, table).run(world.clock.now_ms() + MINUTE_MS)
    except KilledError:
        return True
    return False


def _late(began: int, commits: Sequence[tuple[int, int]]) -> list[list[int]]:
    """List, by arithmetic alone, the nominal minutes that each plan came too late for."""
    found = []
    for cursor, as_of in commits:
        first = began + ((cursor - began) // MINUTE_MS + 1) * MINUTE_MS
        missed_times = list(range(first, as_of - MINUTE_MS + 1, MINUTE_MS))
        found += [missed_times] if missed_times else []
    return found


@pytest.mark.parametrize("late_s", [59, 61])
def test_a_fire_is_on_time_within_its_grace_and_missed_after(late_s: int) -> None:
    """To the second."""
    world = World()
    world.app.schedules.put(TENANT, "s", definition("0 * * * *", misfire=Misfire("skip")))
    world.clock.advance(3600 + late_s)
    tick(world.app)
    assert list(outcomes(world).values()) == [FireOutcome.RAN if late_s < 60 else FireOutcome.MISSED]


def test_a_plan_that_was_decided_in_time_is_carried_out_as_decided_however_late() -> None:
    """Its timer died right after; nobody may decide again, or two timers could say two things."""
    world, calls = World(), list[str]()
    world.app.schedules.put(TENANT, "s", definition("0 * * * *", misfire=Misfire("skip")))
    world.clock.advance(3600 - 60)
    commits = [0]

    class Dying(Counted):
        def __getattr__(self, name: str) -> Any:
            commits[0] += name == "apply"
            if commits[0] == 2:
                raise KilledError
            return getattr(self._port, name)

    with pytest.raises(KilledError):
        tick(world.build(Dying(world.table, calls)))
    world.clock.advance(1800)
    tick(world.app)
    world.work()
    assert list(outcomes(world).values()) == [FireOutcome.RAN]
    assert len(world.ran) == 1


def test_a_plan_of_very_many_fires_is_made_in_parts() -> None:
    """One each second, an hour late, with an hour of grace: what is on time is bounded per plan, not dropped."""
    world = World()
    wanted = definition("* * * * * *", misfire=Misfire("skip", grace_s=3600))
    world.app.schedules.put(TENANT, "s", wanted)
    world.clock.advance(4000)
    for _ in range(30):
        tick(world.app)
    assert sorted(outcomes(world)) == nominals(world, wanted)
    fires, [gap] = entries(world)
    assert {fire.outcome for fire in fires.values()} == {FireOutcome.RAN}
    assert gap.until == world.clock.now_ms() - 3_600_000


def test_one_broken_schedule_does_not_hold_up_the_others() -> None:
    """Whatever is wrong with it."""
    world = World()
    for number in range(6):
        world.app.schedules.put(TENANT, f"s{number}", definition())
    for key, item in world.table.items().items():
        if key.sk == "schedule#s0":
            world.table.rows[key] = {**item, "definition": item["definition"].replace("*/5", "*/0")}
    world.pass_time(300)
    for number in range(1, 6):
        assert sorted(outcomes(world, f"s{number}")) == nominals(world, definition())


# --- economy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cron", "fires"), [("* * * * *", 1), ("*/5 * * * * *", 12)])
def test_what_a_fire_costs(cron: str, fires: int) -> None:
    """Two writes of the schedule a minute, one of its history for each fire; a page of schedules shares calls."""
    world = World()
    names = [f"s{number}" for number in range(20)]
    for name in names:
        world.app.schedules.put(TENANT, name, definition(cron))
    world.pass_time(120)
    world.clock.advance(60 - world.clock.now_ms() // 1000 % 60)
    noted: list[str] = []
    writes: Counter[str] = Counter()

    class Noting(Counted):
        def apply(self, batch: Sequence[Any]) -> Any:
            noted.append("apply")
            writes.update(write.name for write in batch)
            return self._port.apply(batch)

    due = world.build(store=Noting(world.table, noted)).schedule_runner
    assert due.run(world.clock.now_ms() + MINUTE_MS).planned == len(names)
    assert writes == {
        "commit_plan": len(names),
        "enter_fire": fires * len(names),
        "submit": fires * len(names),
        "advance": len(names),
    }
    shards = world.app.settings.shards
    # A query for each partition of the due index; a read and four rounds of writes for each page of schedules.
    assert Counter(noted) == {"query_due": shards, "get": 1, "apply": 4}


def test_a_schedule_that_is_gone_while_the_index_still_shows_it_holds_up_no_other() -> None:
    """The index lags behind the table."""
    world = World()
    put(world.app)
    world.app.schedules.put(TENANT, "gone", definition())
    del world.table.rows[schedule_key(TENANT, "gone")]
    world.pass_time(120)
    assert len(world.ran) > 10
    assert world.app.bulkhead.take() == {}
