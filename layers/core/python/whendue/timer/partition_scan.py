"""A scan of one queue's due index: a window at a time, which is one page of each partition, from its cursor on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from whendue.bulkhead import Bulkhead
from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job
from whendue.timer.current_jobs import current_jobs
from whendue.timer.due_cursors import Cursor, Purpose


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
        partition_max: after how many entries of a partition to stop; None for no bound.
        window: the pages that were read last and are not done yet.
        seen: partition -> entries read in this tick.
        behind: the partitions that the next tick has to go on with.
    """

    kind: Purpose
    queue: str
    rank: int
    cursors: list[Cursor]
    until_ms: int
    page_max: int
    deadline_ms: int
    starts_over: bool = False
    partition_max: int | None = None
    window: list[tuple[Cursor, list[DueEntry]]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    behind: list[str] = field(default_factory=list)

    @property
    def oldest_check_at(self) -> int:
        """The oldest check of the window, which is not empty, ms UTC."""
        return min(entries[0].check_at for _, entries in self.window)

    def read_window(self, runtime: Runtime) -> None:
        """Read the next page of each partition. One partition's trouble does not hold up the others."""
        self.window = []
        for cursor in self.cursors:
            entries = self._page(runtime, cursor)
            if entries is None:
                self.behind.append(cursor.partition)
            elif entries:
                self.seen[cursor.partition] += len(entries)
                self.window.append((cursor, entries))
            elif self.starts_over:
                move(runtime.bulkhead, cursor, None)

    def read_jobs(self, runtime: Runtime) -> list[ScanPage]:
        """Read the jobs of the window; pages whose jobs cannot be read now are left to the next tick."""
        pages = []
        for cursor, entries in self.window:
            try:
                jobs = current_jobs(runtime, cursor.partition, entries)
            except UnavailableError:
                self.behind.append(cursor.partition)
            else:
                pages.append(ScanPage(cursor, entries, jobs, is_last=len(entries) < self.page_max))
        return pages

    def advance(self, passed: Sequence[ScanPage], left: Sequence[ScanPage] = ()) -> None:
        """Go on behind the pages of the window that were passed.

        Args:
            passed: the pages whose cursors were moved to their ends.
            left: the pages that the next tick has to go on with.
        """
        self.behind += [page.cursor.partition for page in left]
        self.cursors = [page.cursor for page in passed if not page.is_last and self._may_go_on(page.cursor.partition)]

    def leave(self) -> None:
        """Stop here: the next tick has to go on with the window."""
        self.behind += [cursor.partition for cursor, _ in self.window]
        self.cursors, self.window = [], []

    def _page(self, runtime: Runtime, cursor: Cursor) -> list[DueEntry] | None:
        """Read the next page of a partition; None when there is no time left, or it cannot be read now."""
        if runtime.clock.now_ms() >= self.deadline_ms:
            return None
        try:
            return runtime.store.query_due(
                cursor.partition, after=cursor.position, until_ms=self.until_ms, limit=self.page_max
            )
        except UnavailableError:
            return None
        except Exception as error:  # noqa: BLE001 - it is this partition's alone
            runtime.bulkhead.note("due_index", cursor.partition, error)
            return None

    def _may_go_on(self, partition: str) -> bool:
        return self.partition_max is None or self.seen[partition] < self.partition_max


def move(bulkhead: Bulkhead, cursor: Cursor, position: DueEntry | None) -> bool:
    """Move a cursor; False when another timer moved it, or it cannot be moved now."""
    try:
        return cursor.move(position)
    except Exception as error:  # noqa: BLE001 - it is this partition's alone
        bulkhead.note("cursor", cursor.partition, error)
        return False
