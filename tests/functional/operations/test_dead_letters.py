"""Dead jobs: grouped by what went wrong, and redriven in bulk."""

from collections import Counter

import pytest

from tests.builders.dead_letters import ONCE, dead_jobs
from tests.builders.world import TENANT, World
from whendue.operations.listing import JobFilter

ALL = JobFilter()


def test_dead_letters_are_grouped_by_what_went_wrong() -> None:
    """A thousand dead jobs are rarely a thousand problems."""
    world = World()
    dead_jobs(world, 5)
    groups = world.app.dead_letters.groups(TENANT, ALL, None)
    assert [(group.count, group.error_type) for group in groups.groups] == [(5, "RuntimeError"), (2, "KeyError")]
    assert groups.jobs == 7
    assert world.app.dead_letters.groups("other", ALL, None).groups == []


def test_counts_are_exact_and_say_when_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call counts a bounded number of jobs, the last to end first."""
    monkeypatch.setattr("whendue.operations.dead_letters.DEAD_LETTERS_COUNTED", 8)
    monkeypatch.setattr("whendue.operations.dead_letters.LIST_ENTRIES_AT_ONCE", 2)
    world = World()
    dead_jobs(world, 18)
    counted, cursor, calls = Counter[str](), None, 0
    while calls == 0 or cursor:
        found = world.app.dead_letters.groups(TENANT, ALL, cursor)
        assert sum(group.count for group in found.groups) == found.jobs
        counted += Counter({group.error_type: group.count for group in found.groups})
        cursor, calls = found.cursor, calls + 1
    assert counted == {"RuntimeError": 18, "KeyError": 2}
    assert calls > 1


def test_what_runs_again_or_is_over_is_not_counted() -> None:
    """Nor what has been erased."""
    world = World()
    jobs = dead_jobs(world, 5)
    world.app.control.redrive(TENANT, jobs[0].id, 3_600_000)
    world.app.erasing.erase(TENANT, jobs[1].id, None)
    assert world.app.dead_letters.groups(TENANT, JobFilter(type="bad"), None).jobs == 3
    world.clock.advance(7 * 86_400 + 2)
    assert world.app.dead_letters.groups(TENANT, ALL, None).jobs == 0


def test_groups_are_filtered_by_type_and_priority() -> None:
    """By what the entries carry."""
    world = World()
    for queue in ("high", "low", "low"):
        world.submit("bad", policy=ONCE, queue=queue)
    world.work()
    groups = world.app.dead_letters.groups
    assert [groups(TENANT, JobFilter(queue=queue), None).jobs for queue in ("high", "low", "normal")] == [1, 2, 0]
    assert [groups(TENANT, JobFilter(type=kind), None).jobs for kind in ("bad", "ok")] == [3, 0]


def test_a_group_whose_last_job_cannot_be_read_keeps_its_count() -> None:
    """One damaged job hides no others; the log says which it is."""
    world = World()
    jobs = dead_jobs(world, 5)
    last = max(jobs, key=lambda job: (world.table.rows[job.key]["check_at"], job.key))
    world.table.rows[last.key]["state"] = "odd"
    groups = world.app.dead_letters.groups(TENANT, JobFilter(type="bad"), None).groups
    assert [(group.count, group.error_type) for group in groups] == [(5, "")]
    assert [error["item"].split()[0] for error in world.app.bulkhead.take()["isolated"]] == [last.key.pk]
