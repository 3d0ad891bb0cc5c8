"""Lists of jobs: a tenant's partitions of an index merged by time, filtered, and a cursor that says where to go on."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Final, NamedTuple

from whendue.aws_quotas import DYNAMODB_MAX_BATCH_GET
from whendue.engine.ports import Item
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.errors import InvalidCursorError, InvalidRequestError
from whendue.jobs.due_index import dead_partitions
from whendue.jobs.lifetime import is_over
from whendue.jobs.model import SHOWN_STATES, Job, State, from_item, shown_state, tenant_partitions
from whendue.operations.migration_state import MigrationState
from whendue.operations.newest_first import NewestFirst, Taken
from whendue.quotas import CLOCKS_APART_S, LIST_ENTRIES, LIST_READS
from whendue.table.index import END_OF_TIME_MS, Index, IndexQuery, Position
from whendue.table.keys import job_id_of, job_key
from whendue.table.writes import Filter, Is, MapIs

# Where fewer jobs match, no more are read at once.
RAREST: Final = 1 / 8
# In a cursor, beside the numbers of partitions.
UNTIL: Final = "until"
# Shown states of jobs that have no end.
NOT_ENDED: Final = ("scheduled", "queued", "waiting", "running")


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; None wants all.

    Args:
        state: as shown: scheduled, queued, running, succeeded, dead, cancelled or expired.
        type: the task's name.
        queue: the priority.
        fingerprint: the last error's.
        subscription: deliveries to this one; None wants jobs, and no deliveries.
        tags: names and values; a job must have all of them.
        schedule: the name of the schedule that created it.
        parent_id: the id of the workflow, or other composite job, that created it.
        created_from: the earliest creation, inclusive, ms UTC.
        created_until: the latest creation, inclusive, ms UTC.
        finished_from: the earliest end, inclusive, ms UTC; with it, or with the latest one, only jobs that have ended.
        finished_until: the latest end, inclusive, ms UTC.
    """

    state: str | None = None
    type: str | None = None
    queue: str | None = None
    fingerprint: str | None = None
    subscription: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    schedule: str | None = None
    parent_id: str | None = None
    created_from: int | None = None
    created_until: int | None = None
    finished_from: int | None = None
    finished_until: int | None = None

    @property
    def first_ms(self) -> int:
        """The earliest creation, ms UTC."""
        return max(0, self.created_from or 0)

    @property
    def last_ms(self) -> int:
        """The latest creation, ms UTC."""
        return END_OF_TIME_MS if self.created_until is None else self.created_until

    @property
    def first_end_ms(self) -> int:
        """The earliest end, ms UTC."""
        return max(0, self.finished_from or 0)

    @property
    def last_end_ms(self) -> int:
        """The latest end, ms UTC."""
        return END_OF_TIME_MS if self.finished_until is None else self.finished_until

    def wants(self, job: Job, now_ms: int) -> bool:
        """Return whether a job matches the filter."""
        return (
            self.state in (None, shown_state(job, now_ms))
            and self.type in (None, job.type)
            and self.queue in (None, job.queue)
            and self.fingerprint in (None, job.last.fingerprint if job.last else "")
            and self.subscription == job.subscription
            and self.schedule in (None, job.schedule)
            and self.parent_id in (None, job.parent_id)
            and self.first_ms <= job.created_at <= self.last_ms
            and self._wants_end(job)
            and set(self.tags) <= set((job.tags or {}).items())
        )

    @property
    def wants_end(self) -> bool:
        """Whether only jobs are wanted that have ended."""
        return self.finished_from is not None or self.finished_until is not None

    def _wants_end(self, job: Job) -> bool:
        if not self.wants_end:
            return True
        return job.finished_at is not None and self.first_end_ms <= job.finished_at <= self.last_end_ms


class Page(NamedTuple):
    """Some jobs, and where to go on.

    Args:
        jobs: the jobs; a page may be short, even empty, before the end.
        cursor: where the next page starts; None at the end.
        at_ms: the time at which states were compared, ms UTC.
        is_complete: False while an upgrade has yet to add jobs of the version before to the lists.
    """

    jobs: list[Job]
    cursor: str | None
    at_ms: int
    is_complete: bool = True


