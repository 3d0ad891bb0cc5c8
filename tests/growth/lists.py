"""What lists cost, by the number of jobs in the table: calls and read units of a page of 50, on the table in memory.

`measure(n)` makes n jobs of one tenant, a tenth of that of another, ten of a third, none of a fourth, and reads a page
of each list. `make growth` and the test beside it call it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from tests.builders.world import SETTINGS, World
from tests.growth.counting import CountingStore
from whendue.jobs.due_index import live_entry
from whendue.jobs.model import Job, Policy, State, evolve
from whendue.jobs.transition import archive
from whendue.jobs.transitions import submit
from whendue.operations.listing import JobFilter
from whendue.quotas import LIST_ENTRIES, LIST_PARTITIONS, LIST_READS, PAGE_DEFAULT
from whendue.table.ids import Ids
from whendue.table.keys import MIGRATION_KEY
from whendue.table.writes import insert

LARGE, SMALL, NEW, BUSY = "large", "small", "new", "busy"
SMALL_JOBS: Final = 10
# Of seven jobs of a tenant, this many are in each state.
MOSTLY_DONE: Final = (*[State.SUCCEEDED] * 4, State.DEAD, State.PENDING, State.RUNNING)
MOSTLY_RUNNING: Final = (*[State.RUNNING] * 4, *[State.SUCCEEDED] * 3)
TYPES: Final = ("email", "http", "report", "resize")
TEAMS: Final = ("billing", "sales", "support")
IDS: Final = Ids(b"k" * 32)
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class ListCost:
    """What one page has cost.

    Args:
        name: of the list.
        jobs: number of jobs in the table.
        found: number of jobs in the page.
        calls: requests to DynamoDB.
        units: read units.
        more: whether there is a cursor.
        calls_max, units_max: the most that the page may cost, however many jobs there are.
    """

    name: str
    jobs: int
    found: int
    calls: int
    units: float
    more: bool
    calls_max: int
    units_max: float

    @property
    def holds(self) -> bool:
        """Whether it costs no more than it may."""
        return self.calls <= self.calls_max and self.units <= self.units_max


@dataclass(frozen=True, slots=True)
class ListCase:
    """A list that is measured: whose, which jobs of it, and what a page of it may cost."""

    name: str
    tenant: str
    wanted: JobFilter
    calls_max: int
    units_max: float
    oldest_first: bool = False


def cases(created_ms: int, jobs: int) -> list[ListCase]:
    """Return the lists to measure: a filter on the state is rare if it leaves out most of a tenant's jobs.

    Args:
        created_ms: when the last job was created, ms UTC; one in each millisecond before.
        jobs: number of jobs in the table.
    """
    # Half a unit for each of what a rare filter may read, and the entries of those.
    rare = (LIST_PARTITIONS * 10 + LIST_READS // 50, 0.6 * LIST_READS)
    # Entries alone, 40 of which are a unit; a page looks at somewhat more than LIST_ENTRIES of several partitions.
    unread = (LIST_PARTITIONS * 10, 1.2 * LIST_ENTRIES // 40)
    middle = created_ms - jobs // 2
    return [
        ListCase("first page of a new tenant", NEW, JobFilter(), 5, 5),
        ListCase("ten jobs beside all others", SMALL, JobFilter(), 10, 12),
        ListCase("all", LARGE, JobFilter(), 10, 70),
        ListCase("state=succeeded", LARGE, JobFilter(state="succeeded"), 14, 70),
        ListCase("state=dead", LARGE, JobFilter(state="dead"), 10, 70),
        ListCase("state=running", BUSY, JobFilter(state="running"), 14, 70),
        ListCase("state=running (one of seven)", LARGE, JobFilter(state="running"), *rare),
        ListCase("state=cancelled (none)", LARGE, JobFilter(state="cancelled"), *rare),
        ListCase("by type", LARGE, JobFilter(type="report"), 14, 70),
        ListCase("by tag", LARGE, JobFilter(tags=(("team", "sales"),)), 14, 70),
        ListCase("by type and tag", LARGE, JobFilter(type="email", tags=(("team", "sales"),)), 18, 70),
        ListCase("by created range", LARGE, JobFilter(created_from=middle, created_until=middle + 60), 10, 70),
        ListCase("by created range, newest", LARGE, JobFilter(created_from=middle), 10, 70),
        ListCase("all, oldest first", LARGE, JobFilter(), 10, 70, oldest_first=True),
        ListCase("state=dead, oldest first", LARGE, JobFilter(state="dead"), 10, 70, oldest_first=True),
        ListCase("dead, by end", LARGE, JobFilter("dead", finished_from=middle, finished_until=middle + 600), 10, 70),
        ListCase("dead, by fingerprint (none)", LARGE, JobFilter("dead", fingerprint="none"), *unread),
        ListCase("by schedule (none)", LARGE, JobFilter(schedule="none"), *unread),
        ListCase("by workflow (none)", LARGE, JobFilter(parent_id="none"), *unread),
        ListCase("by end", LARGE, JobFilter(finished_until=created_ms), 18, 90),
        ListCase("by end (none)", LARGE, JobFilter(finished_from=created_ms + 60_000), *rare),
        ListCase("by fingerprint (none)", LARGE, JobFilter(fingerprint="none"), *rare),
        ListCase("by state, type and range", LARGE, JobFilter("succeeded", "email", created_until=middle), 18, 70),
    ]


def measure(jobs: int) -> list[ListCost]:
    """Make jobs, and return what one page of each list costs."""
    world = World()
    world.table = table = CountingStore()
    table.apply([insert("mark", MIGRATION_KEY, {"finished": True})])
    world.app = world.build()
    now_ms = world.clock.now_ms()
    _fill(table, _jobs(LARGE, jobs, now_ms - jobs))
    _fill(table, _jobs(BUSY, jobs // 10, now_ms - jobs // 10, MOSTLY_RUNNING))
    _fill(table, _jobs(SMALL, SMALL_JOBS, now_ms - SMALL_JOBS))
    return [_measured(world, table, case, jobs) for case in cases(now_ms, jobs)]


def _measured(world: World, table: CountingStore, case: ListCase, jobs: int) -> ListCost:
    table.reset()
    # A process of its own, as after a cold start: it asks whether the table was upgraded.
    page = world.build().listing.page(
        "jobs", case.tenant, case.wanted, PAGE_DEFAULT, None, oldest_first=case.oldest_first
    )
    return ListCost(
        case.name,
        jobs,
        len(page.jobs),
        table.calls.total(),
        table.units,
        page.cursor is not None,
        case.calls_max,
        case.units_max,
    )


def _fill(table: CountingStore, jobs: Iterator[Job]) -> None:
    while part := [*islice(jobs, BATCH)]:
        results = table.apply([submit(job, SETTINGS.timing) for job in part])
        assert all(result.done for result in results)


def _jobs(tenant: str, number: int, first_ms: int, states: Sequence[State] = MOSTLY_DONE) -> Iterator[Job]:
    """Make jobs in several states, one in each millisecond."""
    for n in range(number):
        job = _pending(tenant, n, first_ms + n)
        state = states[n % len(states)]
        changes = {"state": state, "fence": "f" * 26, "claims": 1, "started_at": job.created_at}
        if state in (State.SUCCEEDED, State.DEAD):
            changes |= {"finished_at": job.created_at + 9} | archive(job, state, job.created_at + 9, None)
        yield evolve(job, **changes)


def _pending(tenant: str, n: int, created_ms: int) -> Job:
    job_id = IDS.of_key(tenant, str(n))
    partition, check_at = live_entry("normal", job_id, created_ms, SETTINGS.shards, SETTINGS.timing)
    return Job(
        id=job_id,
        tenant=tenant,
        type=TYPES[n * 7 % 11 % len(TYPES)],
        queue="normal",
        profile="default",
        due_pk=partition,
        check_at=check_at,
        due_at=created_ms,
        scheduled_at=created_ms,
        created_at=created_ms,
        request_hash="h" * 24,
        policy=Policy(),
        payload='{"to":"user@example.com","subject":"Hello"}',
        tags={"team": TEAMS[n * 5 % 13 % len(TEAMS)]},
    )
