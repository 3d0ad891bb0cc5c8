"""The jobs behind entries of the due index, which lags: what is gone or has moved on is none."""

import pytest

from tests.builders.world import World
from whendue.engine.ports import DueEntry
from whendue.jobs.model import Job
from whendue.table.writes import delete
from whendue.timer.current_jobs import Found, current_jobs


def found_of(job: Job) -> Found:
    return Found(job.due_pk, DueEntry(job.check_at or 0, *job.key, job.due_at))


@pytest.mark.parametrize("field", ["due_at", "check_at", "scheduled_at", "created_at", "lease_until", "rescues"])
def test_a_job_whose_numbers_are_none_is_noted_and_stops_no_other(field: str) -> None:
    """They are sorted and compared with those of others."""
    world = World()
    odd, other = (world.submit(delay_s=3600) for _ in range(2))
    entries = [found_of(odd), found_of(other)]
    world.table.rows[odd.key][field] = "soon"
    found = current_jobs(world.app.runtime, entries)
    assert [job and job.id for job in found] == [None, other.id]
    assert world.app.bulkhead.take()["isolated_errors"] == 1


def test_a_job_that_is_gone_or_has_moved_on_is_none_and_no_error() -> None:
    """The index shows it for a while longer."""
    world = World()
    current, gone, moved = (world.submit(delay_s=3600) for _ in range(3))
    entries = [found_of(current), found_of(gone), found_of(moved)]
    world.table.apply([delete("erase", gone.key)])
    world.app.control.reschedule("acme", moved.id, moved.due_at + 1000, None)
    found = current_jobs(world.app.runtime, entries)
    assert [job and job.id for job in found] == [current.id, None, None]
    elsewhere = Found(f"{current.due_pk}-another", entries[0].entry)
    assert current_jobs(world.app.runtime, [elsewhere]) == [None]
    assert world.app.bulkhead.take() == {}