class Listing:
    """Lists the jobs of a tenant by creation, dead ones by their end; the newest first, unless asked otherwise."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._migration = MigrationState(runtime.store)

    def page(
        self,
        name: str,
        tenant: str,
        wanted: JobFilter,
        limit: int,
        cursor: str | None,
        *,
        oldest_first: bool = False,
    ) -> Page:
        """Return the next jobs, reading a bounded number of entries and items.

        Args:
            name: the list's name, to which its cursors are bound.
            tenant: whose jobs.
            wanted: which of them.
            limit: maximum number of jobs in the page.
            cursor: where the last page said to go on.
            oldest_first: from the oldest job to those that there were when the first page was read.

        Raises:
            InvalidRequestError: there is no such state, or no time between the first and the last.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        merged, bound = self.entries(name, tenant, wanted, limit, cursor, LIST_ENTRIES, oldest_first=oldest_first)
        now_ms = self._runtime.clock.now_ms()
        jobs: list[Job] = []
        read = 0
        while len(jobs) < limit and (taken := merged.take(read_size(limit, len(jobs), read))):
            read += len(taken)
            matches = self._matches(taken, tenant, wanted, now_ms)
            used = entries_used(matches, limit - len(jobs))
            merged.keep(taken, used)
            jobs += [job for job in matches[:used] if job]
        return Page(jobs, self.cursor(merged, bound), now_ms, self.is_complete())

    def walk(self, tenant: str, wanted: JobFilter, positions: str | None, page: int) -> NewestFirst:
        """Return the entries of the index from where a walk before stopped; `kept_positions` says where this one does.

        Args:
            tenant, wanted: as `page`.
            positions: what `kept_positions` returned; None for the newest entry.
            page: how many entries are wanted at first.

        Raises:
            InvalidRequestError: as `page`.
        """
        _check(wanted)
        known = {} if positions is None else _opened(json.loads(positions))[0]
        queries = _each_partition(self._query(tenant, wanted), tenant, wanted)
        return NewestFirst(self._runtime.store, queries, known, page, LIST_ENTRIES)

    def positions(self, name: str, tenant: str, wanted: JobFilter, cursor: str | None) -> str | None:
        """Return where a walk begins that continues a list at its cursor; see `walk`.

        Raises:
            InvalidCursorError: the cursor is not of this list.
        """
        if cursor is None:
            return None
        value = self._runtime.cursors.open(cursor, _bound(name, tenant, wanted))
        _opened(value)
        return json.dumps(value)

    def cursor_of(self, name: str, tenant: str, wanted: JobFilter, positions: str | None) -> str | None:
        """Return the cursor of a list at which a walk has stopped; None at the end."""
        if positions is None or self.walk(tenant, wanted, positions, 1).has_ended:
            return None
        return self._runtime.cursors.seal(json.loads(positions), _bound(name, tenant, wanted))

    def cursor(self, merged: NewestFirst, bound: Sequence[Any]) -> str | None:
        """Return the cursor of where entries were left; None at the end."""
        if merged.has_ended:
            return None
        return self._runtime.cursors.seal(_value(merged.positions, merged.until_ms), bound)

    def is_complete(self) -> bool:
        """Return whether no job of a version before is missing in the lists.

        Raises:
            UnavailableError: the table does not answer.
        """
        return self._migration.has_finished()

    def entries(
        self,
        name: str,
        tenant: str,
        wanted: JobFilter,
        limit: int,
        cursor: str | None,
        budget: int,
        *,
        oldest_first: bool = False,
    ) -> tuple[NewestFirst, Sequence[Any]]:
        """Return the entries of the index that a list reads, and what its cursors are bound to.

        Args:
            name, tenant, wanted, limit, cursor, oldest_first: as `page`.
            budget: maximum number of entries to look at.

        Raises:
            InvalidRequestError, InvalidCursorError: as `page`.
        """
        _check(wanted)
        bound = _bound(name, tenant, wanted, oldest_first=oldest_first)
        positions, until_ms = _opened(self._runtime.cursors.open(cursor, bound)) if cursor is not None else ({}, None)
        query = self._query(tenant, wanted)
        if oldest_first:
            until_ms = self._until_ms(query.index) if until_ms is None else until_ms
            query = replace(query, oldest_first=True, last_ms=min(query.last_ms, until_ms))
        queries = _each_partition(query, tenant, wanted)
        return NewestFirst(self._runtime.store, queries, positions, limit, budget), bound

    def _until_ms(self, index: Index) -> int:
        """Return the time at which a list ends that begins now with the oldest job, ms UTC.

        A job has one time of creation, so some may be a clock's error ahead. One that dies again has another end, and
        would be listed twice.
        """
        return self._runtime.clock.now_ms() + (CLOCKS_APART_S * 1000 if index is Index.TENANT else 0)

    def _query(self, tenant: str, wanted: JobFilter) -> IndexQuery:
        """Return the question for each partition of a list; what the index does not know is looked at in the jobs.

        A job ends after its creation, and is created after what created it, by clocks that differ by `CLOCKS_APART_S`
        at most: one range bounds another.
        """
        apart_ms = CLOCKS_APART_S * 1000
        if wanted.state == State.DEAD:
            where = _where({"type": wanted.type, "queue": wanted.queue, "fingerprint": wanted.fingerprint})
            first_ms = max(wanted.first_end_ms, wanted.first_ms - apart_ms)
            return IndexQuery(Index.DUE, "", 1, None, first_ms, wanted.last_end_ms, where)
        where = _where({"type": wanted.type, "schedule": wanted.schedule, "parent_id": wanted.parent_id})
        where += tuple(MapIs("tags", name, value) for name, value in wanted.tags)
        first_ms, last_ms = self._life_of(wanted.parent_id, tenant) if wanted.parent_id else (0, END_OF_TIME_MS)
        first_ms = max(wanted.first_ms, first_ms - apart_ms)
        last_ms = min(wanted.last_ms, wanted.last_end_ms + apart_ms, last_ms + apart_ms)
        return IndexQuery(Index.TENANT, "", 1, None, first_ms, last_ms, where)

    def _life_of(self, parent_id: str, tenant: str) -> tuple[int, int]:
        """Return when the composite job of members was created and has ended, ms UTC: one read spares many entries."""
        items = self._runtime.store.get([job_key(parent_id)])
        for parent in readable(self._runtime, items, from_item, "list_jobs"):
            if parent.tenant == tenant:
                return parent.created_at, END_OF_TIME_MS if parent.finished_at is None else parent.finished_at
        return 0, END_OF_TIME_MS

    def _matches(self, taken: Sequence[Taken], tenant: str, wanted: JobFilter, now_ms: int) -> list[Job | None]:
        """Read the jobs of entries, in order; None for one that the filter does not want, or that is gone."""

        def wants(item: Item) -> Job | None:
            job = from_item(item)
            kept = job.tenant == tenant and not is_over(job, now_ms)
            return job if kept and wanted.wants(job, now_ms) else None

        items = self._runtime.store.get([entry.key for _, entry in taken], consistent=False)
        found = readable(self._runtime, items, wants, "list_jobs")
        by_key = {job.key: job for job in found if job}
        return [by_key.get(entry.key) for _, entry in taken]


