"""Laws of lists while jobs change: each job that matches throughout is listed exactly once, and no job twice.

Between two pages jobs are submitted, run, retried, cancelled, redriven, reprioritised and erased, and time passes.
"""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.world import TENANT, World
from whendue.errors import StateConflictError
from whendue.jobs.model import Job, from_item
from whendue.operations.listing import JobFilter
from whendue.table.keys import job_key

START_MS = World().clock.now_ms()
TEAM = (("team", "a"),)
FILTERS = (
    JobFilter(),
    *(JobFilter(state=state) for state in ("scheduled", "queued", "dead", "succeeded", "cancelled")),
    JobFilter(type="bad"),
    JobFilter(queue="high"),
    JobFilter(tags=TEAM),
    JobFilter(state="dead", tags=TEAM),
    JobFilter(finished_from=START_MS + 3000),
    JobFilter(finished_until=START_MS + 4000),
    JobFilter(state="dead", created_from=START_MS + 1000, finished_until=START_MS + 9000),
    JobFilter(state="succeeded", created_until=START_MS + 6000),
)
KINDS = ("submit", "submit bad", "submit later", "work", "cancel", "redrive", "raise", "erase", "advance")
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1 << 16)), max_size=8)


class Changing:
    """A tenant's jobs, and which of them have matched a filter at every look."""

    def __init__(self, wanted: JobFilter) -> None:
        self.world, self.wanted = World(), wanted
        self.made: list[str] = []
        self.throughout: set[str] | None = None
        self.ever: set[str] = set()

    def jobs(self) -> list[Job]:
        items = self.world.table.items().items()
        return [from_item(item) for key, item in items if key.sk == "job"]

    def look(self) -> None:
        """Note which jobs match now."""
        now_ms = self.world.clock.now_ms()
        matching = {job.id for job in self.jobs() if self.wanted.wants(job, now_ms)}
        self.throughout = matching if self.throughout is None else self.throughout & matching
        self.ever |= matching

    def change(self, kind: str, number: int) -> None:
        """Do one thing; what the job's state does not allow is refused."""
        if kind == "work":
            self.world.work()
        elif kind == "advance":
            self.world.clock.advance(number % 4)
        elif kind.startswith("submit"):
            self.submit(kind, number)
        elif self.made:
            self.command(kind, self.made[number % len(self.made)])

    def submit(self, kind: str, number: int) -> None:
        """Submit a job that will succeed, die or wait."""
        job = self.world.submit(
            "bad" if kind == "submit bad" else "ok",
            delay_s=2 if kind == "submit later" else None,
            policy={"max_attempts": 1 + number % 2},
            queue="high" if number % 3 else "normal",
            tags={"team": "ab"[number % 2]},
        )
        self.made.append(job.id)

    def command(self, kind: str, job_id: str) -> None:
        """Ask something of a job."""
        control = self.world.app.control
        commands: dict[str, Callable[[], object]] = {
            "cancel": lambda: control.cancel(TENANT, job_id),
            "redrive": lambda: control.redrive(TENANT, job_id),
            "raise": lambda: control.reschedule(TENANT, job_id, None, "high", None),
            "erase": lambda: self.world.app.erasing.erase(TENANT, job_id, None),
        }
        if job_key(job_id) not in self.world.table.rows:
            return
        try:
            commands[kind]()
        except StateConflictError:
            return


@pytest.mark.sampled(3)
@pytest.mark.parametrize("wanted", FILTERS, ids=lambda wanted: str(FILTERS.index(wanted)))
@settings(max_examples=30, deadline=None)
@given(
    before=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1 << 16)), min_size=4, max_size=25),
    between=st.lists(steps, min_size=1, max_size=8),
    limit=st.integers(1, 3),
    reads=st.integers(2, 9),
    oldest_first=st.booleans(),
)
def test_each_job_that_matches_throughout_is_listed_once(
    wanted: JobFilter,
    before: Sequence[tuple[str, int]],
    between: Sequence[Sequence[tuple[str, int]]],
    limit: int,
    reads: int,
    *,
    oldest_first: bool,
) -> None:
    """However short the pages are, and whatever becomes of the other jobs meanwhile."""
    changing = Changing(wanted)
    for step in before:
        changing.change(*step)
    changing.look()
    found, cursor, number = list[str](), None, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("whendue.operations.listing.LIST_READS", reads)
        while number == 0 or cursor:
            listing = changing.world.app.listing
            page = listing.page("jobs", TENANT, wanted, limit, cursor, oldest_first=oldest_first)
            found += [job.id for job in page.jobs]
            cursor = page.cursor
            for step in between[number] if number < len(between) else ():
                changing.change(*step)
                changing.look()
            number += 1
            assert number < 500, "a list has an end"
    assert len(found) == len(set(found)), "no job twice"
    assert changing.throughout is not None
    assert changing.throughout <= set(found), "each that matches throughout"
    assert set(found) <= changing.ever, "none that never matched"
