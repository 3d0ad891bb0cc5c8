"""The jobs behind entries of the due index, which lags: what is gone or has moved on is none."""

from tests.builders.world import World
from whendue.engine.ports import DueEntry
from whendue.jobs.model import Job
from whendue.table.writes import delete
from whendue.timer.current_jobs import current_jobs


def entry_of(job: Job) -> DueEntry:
    return DueEntry(job.check_at or 0, *job.key, job.due_at)


def test_a_job_that_is_gone_or_has_moved_on_is_none_and_no_error() -> None:
    """The index shows it for a while longer."""
    world = World()
    current, gone, moved = (world.submit(delay_s=3600) for _ in range(3))
    entries = [entry_of(current), entry_of(gone), entry_of(moved)]
    world.table.apply([delete("erase", gone.key)])
    world.app.control.reschedule("acme", moved.id, moved.due_at + 1000, None)
    jobs = (current, gone, moved)
    found = [current_jobs(world.app.runtime, job.due_pk, [entry])[0] for job, entry in zip(jobs, entries, strict=True)]
    assert [job and job.id for job in found] == [current.id, None, None]
    assert current_jobs(world.app.runtime, f"{current.due_pk}-another", entries[:1]) == [None]
    assert world.app.bulkhead.take() == {}
