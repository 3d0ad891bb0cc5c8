"""A scan of one queue's due index: a window at a time, which is one page of each partition, from its cursor on."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job
from whendue.quotas import WINDOW_MS
from whendue.timer.current_jobs import Found, current_jobs
from whendue.timer.due_cursors import Cursor, Purpose, move_cursors

# What was read of a partition; None where that was not possible.
Page = list[DueEntry] | None


class ScanPage(NamedTuple):
    """A page of a partition.

    Args:
        cursor: the partition's position, before the page.
        entries: what the due index says; at least one entry.
        jobs: the job of each entry; None where the index lags behind the job.
        is_last: whether the partition ends here.
    """

    cursor: Cursor
    entries: list[DueEntry]
    jobs: list[Job | None]
    is_last: bool


@dataclass(slots=True, eq=False)
class PartitionScan:
    """How far one tick got in the partitions of a queue, for promote or for rescue.

    Args:
        kind: what is done with the entries.
        queue: the queue's name.
        rank: the queue's priority, 0 is the highest.
        cursors: the partitions to go on with.
        until_ms: the last check to look at, ms UTC.
        page_max: entries of a page, at most.
        deadline_ms: when to stop reading, ms UTC.
        starts_over: whether a cursor at the end of its partition moves back to the beginning, for the next tick.
        page_limit: how far pages may grow.
        window: the pages that were read last and are not done yet.
        behind: the partitions that the next tick has to go on with.
    """

    kind: Purpose
    queue: str
    rank: float
    cursors: list[Cursor]
    until_ms: int
    page_max: int
    deadline_ms: int
    starts_over: bool = False
    page_limit: int = 0
    window: list[tuple[Cursor, list[DueEntry]]] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    @property
    def oldest_check_at(self) -> int:
        """The oldest check of the window, which is not empty, ms UTC."""
        return min(entries[0].check_at for _, entries in self.window)

    def read_window(self, runtime: Runtime) -> None:
        """Read the next page of each partition, side by side. One partition's trouble does not hold up the others."""
        pages = runtime.pool.run([partial(self.read_page, runtime, cursor) for cursor in self.cursors])
        self.show(runtime, zip(self.cursors, pages, strict=True))

    def show(self, runtime: Runtime, pages: Iterable[tuple[Cursor, Page]]) -> None:
        """Make pages the window."""
        self.window = []
        over: list[Cursor] = []
        for cursor, entries in pages:
            if entries is None:
                self.behind.append(cursor.partition)
            elif entries:
                self.window.append((cursor, entries))
            else:
                over.append(cursor)
        if self.starts_over:
            move_cursors(runtime.bulkhead, [(cursor, None) for cursor in over])

    def read_jobs(self, runtime: Runtime) -> list[ScanPage]:
        """Read the jobs of the window; if they cannot be read now, the window is left to the next tick."""
        found = [Found(cursor.partition, entry) for cursor, entries in self.window for entry in entries]
        try:
            jobs = iter(current_jobs(runtime, found))
        except UnavailableError:
            self.behind += [cursor.partition for cursor, _ in self.window]
            return []
        return [
            ScanPage(cursor, entries, [next(jobs) for _ in entries], is_last=len(entries) < self.page_max)
            for cursor, entries in self.window
        ]

    def advance(self, passed: Sequence[ScanPage], left: Sequence[ScanPage] = ()) -> None:
        """Go on behind the pages of the window that were passed.

        Args:
            passed: the pages whose cursors were moved to their ends.
            left: the pages that the next tick has to go on with.
        """
        self.behind += [page.cursor.partition for page in left]
        self.cursors = [page.cursor for page in passed if not page.is_last]

    def resize(self, took_ms: int) -> None:
        """Let the next pages be twice as large if a window took less than half of its time, else half if more."""
        if took_ms <= WINDOW_MS // 2:
            self.page_max = max(self.page_max, min(self.page_limit, 2 * self.page_max))
        elif took_ms > WINDOW_MS:
            self.page_max = max(1, self.page_max // 2)

    @property
    def unfinished(self) -> list[str]:
        """The partitions that have more than the window shows, which was read and not done yet."""
        return [cursor.partition for cursor, entries in self.window if len(entries) >= self.page_max]

    def release(self, partitions: Collection[str]) -> None:
        """Leave partitions to another timer."""
        self.cursors = [cursor for cursor in self.cursors if cursor.partition not in partitions]
        self.window = [(cursor, page) for cursor, page in self.window if cursor.partition not in partitions]

    def leave(self) -> None:
        """Stop here: the next tick has to go on with the window."""
        self.behind += [cursor.partition for cursor, _ in self.window]
        self.cursors, self.window = [], []

    def read_page(self, runtime: Runtime, cursor: Cursor) -> Page:
        """Read the next page of a partition; None when there is no time left, or it cannot be read now."""
        if runtime.clock.now_ms() >= self.deadline_ms:
            return None
        return read_page(runtime, cursor.partition, cursor.position, self.until_ms, self.page_max)


def read_page(runtime: Runtime, partition: str, after: DueEntry | None, until_ms: int, limit: int) -> Page:
    """Read a page of a partition; None where it cannot be read now."""
    try:
        return runtime.store.query_due(partition, after=after, until_ms=until_ms, limit=limit)
    except UnavailableError:
        return None
    except Exception as error:  # noqa: BLE001 - it is this partition's alone
        runtime.bulkhead.note("due_index", partition, error)
        return None