def kept_positions(merged: NewestFirst) -> str:
    """Write where a walk continues, as JSON."""
    return json.dumps(_value(merged.positions, merged.until_ms))


def read_size(limit: int, found: int, read: int) -> int:
    """Return how many jobs to read next: as many as hold what is missing, if they match as those before did."""
    share = max(found / read, RAREST) if read else 1
    return min(math.ceil((limit - found) / share), LIST_READS - read, DYNAMODB_MAX_BATCH_GET)


def entries_used(matches: Sequence[object | None], wanted: int) -> int:
    """Return how many of the entries a page takes that has room for `wanted` jobs."""
    counts = [number for number, job in enumerate(matches, 1) if job]
    return len(matches) if len(counts) < wanted else counts[wanted - 1]


def _check(wanted: JobFilter) -> None:
    """Refuse what no job can match.

    Raises:
        InvalidRequestError: there is no such state, or no time between the first and the last.
    """
    if wanted.state not in (None, *SHOWN_STATES):
        raise InvalidRequestError(f"state must be one of {', '.join(SHOWN_STATES)}")
    if wanted.first_ms > wanted.last_ms:
        raise InvalidRequestError("createdBefore must be later than createdAfter, and than 1970")
    if wanted.first_end_ms > wanted.last_end_ms:
        raise InvalidRequestError("finishedBefore must be later than finishedAfter, and than 1970")


def _partitions(tenant: str, wanted: JobFilter) -> list[str]:
    """Name the partitions of a list; none where no job can match: what has not ended has no end."""
    if wanted.wants_end and wanted.state in NOT_ENDED:
        return []
    listed_under = f"{tenant}/{wanted.subscription}" if wanted.subscription else tenant
    return dead_partitions(listed_under) if wanted.state == State.DEAD else tenant_partitions(listed_under)


def _each_partition(query: IndexQuery, tenant: str, wanted: JobFilter) -> list[IndexQuery]:
    return [replace(query, partition=name) for name in _partitions(tenant, wanted)]


def _bound(name: str, tenant: str, wanted: JobFilter, *, oldest_first: bool = False) -> tuple[Any, ...]:
    """Return what a cursor is of."""
    return (name, tenant, oldest_first, *astuple(wanted))


def _where(values: Mapping[str, str | None]) -> tuple[Filter, ...]:
    return tuple(Is(field, value) for field, value in values.items() if value is not None)


def _value(positions: Mapping[int, Position | None], until_ms: int | None) -> dict[str, Any]:
    """Write positions as JSON; of a list with the oldest first, also where it ends."""
    value: dict[str, Any] = {str(number): at and [at.at_ms, job_id_of(at.pk)] for number, at in positions.items()}
    return value if until_ms is None else {**value, UNTIL: until_ms}


def _position(value: list[Any] | None) -> Position | None:
    if value is None:
        return None
    at_ms, job_id = value
    return Position(at_ms, *job_key(job_id))


def _opened(value: Any) -> tuple[dict[int, Position | None], int | None]:
    """Read positions, and where the list ends; another version may have written them otherwise."""
    try:
        positions = {int(number): _position(at) for number, at in value.items() if number != UNTIL}
        return positions, value.get(UNTIL)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidCursorError from error
