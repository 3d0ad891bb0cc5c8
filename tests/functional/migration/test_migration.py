"""The upgrade of a table of the version before: in pieces, from where it stopped, while jobs run and change."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.jobs import claimed
from tests.builders.world import TENANT, World
from whendue.engine.ports import Item, WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, State, from_item
from whendue.migration.migrated import migrated
from whendue.migration.migration import Migration, MigrationProgress
from whendue.operations.listing import JobFilter
from whendue.operations.migration_state import MigrationState
from whendue.table.index import Index
from whendue.table.keys import MIGRATION_KEY, Key, dead_tenant_key
from whendue.table.writes import REMOVE, Write

ALL = JobFilter()
ONCE = {"max_attempts": 1}
FINISHED = ("done", "bad", "cancelled")


def as_before(item: Item) -> dict[str, Any]:
    """Return the changes that make a job's item what the version before wrote."""
    job = from_item(item)
    changes: dict[str, Any] = dict.fromkeys(("tenant_pk", "fingerprint", "live_shard"), REMOVE)
    if job.terminal and job.pending_fan_out is None:
        changes |= {
            "due_pk": f"done#{job.listed_under}#{job.state}#2027-01-15#{job.shard}",
            "check_at": job.finished_at,
        }
    return changes


@pytest.fixture
def old() -> tuple[World, dict[str, Job]]:
    return old_table()


def old_table() -> tuple[World, dict[str, Job]]:
    """Make a table of the version before: a job in each state that lasts."""
    world = World()
    jobs = {
        # Its payload is an item of its own.
        "done": world.submit(payload={"x": "y" * 5000}, tags={"team": "a"}),
        "bad": world.submit("bad", policy=ONCE),
        "cancelled": world.submit(delay_s=1000),
    }
    world.clock.advance(5)
    world.work()
    world.app.control.cancel(TENANT, jobs["cancelled"].id)
    jobs["delayed"] = world.submit(delay_s=1000)
    jobs["queued"] = world.submit()
    jobs["running"] = world.submit()
    claimed(world, jobs["running"])
    table = world.table
    table.apply([Write("before", key, [], as_before(item)) for key, item in table.items().items() if key.sk == "job"])
    # Another job depends on it: it is kept for longer.
    table.rows[jobs["bad"].key]["expires_at"] += 1000
    table.rows.pop(MIGRATION_KEY)
    table.rows.pop(dead_tenant_key(TENANT))
    world.app = world.build()
    return world, jobs


def listed(world: World, wanted: JobFilter = ALL) -> set[str]:
    return {job.id for job in world.app.listing.page("jobs", TENANT, wanted, 100, None).jobs}


def migrate(world: World, at_once: int = 100) -> list[MigrationProgress]:
    done: list[MigrationProgress] = []
    Migration(world.app.runtime, at_once).run(1_000_000, done.append)
    return done


def test_until_it_has_finished_a_list_says_that_it_is_not_complete(old: tuple[World, dict[str, Job]]) -> None:
    """A list that lacks jobs and does not say so is wrong."""
    world, jobs = old
    new = world.submit()
    page = world.app.listing.page("jobs", TENANT, ALL, 100, None)
    assert ([job.id for job in page.jobs], page.is_complete) == ([new.id], False)
    assert not world.app.dead_letters.groups(TENANT, ALL, None).is_complete
    migrate(world)
    assert listed(world) == {new.id, *(job.id for job in jobs.values())}
    assert world.app.listing.page("jobs", TENANT, ALL, 100, None).is_complete
    groups = world.app.dead_letters.groups(TENANT, ALL, None)
    assert ([group.count for group in groups.groups], groups.is_complete) == ([1], True)


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_all_jobs_are_listed_as_this_version_lists_them(old: tuple[World, dict[str, Job]], at_once: int) -> None:
    """Finished ones leave the due index, dead ones are counted by their error, live ones keep their checks."""
    world, jobs = old
    before = {name: world.job(job) for name, job in jobs.items()}
    migrate(world, at_once)
    after = {name: world.job(job) for name, job in jobs.items()}
    for name in ("done", "cancelled"):
        assert (after[name].check_at, after[name].due_pk) == (None, f"live#normal#{before[name].shard}")
    dead = after["bad"]
    assert dead.due_pk.startswith("dead#acme#")
    assert dead.last
    assert (dead.check_at, dead.fingerprint) == (before["bad"].finished_at, dead.last.fingerprint)
    assert dead.shard == before["bad"].shard
    for name, job in after.items():
        assert job.expires_at == before[name].expires_at
        if name not in FINISHED:
            assert (job.due_pk, job.check_at) == (before[name].due_pk, before[name].check_at)
    assert listed(world, JobFilter(tags=(("team", "a"),))) == {jobs["done"].id}
    due = {entry.key for entries in world.table.indexes[Index.DUE].values() for entry in entries}
    assert not due & {jobs["done"].key, jobs["cancelled"].key}


