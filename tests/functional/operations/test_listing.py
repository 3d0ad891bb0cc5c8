"""Lists of jobs: each job once across pages and days, filters, and cursors."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.jobs import claimed
from tests.builders.world import TENANT, World
from whendue.errors import InvalidCursorError, InvalidRequestError, JobNotFoundError
from whendue.jobs.model import from_item
from whendue.operations.listing import JobFilter
from whendue.submission.request import JobRequest
from whendue.table.index import IndexPage, IndexQuery
from whendue.table.keys import job_key
from whendue.table.writes import Write

ALL = JobFilter()
ONCE = {"max_attempts": 1}
# Where the clock of a world starts.
START_MS = World().clock.now_ms()
Looked = Callable[[World, JobFilter], tuple[int, int]]


def pages(world: World, wanted: JobFilter, limit: int, *, oldest_first: bool = False) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page = world.app.listing.page("jobs", TENANT, wanted, limit, cursor, oldest_first=oldest_first)
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


def test_a_list_reads_on_where_a_filter_leaves_most_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is short when it has read its share; the next ones find the rest, each job once."""
    monkeypatch.setattr("whendue.operations.listing.LIST_READS", 7)
    world = World()
    jobs = [world.submit(delay_s=1000) for _ in range(30)]
    world.work()
    for job in (jobs[3], jobs[17], jobs[29]):
        world.app.control.cancel(TENANT, job.id)
    found = pages(world, JobFilter(state="cancelled"), 2)
    assert len(found) > 4
    assert {job_id for page in found for job_id in page} == {jobs[n].id for n in (3, 17, 29)}
    assert sum(map(len, found)) == 3


COMBINED: dict[str, JobFilter] = {
    "a tag": JobFilter(tags=(("team", "a"),)),
    "a tag that no job has": JobFilter(tags=(("team", "z"),)),
    "two tags": JobFilter(tags=(("team", "a"), ("size", "1"))),
    "a tag and a type": JobFilter(type="bad", tags=(("team", "b"),)),
    "a tag and a state": JobFilter(state="succeeded", tags=(("team", "a"),)),
    "a tag of dead ones": JobFilter(state="dead", tags=(("size", "1"),)),
    "a tag and a priority": JobFilter(queue="high", tags=(("team", "a"),)),
    "a schedule": JobFilter(schedule="nightly"),
    "from a time": JobFilter(created_from=START_MS + 5000),
    "until a time": JobFilter(created_until=START_MS + 5000),
    "dead ones of a time": JobFilter(state="dead", created_from=START_MS + 2000, created_until=START_MS + 8000),
    "from an end": JobFilter(finished_from=START_MS + 5000),
    "until an end": JobFilter(finished_until=START_MS + 5000),
    "dead by end": JobFilter(state="dead", finished_from=START_MS + 2000, finished_until=START_MS + 8000),
    "an end and a tag": JobFilter(tags=(("team", "a"),), finished_from=START_MS + 2000, finished_until=START_MS + 8000),
    "a fingerprint": JobFilter(fingerprint="?"),
    "a fingerprint of dead ones with a tag": JobFilter(state="dead", fingerprint="?", tags=(("size", "1"),)),
    "everything": JobFilter(
        "succeeded", "ok", "high", None, None, (("team", "a"),), None, None, 0, START_MS + 9000, 0, START_MS + 9999
    ),
}


@pytest.mark.parametrize("name", COMBINED)
@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_filters_in_any_combination_list_what_matches(
    many: World, name: str, limit: int, *, oldest_first: bool
) -> None:
    """Whichever index is read, and whatever of them it can filter by; none twice."""
    wanted, now_ms = COMBINED[name], many.clock.now_ms()
    jobs = [from_item(item) for key, item in many.table.items().items() if key.sk == "job" and item["tenant"] == TENANT]
    if wanted.fingerprint:
        wanted = replace(wanted, fingerprint=next(job.last.fingerprint for job in jobs if job.last))
    expected = [job for job in jobs if wanted.wants(job, now_ms)]
    found = [job_id for page in pages(many, wanted, limit, oldest_first=oldest_first) for job_id in page]
    assert sorted(found) == sorted(job.id for job in expected)
    by_id = {job.id: job for job in jobs}
    times = [by_id[job_id].check_at if wanted.state == "dead" else by_id[job_id].created_at for job_id in found]
    assert times == sorted(times, key=lambda at_ms: at_ms or 0, reverse=not oldest_first)
    assert expected or name == "a tag that no job has"


@pytest.fixture(scope="module")
def many() -> World:
    """Jobs with different tags, types, priorities and ends, one in each second; and another tenant's."""
    world = World()
    for n in range(12):
        tags = {"team": "ab"[n % 2], "size": str(n % 3)}
        kind = "bad" if n % 3 == 1 else "ok"
        world.submit(kind, policy=ONCE, tags=tags, queue="high" if n % 4 == 0 else "normal")
        world.app.submit.many("other", [JobRequest(kind, {}, tags=tags)])
        if n % 5:
            world.work()
        world.clock.advance(1)
    scheduled = world.submit(delay_s=100, tags={"team": "a"})
    world.table.apply([Write("schedule", scheduled.key, (), {"schedule": "nightly"})])
    return world


