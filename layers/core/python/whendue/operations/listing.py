"""Lists of jobs: due index partitions merged by time, filtered, and a cursor that says where each was left."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import product
from typing import Any, NamedTuple

from whendue.engine.ports import DueEntry, Item, JobStore
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.errors import InvalidCursorError, InvalidRequestError
from whendue.jobs.due_index import day_of, done_partition, live_partition
from whendue.jobs.lifetime import is_over
from whendue.jobs.model import SHOWN_STATES, TERMINAL, Job, from_item, shown_state
from whendue.quotas import LIST_QUERIES, LIST_READS, RETENTION_S
from whendue.settings import NOTIFICATIONS, QUEUES
from whendue.table.keys import job_id_of, job_key

LIVE = "live"
DAY_MS = 86_400_000
END_OF_TIME_MS = 1 << 52


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; None wants all.

    Args:
        state: as shown: scheduled, queued, running, succeeded, dead or cancelled.
        type: the task's name.
        queue: the priority.
        fingerprint: the last error's.
        subscription: deliveries to this one; None wants jobs, and no deliveries.
    """

    state: str | None = None
    type: str | None = None
    queue: str | None = None
    fingerprint: str | None = None
    subscription: str | None = None

    def wants(self, job: Job, now_ms: int) -> bool:
        """Return whether a job matches the filter."""
        return (
            self.state in (None, shown_state(job, now_ms))
            and self.type in (None, job.type)
            and self.queue in (None, job.queue)
            and self.fingerprint in (None, job.last.fingerprint if job.last else "")
            and self.subscription == job.subscription
        )


class Page(NamedTuple):
    """Some jobs, and where to go on; a cursor of None is the end. A page may be short, even empty, before the end."""

    jobs: list[Job]
    cursor: str | None


class _Place(NamedTuple):
    """Where a list was left: its group (`live`, or a UTC day of finished jobs) and the position in each partition.

    Live partitions are shared by all tenants: positions hold ids and times of others, which must not be shown.
    """

    group: str
    positions: dict[str, DueEntry]


class Listing:
    """Walks the due index for a tenant: live jobs by next check, then finished ones, newest first."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def page(self, name: str, tenant: str, wanted: JobFilter, limit: int, cursor: str | None) -> Page:
        """Return the next jobs, reading a bounded number of items.

        Args:
            name: the list's name, to which its cursors are bound.
            tenant: whose jobs.
            wanted: which of them.
            limit: maximum number of jobs in the page.
            cursor: where the last page said to go on.

        Raises:
            InvalidRequestError: there is no such state or priority.
            InvalidCursorError: the cursor is not of this list.
        """
        if wanted.state not in (None, *SHOWN_STATES):
            raise InvalidRequestError(f"state must be one of {', '.join(SHOWN_STATES)}")
        if wanted.queue not in (None, *QUEUES):
            raise InvalidRequestError(f"priority must be one of {', '.join(QUEUES)}")
        now_ms = self._runtime.clock.now_ms()
        bound = (name, tenant, *astuple(wanted))
        groups = self._groups(wanted, now_ms)
        position = _place(self._runtime.cursors.open(cursor, bound)) if cursor else None
        if position and position.group not in groups:
            # The group has aged out of retention since the cursor was given.
            return Page([], None)
        jobs: list[Job] = []
        budget = _Budget()
        for group in groups[groups.index(position.group) if position else 0 :]:
            partitions = self._partitions(group, tenant, wanted)
            known = position.positions if position and position.group == group else {}
            positions = {partitions[label]: entry for label, entry in known.items() if label in partitions}
            merge = _Merge(self._runtime.store, list(partitions.values()), positions, group != LIVE, budget)
            while len(jobs) < limit and (chunk := merge.take(limit - len(jobs))):
                jobs += self._wanted(chunk, tenant, wanted, now_ms)
            if not merge.ended:
                found = {label: merge.positions.get(partition) for label, partition in partitions.items()}
                return Page(jobs, self._runtime.cursors.seal(_value(group, found), bound))
        return Page(jobs, None)

    def _groups(self, wanted: JobFilter, now_ms: int) -> list[str]:
        days = [day_of(now_ms - back * DAY_MS) for back in range(RETENTION_S * 1000 // DAY_MS + 2)]
        if wanted.state is None:
            return [LIVE, *days]
        return days if wanted.state in TERMINAL else [LIVE]

    def _partitions(self, group: str, tenant: str, wanted: JobFilter) -> dict[str, str]:
        """Name a group's partitions, each by a short label: cursors hold those."""
        shards = range(self._runtime.settings.shards)
        if group == LIVE:
            queues = [wanted.queue] if wanted.queue else [NOTIFICATIONS] if wanted.subscription else QUEUES
            return {f"{queue}#{shard}": live_partition(queue, shard) for queue, shard in product(queues, shards)}
        states = [wanted.state] if wanted.state else sorted(state.value for state in TERMINAL)
        whose = f"{tenant}/{wanted.subscription}" if wanted.subscription else tenant
        return {f"{state}#{n}": done_partition(whose, state, group, n) for state, n in product(states, shards)}

    def _wanted(self, chunk: Sequence[DueEntry], tenant: str, wanted: JobFilter, now_ms: int) -> list[Job]:
        def wants(item: Item) -> Job | None:
            # Others' jobs in the same partition are passed by before they are read.
            job = from_item(item) if item["tenant"] == tenant else None
            kept = job is not None and not is_over(job, now_ms)
            return job if job and kept and wanted.wants(job, now_ms) else None

        items = self._runtime.store.get([entry.key for entry in chunk])
        return [job for job in readable(self._runtime, items, wants, "list_jobs") if job]


