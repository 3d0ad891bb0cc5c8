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
from whendue.operations.migration import MigrationState
from whendue.operations.newest_first import NewestFirst, Taken
from whendue.quotas import LIST_ENTRIES, LIST_READS
from whendue.settings import QUEUES
from whendue.table.index import END_OF_TIME_MS, Index, IndexQuery, Position
from whendue.table.keys import job_id_of, job_key
from whendue.table.writes import Filter, Is, MapIs

# Where fewer jobs match, no more are read at once.
RAREST: Final = 1 / 8


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

    @property
    def first_ms(self) -> int:
        """The earliest creation, ms UTC."""
        return max(0, self.created_from or 0)

    @property
    def last_ms(self) -> int:
        """The latest creation, ms UTC."""
        return END_OF_TIME_MS if self.created_until is None else self.created_until

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
            and set(self.tags) <= set((job.tags or {}).items())
        )


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
    """Lists the jobs of a tenant, the newest first: by creation, dead ones by their end."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._migration = MigrationState(runtime.store)

    def page(self, name: str, tenant: str, wanted: JobFilter, limit: int, cursor: str | None) -> Page:
        """Return the next jobs, reading a bounded number of entries and items.

        Args:
            name: the list's name, to which its cursors are bound.
            tenant: whose jobs.
            wanted: which of them.
            limit: maximum number of jobs in the page.
            cursor: where the last page said to go on.

        Raises:
            InvalidRequestError: there is no such state or priority, or no time between the first and the last.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        merged, bound = self.entries(name, tenant, wanted, limit, cursor, LIST_ENTRIES)
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
        known = {} if positions is None else _positions(json.loads(positions))
        return NewestFirst(self._runtime.store, _queries(tenant, wanted), known, page, LIST_ENTRIES)

    def positions(self, name: str, tenant: str, wanted: JobFilter, cursor: str | None) -> str | None:
        """Return where a walk begins that continues a list at its cursor; see `walk`.

        Raises:
            InvalidCursorError: the cursor is not of this list.
        """
        if cursor is None:
            return None
        value = self._runtime.cursors.open(cursor, (name, tenant, *astuple(wanted)))
        _positions(value)
        return json.dumps(value)

    def cursor_of(self, name: str, tenant: str, wanted: JobFilter, positions: str | None) -> str | None:
        """Return the cursor of a list at which a walk has stopped; None at the end."""
        if positions is None or self.walk(tenant, wanted, positions, 1).has_ended:
            return None
        return self._runtime.cursors.seal(json.loads(positions), (name, tenant, *astuple(wanted)))

    def cursor(self, merged: NewestFirst, bound: Sequence[Any]) -> str | None:
        """Return the cursor of where entries were left; None at the end."""
        return None if merged.has_ended else self._runtime.cursors.seal(_value(merged.positions), bound)

    def is_complete(self) -> bool:
        """Return whether no job of a version before is missing in the lists.

        Raises:
            UnavailableError: the table does not answer.
        """
        return self._migration.has_finished()

    def entries(
        self, name: str, tenant: str, wanted: JobFilter, limit: int, cursor: str | None, budget: int
    ) -> tuple[NewestFirst, Sequence[Any]]:
        """Return the entries of the index that a list reads, and what its cursors are bound to.

        Args:
            name, tenant, wanted, limit, cursor: as `page`.
            budget: maximum number of entries to look at.

        Raises:
            InvalidRequestError, InvalidCursorError: as `page`.
        """
        _check(wanted)
        bound = (name, tenant, *astuple(wanted))
        positions = _positions(self._runtime.cursors.open(cursor, bound)) if cursor is not None else {}
        return NewestFirst(self._runtime.store, _queries(tenant, wanted), positions, limit, budget), bound

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
    return json.dumps(_value(merged.positions))


def _check(wanted: JobFilter) -> None:
    """Refuse a filter that can match nothing."""
    if wanted.state not in (None, *SHOWN_STATES):
        raise InvalidRequestError(f"state must be one of {', '.join(SHOWN_STATES)}")
    if wanted.queue not in (None, *QUEUES):
        raise InvalidRequestError(f"priority must be one of {', '.join(QUEUES)}")
    if wanted.first_ms > wanted.last_ms:
        raise InvalidRequestError("createdBefore must be later than createdAfter, and than 1970")


def read_size(limit: int, found: int, read: int) -> int:
    """Return how many jobs to read next: as many as hold what is missing, if they match as those before did."""
    share = max(found / read, RAREST) if read else 1
    return min(math.ceil((limit - found) / share), LIST_READS - read, DYNAMODB_MAX_BATCH_GET)


def entries_used(matches: Sequence[object | None], wanted: int) -> int:
    """Return how many of the entries a page takes that has room for `wanted` jobs."""
    counts = [number for number, job in enumerate(matches, 1) if job]
    return len(matches) if len(counts) < wanted else counts[wanted - 1]


def _queries(tenant: str, wanted: JobFilter) -> list[IndexQuery]:
    """Return the questions for the partitions of a list; what the index does not know is looked at in the jobs."""
    listed_under = f"{tenant}/{wanted.subscription}" if wanted.subscription else tenant
    if wanted.state == State.DEAD:
        where = _where({"type": wanted.type, "queue": wanted.queue, "fingerprint": wanted.fingerprint})
        return [IndexQuery(Index.DUE, name, 1, where=where) for name in dead_partitions(listed_under)]
    where = _where({"type": wanted.type, "schedule": wanted.schedule, "parent_id": wanted.parent_id})
    where += tuple(MapIs("tags", name, value) for name, value in wanted.tags)
    query = IndexQuery(Index.TENANT, "", 1, first_ms=wanted.first_ms, last_ms=wanted.last_ms, where=where)
    return [replace(query, partition=name) for name in tenant_partitions(listed_under)]


def _where(values: Mapping[str, str | None]) -> tuple[Filter, ...]:
    return tuple(Is(field, value) for field, value in values.items() if value is not None)


def _value(positions: Mapping[int, Position | None]) -> dict[str, Any]:
    """Write positions as JSON."""
    return {str(number): at and [at.at_ms, job_id_of(at.pk)] for number, at in positions.items()}


def _position(value: list[Any] | None) -> Position | None:
    if value is None:
        return None
    at_ms, job_id = value
    return Position(at_ms, *job_key(job_id))


def _positions(value: Any) -> dict[int, Position | None]:
    """Read positions; another version may have written them otherwise."""
    try:
        return {int(number): _position(at) for number, at in value.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidCursorError from error
