"""Lists of jobs: each job once across pages and days, filters, and cursors."""

import pytest

from tests.builders.jobs import claimed
from tests.builders.world import TENANT, World
from whendue.errors import InvalidCursorError, JobNotFoundError
from whendue.operations.listing import JobFilter
from whendue.submission.request import JobRequest

ALL = JobFilter()
ONCE = {"max_attempts": 1}


def pages(world: World, wanted: JobFilter, limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page = world.app.listing.page("jobs", TENANT, wanted, limit, cursor)
        found.append([job.id for job in page.jobs])
        if (cursor := page.cursor) is None:
            return found


def test_a_list_shows_each_job_once_across_pages_and_days() -> None:
    """The newest first, whatever has become of them."""
    world = World()
    finished = []
    for _ in range(3):
        finished += [world.submit() for _ in range(4)]
        world.work()
        world.clock.advance(86_400)
    waiting = [world.submit(delay_s=1000 + n) for n in range(5)]
    world.app.submit.many("other", [JobRequest("ok", {}) for _ in range(20)])
    for limit in (1, 3, 100):
        ids = [job_id for page in pages(world, ALL, limit) for job_id in page]
        assert len(ids) == len(set(ids)) == 17
        assert set(ids[:5]) == {job.id for job in waiting}
        assert set(ids[5:9]) == {job.id for job in finished[8:]}
        assert set(ids[13:]) == {job.id for job in finished[:4]}


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (JobFilter(state="scheduled"), 1),
        (JobFilter(state="queued"), 2),
        (JobFilter(state="running"), 1),
        (JobFilter(state="dead"), 1),
        (JobFilter(state="succeeded"), 2),
        (JobFilter(state="cancelled"), 1),
        (JobFilter(type="bad"), 1),
        (JobFilter(queue="high"), 2),
        (JobFilter(state="queued", queue="high"), 1),
        (ALL, 8),
    ],
)
def test_lists_filter_by_state_type_and_priority(wanted: JobFilter, count: int) -> None:
    """Each shown state can be asked for."""
    world = World()
    world.submit(queue="high")
    world.submit()
    world.submit("bad", policy=ONCE)
    world.work()
    world.submit(delay_s=100)
    world.submit()
    world.submit(queue="high")
    claimed(world, world.submit())
    world.app.control.cancel(TENANT, world.submit(delay_s=9).id)
    assert sum(len(page) for page in pages(world, wanted, 2)) == count


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "W10", "bm90IGpzb24", "eyJhIjoxfQ", "é"])
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    """Also one that is someone else's, or of another filter."""
    world = World()
    for _ in range(3):
        world.submit()
    good = world.app.listing.page("jobs", TENANT, ALL, 1, None).cursor
    assert good is not None
    for tenant, wanted, bad in (
        (TENANT, ALL, cursor or "?"),
        ("other", ALL, good),
        (TENANT, JobFilter(type="ok"), good),
    ):
        with pytest.raises(InvalidCursorError):
            world.app.listing.page("jobs", tenant, wanted, 1, bad)


def test_a_job_past_its_retention_is_gone_even_before_dynamodb_sweeps_it() -> None:
    """TTL deletes within days; users should not see the difference."""
    world = World()
    job = world.submit()
    world.work()
    world.clock.advance(7 * 86_400 + 2)
    with pytest.raises(JobNotFoundError):
        world.view(job)
    assert world.app.listing.page("jobs", TENANT, ALL, 10, None).jobs == []