def test_jobs_run_on_and_change_while_it_goes(old: tuple[World, dict[str, Job]]) -> None:
    """One piece, one item at a time, and all that jobs do between them."""
    world, jobs = old
    migration = Migration(world.app.runtime, at_once=1)
    between: list[Callable[[], object]] = [
        lambda: world.app.control.redrive(TENANT, jobs["bad"].id),
        lambda: world.app.control.redrive(TENANT, jobs["cancelled"].id),
        world.work,
        lambda: world.pass_time(150),
        lambda: world.app.control.reschedule(TENANT, jobs["delayed"].id, None, "high"),
        lambda: world.pass_time(1000),
    ]
    for number in range(200):
        if migration.step().finished:
            break
        if number < len(between):
            between[number]()
    world.pass_time(1200, step_s=5)
    states = {name: world.job(job).state for name, job in jobs.items()}
    assert states == {name: State.DEAD if name == "bad" else State.SUCCEEDED for name in jobs}
    assert listed(world) == {job.id for job in jobs.values()}
    assert all(not world.job(job).due_pk.startswith("done#") for job in jobs.values())


def test_a_job_that_changes_between_read_and_write_is_read_again(old: tuple[World, dict[str, Job]]) -> None:
    """A redrive comes first: the job runs again, and is listed."""
    world, jobs = old
    waiting = [jobs["bad"]]
    real = world.table.apply

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        if writes[0].name == "migrate" and waiting:
            world.app.control.redrive(TENANT, waiting.pop().id)
        return real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    Migration(app.runtime).run(1_000_000, lambda _: None)
    job = world.job(jobs["bad"])
    assert (job.state, job.due_pk) == (State.PENDING, f"live#normal#{job.shard}")
    assert job.id in listed(world)


def test_a_job_that_an_earlier_version_runs_again_meanwhile_is_read_again(old: tuple[World, dict[str, Job]]) -> None:
    """It has died anew under the same day's entry: listed is its last failure."""
    world, jobs = old
    real, key = world.table.apply, jobs["bad"].key
    again = [{"generation": jobs["bad"].generation + 1}]

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        if writes[0].name == "migrate" and again:
            world.table.rows[key].update(finished_at=world.clock.now_ms() + 7, **again.pop())
        return real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    Migration(app.runtime).run(1_000_000, lambda _: None)
    assert world.job(jobs["bad"]).check_at == world.clock.now_ms() + 7


def test_a_job_that_is_erased_meanwhile_stays_erased(old: tuple[World, dict[str, Job]]) -> None:
    """No item comes back, and that is no error."""
    world, jobs = old
    real = world.table.apply

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        if writes[0].name == "migrate":
            for name in ("bad", "delayed"):
                world.table.rows.pop(jobs[name].key, None)
        return real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    Migration(app.runtime).run(1_000_000, lambda _: None)
    assert world.table.get([jobs["bad"].key, jobs["delayed"].key]) == [None, None]
    assert app.bulkhead.take() == {}


def test_a_dead_job_without_the_time_of_its_end_is_listed_at_its_creation(old: tuple[World, dict[str, Job]]) -> None:
    """Any time is better than none."""
    world, jobs = old
    world.table.rows[jobs["bad"].key].pop("finished_at")
    migrate(world)
    assert world.job(jobs["bad"]).check_at == jobs["bad"].created_at


def test_tenants_with_dead_jobs_are_noted(old: tuple[World, dict[str, Job]]) -> None:
    """Operators find the dead letters of the version before."""
    world, _ = old
    assert world.app.dead_letters.by_tenant(ALL, None).tenants == []
    migrate(world, at_once=2)
    [found] = world.app.dead_letters.by_tenant(ALL, None).tenants
    assert (found.tenant, found.jobs) == (TENANT, 1)


def test_it_reads_no_faster_than_asked(old: tuple[World, dict[str, Job]]) -> None:
    """Each piece takes its time, what the table takes of it included."""
    world, _ = old
    done: list[MigrationProgress] = []
    slept = sleeps_of(world, world.table, done.append)
    assert len(slept) > 2
    assert slept == [pytest.approx(progress.read / 10) for progress in done if progress.read]


