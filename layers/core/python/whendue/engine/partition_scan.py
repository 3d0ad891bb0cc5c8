"""A walk: what the timer does in a queue's due index, a window of all its partitions at a time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from whendue.engine.due_cursors import Cursor
from whendue.engine.ports import DueEntry, Item
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.table.keys import job_id_of


class ScanPage(NamedTuple):
    """A page of a partition: its entries, and their jobs, None where the index lags behind the job."""

    cursor: Cursor
    page: list[DueEntry]
    jobs: list[Job | None]


class PartitionScan(ABC):
    """Goes through partitions from their cursors on. One partition's trouble does not hold up the others.

    Args:
        runtime: the outside.
        name: the queue.
        cursors: its partitions; moved.
        until_ms: the last check to look at, ms UTC.
        window: at most so many entries at a time, over all partitions.
        deadline_ms: when to stop reading, ms UTC.
    """

    def __init__(
        self, runtime: Runtime, name: str, cursors: Sequence[Cursor], until_ms: int, window: int, deadline_ms: int
    ) -> None:
        """Begin at the cursors."""
        self._runtime = runtime
        self.name = name
        self._open = list(cursors)
        self._until_ms = until_ms
        self._limit = max(1, window // len(cursors))
        self._deadline_ms = deadline_ms
        self._pages: list[tuple[Cursor, list[DueEntry]]] = []
        self.behind: list[str] = []

    def look(self) -> int | None:
        """Read the next window; give its oldest check, None when nothing is left to do."""
        self._pages = []
        for cursor in self._open:
            if self._runtime.clock.now_ms() >= self._deadline_ms:
                self.behind.append(cursor.partition)
                continue
            try:
                page = self._runtime.store.query_due(
                    cursor.partition, after=cursor.position, until_ms=self._until_ms, limit=self._limit
                )
            except UnavailableError:
                self.behind.append(cursor.partition)
                continue
            except Exception as error:  # noqa: BLE001 - it is this partition's alone
                self._runtime.bulkhead.note("due_index", cursor.partition, error)
                self.behind.append(cursor.partition)
                continue
            if page:
                self._pages.append((cursor, page))
            else:
                self._at_end(cursor)
        return min((page[0].check_at for _, page in self._pages), default=None)

    @abstractmethod
    def step(self) -> None:
        """Do what is to be done in the window at hand, and move its cursors."""

    def leave(self) -> None:
        """Stop before the window at hand."""
        self.behind += [cursor.partition for cursor, _ in self._pages]

    def _at_end(self, cursor: Cursor) -> None:  # noqa: B027 - not every walk cares
        """Hear that a partition has nothing more."""

    def _scan_pages(self) -> list[ScanPage]:
        """Read the jobs of the window at hand."""
        read = []
        for cursor, page in self._pages:
            try:
                read.append(ScanPage(cursor, page, current(self._runtime, cursor.partition, page)))
            except UnavailableError:
                self.behind.append(cursor.partition)
        return read

    def _moves(self, cursor: Cursor, position: DueEntry | None) -> bool:
        """Move a cursor; False when another timer moved it, or it cannot be moved now."""
        try:
            return cursor.move(position)
        except Exception as error:  # noqa: BLE001 - it is this partition's alone
            self._runtime.bulkhead.note("cursor", cursor.partition, error)
            return False


def current(runtime: Runtime, partition: str, page: Sequence[DueEntry]) -> list[Job | None]:
    """Read the jobs of a page; None where the index lags behind the job, which then stands elsewhere in the due index.

    None also where a job cannot be read: rescue comes by again and again, and says so each time.
    """
    items: dict[DueEntry, Item | None] = {}

    def read(entries: Sequence[DueEntry]) -> None:
        items.update(zip(entries, runtime.store.get([entry.key for entry in entries]), strict=True))

    runtime.bulkhead.together(page, read, stage="read", name=_name)
    there = [(entry, item) for entry, item in items.items() if item]
    read_jobs = runtime.bulkhead.each(there, lambda one: readable(one[1]), stage="read", name=lambda one: _name(one[0]))
    jobs = {entry: job for (entry, _), job in read_jobs if (job.due_pk, job.check_at) == (partition, entry.check_at)}
    return [jobs.get(entry) for entry in page]


def readable(item: Item) -> Job:
    """Read a job whose numbers are numbers: what sorts and compares many jobs must not raise for one of them.

    Raises:
        Exception: it cannot be read.
    """
    job = from_item(item)
    numbers = (job.due_at, job.check_at, job.scheduled_at, job.created_at, job.lease_until, job.rescues, job.generation)
    if not all(isinstance(number, int | float) for number in (*numbers, job.claims, job.failures)):
        raise TypeError("a number of the job is none")
    if not all(isinstance(text, str) for text in (job.tenant, job.type, job.queue)):
        raise TypeError("a name of the job is none")
    return job


def _name(entry: DueEntry) -> str:
    return job_id_of(entry.pk)
