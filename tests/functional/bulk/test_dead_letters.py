"""The bulk redrive of dead jobs: filter, dry run, limit and rate of each request, which is an operation."""

from tests.builders.dead_letters import ONCE, dead_jobs
from tests.builders.world import TENANT, World
from whendue.bulk.dead_letters import Redriven
from whendue.bulk.model import Action, OperationState
from whendue.jobs.model import State
from whendue.operations.listing import JobFilter
from whendue.settings import QUEUES

ALL = JobFilter()


def test_a_bulk_redrive_has_filter_dry_run_limit_and_rate() -> None:
    """An operator looks first, then mends one kind of failure, at a pace that what was broken can bear."""
    world = World()
    jobs = dead_jobs(world, 5)
    letters = world.app.dead_letter_redrive
    wanted = JobFilter(type="bad")

    def redrive(*, dry_run: bool, limit: int = 100, rate_per_s: float | None = None, cursor: str | None = None):  # type: ignore[no-untyped-def]
        return letters.redrive(
            TENANT, wanted, dry_run=dry_run, rate_per_s=rate_per_s, limit=limit, cursor=cursor, by="ada"
        )

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
    redriven = world.app.dead_letter_redrive.redrive(
        TENANT, ALL, dry_run=False, rate_per_s=None, limit=10, cursor=None, by="ada"
    )
    assert len(redriven.redriven) == 3
    assert {queue: world.queues.pending(queue) for queue in QUEUES} == {"critical": 0, "high": 1, "normal": 0, "low": 2}


def redrive(world: World, limit: int = 100) -> Redriven:
    return world.app.dead_letter_redrive.redrive(
        TENANT, ALL, dry_run=False, rate_per_s=None, limit=limit, cursor=None, by="ada"
    )


def test_each_request_is_an_operation_that_has_finished() -> None:
    """So that history names it, and it can be undone."""
    world = World()
    jobs = dead_jobs(world, 3)
    done = redrive(world, limit=4)
    assert len(done.redriven) == 4
    operation = world.app.bulk.get(TENANT, done.operation or "")
    assert (operation.action, operation.state, operation.counts.changed) == (Action.REDRIVE, OperationState.FINISHED, 4)
    assert sum(world.job(job).state is State.DEAD for job in jobs) == 1
