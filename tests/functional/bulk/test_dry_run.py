"""Dry runs: what they count, what they say of what could not be changed, and of what they have not counted."""

from typing import Any

import pytest

from tests.builders.bulk import ALL, UNKNOWN, dead_jobs
from tests.builders.world import TENANT, World
from whendue.bulk.dry_run import Counted
from whendue.bulk.model import Action
from whendue.bulk.service import Asked
from whendue.table.writes import Write


def counted(world: World, action: Action, **more: Any) -> Counted:
    return world.app.bulk.dry_run(TENANT, Asked(action, "ada", **more))[1]


def test_a_dry_run_counts_and_changes_nothing() -> None:
    """And names some."""
    world = World()
    jobs = dead_jobs(world, 5)
    before = world.table.items()
    found = counted(world, Action.REDRIVE, wanted=ALL)
    assert (found.matched, found.is_exact, sorted(found.examples)) == (5, True, sorted(job.id for job in jobs))
    assert (found.passed_ms, found.failures) == (None, [])
    assert world.table.items() == before


def test_a_limit_leaves_jobs_that_are_not_counted() -> None:
    """So the number is not exact, unless no more match."""
    world = World()
    jobs = dead_jobs(world, 5)
    some = counted(world, Action.REDRIVE, wanted=ALL, limit=3)
    assert (some.matched, some.is_exact) == (3, False)
    named = counted(world, Action.REDRIVE, ids=[job.id for job in jobs], limit=3)
    assert (named.matched, named.is_exact) == (3, False)
    every = counted(world, Action.REDRIVE, wanted=ALL, limit=9)
    assert (every.matched, every.is_exact) == (5, True)


def test_ids_that_could_not_be_changed_do_not_match() -> None:
    """Not there, another action's, unreadable: each is a failure, as it would be of the operation."""
    world = World()
    [dead] = dead_jobs(world, 1)
    live, odd = world.submit("ok", delay_s=3600), world.submit("ok", delay_s=3600)
    world.table.apply([Write("odd", odd.key, (), {"state": "x"})])
    ids = [dead.id, live.id, odd.id, UNKNOWN]
    for action, matching in ((Action.CANCEL, live), (Action.REDRIVE, dead), (Action.DELETE, dead)):
        found = counted(world, action, ids=ids)
        assert (found.matched, found.examples, found.is_exact) == (1, [matching.id], True)
        codes = {failure.id: failure.code for failure in found.failures}
        other = dead if matching is live else live
        assert codes == {other.id: "state_conflict", odd.id: "unreadable", UNKNOWN: "job_not_found"}
        begun = world.build().bulk.begin(TENANT, Asked(action, "ada", ids=[UNKNOWN, odd.id]))
        assert begun.counts.failed == 2


def test_jobs_of_a_filter_that_could_not_be_changed_do_not_match() -> None:
    """A due time beyond the horizon is each one's failure."""
    world = World()
    job = world.submit("ok", delay_s=3600)
    found = counted(world, Action.RESCHEDULE, wanted=ALL, due_at=10**14)
    assert (found.matched, [failure.id for failure in found.failures]) == (0, [job.id])


def test_what_it_does_not_read_may_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says down to which time it has counted."""
    world = World()
    jobs = []
    for _ in range(5):
        jobs.append(world.submit("ok", delay_s=86_400))
        world.clock.advance(1)
    monkeypatch.setattr("whendue.bulk.dry_run.DRY_RUN_PAGES", 1)
    monkeypatch.setattr("whendue.bulk.dry_run.LIST_READS", 2)
    part = counted(world, Action.CANCEL, wanted=ALL)
    assert (part.matched, part.is_exact, part.passed_ms) == (2, False, jobs[2].created_at)