def sleeps_of(world: World, store: Any, note: Callable[[MigrationProgress], None]) -> list[float]:
    """Upgrade at ten items a second, two in a piece; return how long it slept, s."""
    slept: list[float] = []
    runtime = world.build(store=store).runtime
    clock = replace(runtime.clock, sleep=slept.append)
    Migration(replace(runtime, clock=clock), 2).run(10, note)
    return slept


def test_a_table_that_is_slower_than_asked_is_not_waited_for(old: tuple[World, dict[str, Job]]) -> None:
    """Its time is longer than that of the piece."""
    world, _ = old

    def scan(*arguments: Any) -> Any:
        world.clock.advance(1)
        return world.table.scan(*arguments)

    assert sleeps_of(world, Refusing(world.table, "scan", scan), lambda _: None) == []


@pytest.mark.parametrize("ahead", [1, 2, 100])
def test_a_migration_that_was_frozen_does_not_put_another_ones_mark_back(ahead: int) -> None:
    """Wherever it was frozen, before it stores how far it is."""
    for frozen_at in range(len(old_table()[0].table.rows)):
        world, _ = old_table()
        seen = _mark_behind_a_frozen_one(world, frozen_at, ahead)
        assert world.table.rows[MIGRATION_KEY] == seen


def _mark_behind_a_frozen_one(world: World, frozen_at: int, ahead: int) -> dict[str, Any]:
    """Let one migration overtake another before its n-th mark; return the mark as the first one leaves it."""
    real, marks = world.table.apply, [frozen_at]
    seen: dict[str, Any] = {}

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        if writes[0].name == "mark_migration":
            marks[0] -= 1
            if marks[0] == -1:
                overtaking = Migration(world.app.runtime, 1)
                for _ in range(1 + ahead):
                    overtaking.step()
                seen.update(world.table.rows[MIGRATION_KEY])
        return real(writes)

    frozen = Migration(world.build(store=Refusing(world.table, "apply", apply)).runtime, 1)
    for _ in range(1 + frozen_at):
        frozen.step()
    return seen


def test_it_goes_on_where_it_was_stopped(old: tuple[World, dict[str, Job]]) -> None:
    """The table refused; nothing is marked that is not done."""
    world, jobs = old
    real, left = world.table.apply, [3]

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        left[0] -= 1
        return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes) if left[0] == 0 else real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    with pytest.raises(UnavailableError):
        Migration(app.runtime, at_once=2).run(1_000_000, lambda _: None)
    assert not MigrationState(world.table).has_finished()
    done = migrate(world, at_once=2)
    assert done[-1].finished
    assert sum(progress.read for progress in done) < len(world.table.rows) + 1
    assert listed(world) == {job.id for job in jobs.values()}
    assert migrate(world) == [MigrationProgress(0, 0, finished=True)]


def test_two_at_once_end_with_everything_done(old: tuple[World, dict[str, Job]]) -> None:
    """The slower one's mark is refused, or repeats what is done already."""
    world, jobs = old
    first, second = (Migration(world.app.runtime, at_once=2) for _ in range(2))
    ended = False
    while not ended:
        ended = first.step().finished or second.step().finished
    assert listed(world) == {job.id for job in jobs.values()}


def test_what_cannot_be_read_is_left_and_noted(old: tuple[World, dict[str, Job]]) -> None:
    """It stops no other."""
    world, jobs = old
    world.table.rows[jobs["done"].key]["state"] = "odd"
    migrate(world)
    assert [error["stage"] for error in world.app.bulkhead.take()["isolated"]] == ["migrate"]
    assert listed(world) == {job.id for job in jobs.values()} - {jobs["done"].id}


def test_what_belongs_to_jobs_is_passed_by(old: tuple[World, dict[str, Job]]) -> None:
    """It is no job, and no error."""
    world, jobs = old
    assert {key.sk for key in world.table.rows if key.pk == jobs["done"].key.pk} > {"job"}
    migrate(world)
    assert world.app.bulkhead.take() == {}


def test_a_job_of_this_version_needs_nothing() -> None:
    """Run again, it writes nothing."""
    world = World()
    job = world.submit()
    [item] = world.table.get([job.key])
    assert item
    assert migrated(job, item) is None


def test_the_mark_is_one_item() -> None:
    """Operators may look at it."""
    assert Key("TABLE", "migration") == MIGRATION_KEY