def test_the_members_of_a_workflow_are_listed_by_its_id() -> None:
    """Its nodes, and no other job."""
    world = World()
    client = Client(api_of(world), a_token())
    workflow = client.send("POST", "/workflows", {"nodes": {"a": {"type": "ok"}, "b": {"type": "ok"}}}).json
    client.submit()
    world.pass_time(5)
    jobs = client.send("GET", "/jobs", workflow=workflow["id"]).json["items"]
    assert {(job["parentId"], job["type"]) for job in jobs} == {(workflow["id"], "ok")}
    assert len(jobs) == 2


def test_a_range_without_a_time_is_refused() -> None:
    """Rather than answered with nothing."""
    with pytest.raises(InvalidRequestError, match="createdBefore"):
        World().app.listing.page("jobs", TENANT, JobFilter(created_from=9, created_until=8), 1, None)


def test_a_range_of_ends_without_a_time_is_refused() -> None:
    """As one of creations."""
    with pytest.raises(InvalidRequestError, match="finishedBefore"):
        World().app.listing.page("jobs", TENANT, JobFilter(finished_from=9, finished_until=8), 1, None)


@pytest.mark.parametrize("state", ["scheduled", "queued", "waiting", "running"])
def test_what_has_not_ended_has_no_end_and_nothing_is_read(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No job can match."""
    world = World()
    world.submit()
    monkeypatch.setattr(world.table, "query_newest", None)
    page = world.app.listing.page("jobs", TENANT, JobFilter(state, finished_from=0), 9, None)
    assert (page.jobs, page.cursor) == ([], None)


def test_a_list_from_the_oldest_on_ends_where_it_began() -> None:
    """On a tenant that submits all the time, and of jobs that die again meanwhile."""
    world = World()
    jobs = [world.submit("bad", policy=ONCE) for _ in range(4)]
    world.work()
    wanted, found, cursor = JobFilter(state="dead"), list[str](), None
    while not found or cursor:
        page = world.app.listing.page("jobs", TENANT, wanted, 1, cursor, oldest_first=True)
        found += [job.id for job in page.jobs]
        cursor = page.cursor
        world.clock.advance(1)
        world.app.control.redrive(TENANT, found[-1])
        world.submit("bad", policy=ONCE)
        world.work()
    assert sorted(found) == sorted(job.id for job in jobs)


@pytest.fixture
def looked_at() -> Looked:
    """List all pages; return how many jobs they have, and how many entries of the index were looked at."""

    def listed(world: World, wanted: JobFilter) -> tuple[int, int]:
        entries = list[int]()
        real = world.table.query_newest

        def counted(queries: Sequence[IndexQuery]) -> list[IndexPage]:
            found = real(queries)
            entries.extend(page.looked_at for page in found)
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.table, "query_newest", counted)
            jobs = sum(map(len, pages(world, wanted, 10)))
        return jobs, sum(entries)

    return listed


def test_members_are_read_from_the_life_of_their_composite_job(looked_at: Looked) -> None:
    """Not from all that was created before and since."""
    world = World()
    client = Client(api_of(world), a_token())
    for _ in range(3):
        client.submit()
    world.clock.advance(3600)
    workflow = client.send("POST", "/workflows", {"nodes": {"a": {"type": "ok"}}}).json["id"]
    world.pass_time(5)
    world.clock.advance(3600)
    for _ in range(3):
        client.submit()
    assert looked_at(world, JobFilter(parent_id=workflow)) == (1, 2), "the workflow and its member"
    stranger = Client(api_of(world), a_token("other"))
    assert stranger.send("GET", "/jobs", workflow=workflow).json["items"] == []


def test_a_range_of_ends_bounds_creations_and_the_other_way_round(looked_at: Looked) -> None:
    """A job ends after it was created: what was created later has not ended before, and what died before is older."""
    world = World()
    times = []
    for _ in range(4):
        times.append(world.clock.now_ms())
        world.submit()
        world.submit("bad", policy=ONCE)
        world.work()
        world.clock.advance(3600)
    assert looked_at(world, JobFilter(finished_until=times[1])) == (4, 4)
    assert looked_at(world, JobFilter("dead", finished_until=times[1])) == (2, 2)
    assert looked_at(world, JobFilter("dead", created_from=times[2])) == (2, 2)
    assert looked_at(world, JobFilter("dead", created_from=times[1], finished_until=times[2])) == (2, 2)


def test_clocks_may_differ() -> None:
    """A member that was created before its composite job, and a job that ended before it was created, by the clocks."""
    world = World()
    client = Client(api_of(world), a_token())
    workflow = client.send("POST", "/workflows", {"nodes": {"a": {"type": "ok"}}}).json["id"]
    world.pass_time(5)
    [[member]] = pages(world, JobFilter(parent_id=workflow), 10)
    key = job_key(member)
    world.table.apply([Write("early", key, (), {"created_at": START_MS - 30_000})])
    assert pages(world, JobFilter(parent_id=workflow), 10) == [[member]]
    world.table.apply([Write("early", key, (), {"created_at": START_MS + 30_000, "finished_at": START_MS})])
    assert [member] in pages(world, JobFilter(finished_until=START_MS), 1)
