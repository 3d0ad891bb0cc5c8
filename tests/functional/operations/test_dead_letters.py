"""Dead jobs: grouped by what went wrong, and redriven in bulk."""

from tests.builders.world import TENANT, World
from whendue.jobs.model import Job, State
from whendue.operations.listing import JobFilter
from whendue.settings import QUEUES

ALL = JobFilter()
ONCE = {"max_attempts": 1}


def dead_jobs(world: World, count: int) -> list[Job]:
    jobs = [world.submit("bad", policy=ONCE) for _ in range(count)]
    world.task("worse", lambda payload, ctx: dict[str, str]()["missing"])
    jobs += [world.submit("worse", policy=ONCE) for _ in range(2)]
    world.work()
    return jobs


def test_dead_letters_are_grouped_by_what_went_wrong() -> None:
    """A thousand dead jobs are rarely a thousand problems."""
    world = World()
    dead_jobs(world, 5)
    groups = world.app.dead_letters.groups(TENANT, ALL, None)
    assert [(group.count, group.error_type) for group in groups.groups] == [(5, "RuntimeError"), (2, "KeyError")]
    assert groups.jobs == 7
    assert world.app.dead_letters.groups("other", ALL, None).groups == []


def test_a_bulk_redrive_has_filter_dry_run_limit_and_rate() -> None:
    """An operator looks first, then mends one kind of failure, at a pace that what was broken can bear."""
    world = World()
    jobs = dead_jobs(world, 5)
    letters = world.app.dead_letters
    wanted = JobFilter(type="bad")

    def redrive(*, dry_run: bool, limit: int = 100, rate_per_s: float | None = None, cursor: str | None = None):  # type: ignore[no-untyped-def]
        return letters.redrive(TENANT, wanted, dry_run=dry_run, rate_per_s=rate_per_s, limit=limit, cursor=cursor)

    assert redrive(dry_run=True).matched == 5
    assert all(world.job(job).state is State.DEAD for job in jobs)
    first = redrive(dry_run=False, limit=2, rate_per_s=0.1)
    assert len(first.redriven) == 2
    due = sorted(world.job(job).due_at for job in jobs if job.id in first.redriven)
    assert due[1] - due[0] == 10_000
    rest = redrive(dry_run=False, cursor=first.cursor)
    assert len(rest.redriven) == 3
    world.pass_time(20)
    assert [world.job(job).generation for job in jobs] == [2] * 5 + [1] * 2


def test_a_bulk_redrive_puts_each_job_into_its_own_queue_once() -> None:
    """Each keeps its priority, and no other queue hears of it (G11)."""
    world = World()
    for queue in ("high", "low", "low"):
        world.submit("bad", policy=ONCE, queue=queue)
    world.work()
    redriven = world.app.dead_letters.redrive(TENANT, ALL, dry_run=False, rate_per_s=None, limit=10, cursor=None)
    assert len(redriven.redriven) == 3
    assert {queue: world.queues.pending(queue) for queue in QUEUES} == {"critical": 0, "high": 1, "normal": 0, "low": 2}