class _Budget:
    """What one page may read."""

    def __init__(self) -> None:
        self.queries = LIST_QUERIES
        self.reads = LIST_READS

    @property
    def spent(self) -> bool:
        return self.queries <= 0 or self.reads <= 0


class _Merge:
    """Partitions merged by time; remembers how far each was taken."""

    def __init__(
        self,
        store: JobStore,
        partitions: Sequence[str],
        positions: dict[str, DueEntry],
        newest_first: bool,  # noqa: FBT001 - private, called once
        budget: _Budget,
    ) -> None:
        self._store = store
        self._newest_first = newest_first
        self._budget = budget
        self._heads: dict[str, list[DueEntry]] = {partition: [] for partition in partitions}
        self._open = set(partitions)
        self.positions = dict(positions)

    @property
    def ended(self) -> bool:
        """Whether nothing is left in any partition."""
        return not self._open and not any(self._heads.values())

    def take(self, limit: int) -> list[DueEntry]:
        """Take the next entries in time order; none at the end, or when the budget is spent."""
        taken: list[DueEntry] = []
        while len(taken) < limit and not self._budget.spent:
            for partition in sorted(self._open):
                self._fill(partition, limit)
            waiting = [partition for partition, head in self._heads.items() if head]
            if not waiting:
                break
            choose = max if self._newest_first else min
            partition = choose(waiting, key=lambda name: self._heads[name][0])
            self.positions[partition] = self._heads[partition].pop(0)
            self._budget.reads -= 1
            taken.append(self.positions[partition])
        return taken

    def _fill(self, partition: str, limit: int) -> None:
        if self._heads[partition]:
            return
        after = self.positions.get(partition)
        self._budget.queries -= 1
        head = self._store.query_due(
            partition, after=after, until_ms=END_OF_TIME_MS, limit=limit, newest_first=self._newest_first
        )
        self._heads[partition] = head
        if len(head) < limit:
            self._open.discard(partition)


def _value(group: str, positions: Mapping[str, DueEntry | None]) -> list[Any]:
    """Write a place as JSON."""
    positions_left = {label: [e.check_at, job_id_of(e.pk), e.due_at] for label, e in positions.items() if e}
    return [group, positions_left]


def _place(value: Any) -> _Place:
    """Read a place; another version may have written it otherwise."""
    try:
        group, positions = value
        entries = {label: DueEntry(check, *job_key(job), due) for label, (check, job, due) in positions.items()}
        return _Place(group, entries)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidCursorError from error
